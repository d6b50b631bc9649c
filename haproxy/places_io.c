#include "haproxy/places_io.h"

#include <stdlib.h>

struct places {
	unsigned count;
	struct resolver_name **names; /* owned, as all in it; NULL: none */
};

/* Whether @target's address is asked for: a name, and wanted. */
static bool is_asked(const struct settings *set, unsigned target)
{
	const struct target_settings *t = &set->targets[target];
	struct address addr;

	return set->services[t->service].add_servers && t->host != NULL &&
	       *t->host != '\0' && !address_parse(t->host, t->port, &addr);
}

struct places *places_new(struct resolver *resolver, const struct settings *set)
{
	struct places *places = calloc(1, sizeof(*places));
	unsigned t;

	if (places == NULL)
		return NULL;
	places->count = set->target_count;
	places->names =
		calloc(set->target_count + 1UL, sizeof(struct resolver_name *));
	for (t = 0; places->names != NULL && t < set->target_count; t++)
		if (is_asked(set, t) &&
		    resolver_watch(resolver, set->targets[t].host,
				   &places->names[t], NULL) < 0)
			break;
	if (places->names == NULL || t < set->target_count) {
		places_free(places);
		return NULL;
	}
	return places;
}

void places_free(struct places *places)
{
	unsigned t;

	if (places == NULL)
		return;
	for (t = 0; places->names != NULL && t < places->count; t++)
		if (places->names[t] != NULL)
			resolver_unwatch(places->names[t]);
	free(places->names);
	free(places);
}

bool places_find(const struct places *places, unsigned target,
		 char ret_address[DYNAMIC_ADDRESS_MAX])
{
	const struct address *list;

	if (places->names[target] == NULL ||
	    resolver_addresses(places->names[target], &list) == 0)
		return false;
	address_text(&list[0], ret_address, DYNAMIC_ADDRESS_MAX);
	return true;
}
