/* Which servers this node routes databases to: a file in the runtime folder,
 * by which guard, `basculed --release` and the start of a daemon withdraw them
 * when the daemon cannot (rule 10 of docs/protocol.md).
 *
 * Not by a configuration, which may be half edited.  One server a line, those
 * of one HAProxy in a row:
 *
 *	# bascule routes 1
 *	/run/haproxy/admin.sock be_db/pg1
 *	10.0.0.1:9999 be_db/pg1
 *	# end
 *
 * Withdrawing allocates nothing, waits, and may be repeated.  A HAProxy that
 * is reached over TCP has to be given by number: no name is resolved then.
 */
#ifndef BASCULE_DAEMON_ROUTES_FILE_H
#define BASCULE_DAEMON_ROUTES_FILE_H

#include "controller/core/err.h"
#include "controller/core/instant.h"
#include "controller/core/settings.h"

#define ROUTES_FILE_NAME "routes"

/* Put the servers of all groups of @set into @folder, whole or not at all.
 * Without groups there is no file. */
int routes_file_write(const char *folder, const struct settings *set,
		      struct err *err);

/* Touch what withdrawing needs, for whoever has locked its memory. */
void routes_file_prepare(void);

/* Put every server of the file into maintenance and end its sessions.
 *
 * @until: no HAProxy is waited for any longer.
 * Returns 0, also without a file and for a HAProxy that does not run, else
 * -errno and the first error; the others are withdrawn all the same.
 */
int routes_file_withdraw(const char *folder, struct instant until,
			 struct err *err);

#endif
