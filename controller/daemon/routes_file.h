/* Which servers this node routes databases to: a file in the runtime folder,
 * by which guard, `basculed --release` and the start of a daemon withdraw them
 * when the daemon cannot (rule 10 of docs/protocol.md).
 *
 * Not by a configuration, which may be half edited.  Written before anything is
 * routed, and again at a reload, it holds what each HAProxy is to be told, a
 * line for each group with all of its servers, routed or not: those that are
 * not belong into maintenance anyway.
 *
 *	# bascule routes 1
 *	unix /run/haproxy/admin.sock
 *	set server be_db/pg1 state maint;shutdown sessions server be_db/pg1
 *	master /run/haproxy/master.sock
 *	sessions be_db/pg1
 *	tcp 9999 127.0.0.1
 *	...
 *	# end
 *
 * A master is told to end what sessions to these servers its leaving workers
 * have.  Withdrawing allocates nothing, waits, and may be repeated.
 */
#ifndef BASCULE_DAEMON_ROUTES_FILE_H
#define BASCULE_DAEMON_ROUTES_FILE_H

#include <stddef.h>

#include "controller/core/err.h"
#include "controller/core/instant.h"
#include "controller/core/settings.h"

#define ROUTES_FILE_NAME "routes"
#define ROUTES_FILE_MAX  ((size_t)64 * 1024) /* bytes */

/* The file's text for @set.  Returns its size, 0 when nothing is routed, or
 * -EFBIG. */
int routes_file_print(const struct settings *set, char *buf, size_t size);

/* Put it into @folder, whole or not at all; without groups there is no file.
 * -EINVAL with a HAProxy whose address is a name: there is nobody to ask for it
 * when the daemon is dead. */
int routes_file_write(const char *folder, const struct settings *set,
		      struct err *err);

/* Nothing is to be withdrawn when the daemon is dead. */
int routes_file_remove(const char *folder, struct err *err);

/* Touch what withdrawing needs, for whoever has locked its memory. */
void routes_file_prepare(void);

/* Tell all HAProxies at once; one where nobody listens routes nothing.  @text
 * ends with a NUL, and is spent.  Returns 0, or -errno when one of them did not
 * do it by @until. */
int routes_file_carry_out(char *text, struct instant until, struct err *err);

/* The same of the file in @folder, which stays; 0 too when there is none. */
int routes_file_withdraw(const char *folder, struct instant until,
			 struct err *err);

#endif
