/* A release recipe from anybody: what is accepted can be printed, and is then
 * read as the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "controller/daemon/recipe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct recipe recipe, again;
	char text[RECIPE_MAX];
	struct err err;
	int n;

	if (recipe_parse((const char *)data, size, &recipe, &err) < 0)
		return 0;
	n = recipe_print(&recipe, text, sizeof(text));
	if (n < 0 || recipe_parse(text, (size_t)n, &again, &err) < 0)
		abort();
	again.strange = recipe.strange;
	if (memcmp(&recipe, &again, sizeof(recipe)) != 0)
		abort();
	return 0;
}
