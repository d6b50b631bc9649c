#include "controller/config/diff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A target of the old settings, sortable. */
struct known {
	const char *service, *target; /* borrowed from the settings */
	unsigned index;
};

static int known_compare(const void *left, const void *right)
{
	const struct known *a = left, *b = right;
	int r = strcmp(a->service, b->service);

	return r != 0 ? r : strcmp(a->target, b->target);
}

static struct known known_make(const struct settings *settings, unsigned index)
{
	const struct target_settings *target = &settings->targets[index];

	return (struct known){
		.service = settings->services[target->service].name,
		.target = target->name,
		.index = index,
	};
}

int settings_map_targets(const struct settings *new_set,
			 const struct settings *old, unsigned *ret_old_index)
{
	struct known *known, *found, wanted;
	unsigned i;

	known = malloc((old->target_count + 1) * sizeof(*known));
	if (known == NULL)
		return -ENOMEM;
	for (i = 0; i < old->target_count; i++)
		known[i] = known_make(old, i);
	qsort(known, old->target_count, sizeof(*known), known_compare);
	for (i = 0; i < new_set->target_count; i++) {
		wanted = known_make(new_set, i);
		found = bsearch(&wanted, known, old->target_count,
				sizeof(*known), known_compare);
		ret_old_index[i] = found ? found->index : SETTINGS_NONE;
	}
	free(known);
	return 0;
}
