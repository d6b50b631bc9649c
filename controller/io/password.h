/* Passwords: the first line of a file that not everybody may read. */
#ifndef BASCULE_IO_PASSWORD_H
#define BASCULE_IO_PASSWORD_H

#include "controller/core/err.h"
#include "controller/io/secret.h"

/* Read the first line of @path, without its end.
 *
 * @ret_password: its bytes end with a NUL, which the size does not count;
 * owned by the caller.
 * Returns 0; -EPERM for a file that everybody can read; -EBADMSG for one
 * without a password; or the errno of the attempt to read it.  @err says what
 * is wrong and how to mend it, never what is in it.
 */
int password_read(const char *path, struct secret **ret_password,
		  struct err *err);

#endif
