#include "cli/words.h"

#include <stddef.h>

#include "controller/config/keys.h"

/* The configuration knows how to find the nearest of its settings; names of
 * commands and options are put before it as if they were such. */
const char *words_nearest(const char *const *names, const char *word)
{
	struct key keys[WORDS_MAX + 1] = { 0 };
	struct block block = { .keys = keys };

	for (size_t i = 0; i < WORDS_MAX && names[i] != NULL; i++)
		keys[i].name = names[i];
	return key_nearest(&block, word);
}
