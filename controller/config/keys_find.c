/* Rows of the table of keys by their names, right or misspelt. */

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "controller/config/keys.h"
#include "controller/config/near.h"

const struct key *key_find(const struct block *block, const char *name)
{
	const struct key *key;

	for (key = block->keys; key->name != NULL; key++)
		if (strcmp(key->name, name) == 0)
			return key;
	return NULL;
}

const char *key_word(const struct key *key, int value)
{
	const struct choice *choice;

	for (choice = key->choices; choice->word != NULL; choice++)
		if (choice->value == value && choice->later == NULL)
			return choice->word;
	return "";
}

const char *key_nearest(const struct block *block, const char *name)
{
	unsigned best = near_bound(name), far;
	const struct key *key;
	const char *nearest = NULL;

	for (key = block->keys; key->name != NULL; key++) {
		far = near_distance(name, key->name);
		if (far < best) {
			best = far;
			nearest = key->name;
		}
	}
	return nearest;
}
