/* The store's folder: made where it is missing, and one daemon's alone. */
#ifndef BASCULE_DAEMON_STORE_FOLDER_H
#define BASCULE_DAEMON_STORE_FOLDER_H

#include "controller/core/err.h"

/* Take the folder of the file at @path for as long as @ret_fd is open; the
 * kernel gives it back when its holder dies.  Works on a full and on a
 * read-only disk.  Blocks on the disk.
 *
 * Returns 0; -EADDRINUSE with @err filled when another process has it; 0 with
 * @ret_fd negative where there is no folder or it cannot be locked.
 */
int store_folder_take(const char *path, int *ret_fd, struct err *err);

#endif
