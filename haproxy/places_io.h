/* Where the targets are whose servers may be added, for those that have a
 * name: the first address that the resolver has for it, as it is now. */
#ifndef BASCULE_HAPROXY_PLACES_IO_H
#define BASCULE_HAPROXY_PLACES_IO_H

#include "controller/core/settings.h"
#include "controller/io/resolver.h"
#include "haproxy/dynamic.h"

struct places;

/* Watch the names of @set's targets.  Returns NULL when memory is out. */
struct places *places_new(struct resolver *resolver,
			  const struct settings *set);
void places_free(struct places *places);

/* Returns false while there is no answer. */
bool places_find(const struct places *places, unsigned target,
		 char ret_address[DYNAMIC_ADDRESS_MAX]);

#endif
