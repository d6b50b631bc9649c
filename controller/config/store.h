/* One value into the field that its key names. */
#ifndef BASCULE_CONFIG_STORE_H
#define BASCULE_CONFIG_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/config/arena.h"
#include "controller/config/keys.h"
#include "controller/core/err.h"
#include "controller/core/settings.h"

/* Put a value of @key into @dest, a struct of the key's block.  Strings are
 * copied into @arena.
 *
 * 0; -EINVAL with "what is wrong: what would be right" in @err; -ENOMEM.
 */
int store_text(struct arena *arena, const struct key *key, const char *text,
	       void *dest, struct err *err);
int store_integer(struct arena *arena, const struct key *key, int64_t value,
		  void *dest, struct err *err);
int store_float(const struct key *key, double value, void *dest,
		struct err *err);
/* One "HOST:PORT" of a node. */
int store_node_address(struct arena *arena, const struct key *key,
		       const char *text, struct node_address *ret_address,
		       struct err *err);
void store_node_addresses(const struct key *key,
			  const struct node_address *addresses, size_t count,
			  void *dest);
void store_boolean(const struct key *key, bool value, void *dest);
void store_strings(const struct key *key, const char *const *strings,
		   size_t count, void *dest);

/* The key's default, which is right by construction. */
int store_default(struct arena *arena, const struct key *key, void *dest);

#endif
