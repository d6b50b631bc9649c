/* Servers added at runtime: HAProxy's language for them.
 *
 * An added server is in maintenance, and has nothing of its backend's
 * default-server: what it needs beside its address is given.  HAProxy has no
 * checks for it unless told so, nor does it need any.  Its answers to these
 * commands are free text also where they mean yes.
 */
#ifndef BASCULE_HAPROXY_DYNAMIC_H
#define BASCULE_HAPROXY_DYNAMIC_H

#include <stdbool.h>
#include <stddef.h>

#include "haproxy/servers.h"

#define DYNAMIC_ADDRESS_MAX 64  /* numeric, its NUL included */
#define DYNAMIC_COMMAND_MAX 360 /* the longest of all, likewise */

/* Where a target that is known by a name is: numeric, without brackets.
 * Returns false while nobody knows. */
typedef bool (*dynamic_address_fn)(void *arg, unsigned target,
				   char ret_address[DYNAMIC_ADDRESS_MAX]);

/* How addresses are found; fn NULL: numeric ones alone. */
struct dynamic_places {
	dynamic_address_fn fn;
	void *arg;
};

/* The command that makes @target's server, or that moves it to its address.
 * Returns NULL, or why there is none. */
const char *dynamic_add(const struct servers *srv,
			const struct dynamic_places *places, unsigned target,
			char ret_command[DYNAMIC_COMMAND_MAX]);
const char *dynamic_move(const struct servers *srv,
			 const struct dynamic_places *places, unsigned target,
			 char ret_command[DYNAMIC_COMMAND_MAX]);

/* Whether the first line of HAProxy's answer says yes. */
bool dynamic_added(const char *answer);
bool dynamic_moved(const char *answer);

/* What became of `del server`. */
enum dynamic_end {
	DYNAMIC_GONE,
	DYNAMIC_BUSY,   /* it has connections still, or is not yet out of use */
	DYNAMIC_REFUSED /* it stays; the answer says why */
};
enum dynamic_end dynamic_deleted(const char *answer);

/* Whether @line shows @target's server, if it is one that may be added, at
 * another address than the target's. */
bool dynamic_misplaced(const struct servers *srv,
		       const struct dynamic_places *places, unsigned target,
		       const struct server_line *line);

#endif
