/* Small files, read whole and written whole. */
#ifndef BASCULE_IO_FILE_H
#define BASCULE_IO_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "controller/core/err.h"

/* Read all of @path, at most @max bytes.
 *
 * @ret_text: NUL-terminated, to be freed by the caller.
 * @ret_size: bytes without the final NUL; NULL if not wanted.
 * Returns 0, -EFBIG for a larger file, -EISDIR and the like; @err says which
 * file and why.
 */
int file_read(const char *path, size_t max, char **ret_text, size_t *ret_size,
	      struct err *err);

/* Make @path a file of mode 0600 with these bytes: a new one ("@path.new") is
 * written, synced and takes the name, then the folder is synced.  Whatever
 * happens in between, @path is what it was or the new file, whole.
 *
 * @replace: what is there may be replaced; else -EEXIST.
 */
int file_write(const char *path, const void *bytes, size_t size, bool replace,
	       struct err *err);

/* Make @path a file with these bytes, whole or not at all, as long as the
 * machine runs: for a folder that does not outlive it, so nothing is synced.
 *
 * @fresh: a name in the same folder, first written and then renamed; the mode
 *         is 0640.
 * Returns 0 or -errno.  Allocates nothing.
 */
int file_write_volatile(const char *path, const char *fresh, const void *bytes,
			size_t size);

/* Read what nobody but this user may have written: for a file whose reader
 * does what it says.
 *
 * @text: @size bytes, ended by NUL.
 * Returns the bytes without it, -EPERM when it is another user's, others may
 * write it or it is not a regular file, -EFBIG when it does not fit, or another
 * -errno.  Allocates nothing.
 */
ssize_t file_read_own(const char *path, char *text, size_t size);

#endif
