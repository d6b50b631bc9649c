/* Small files, read whole and written whole. */
#ifndef BASCULE_IO_FILE_H
#define BASCULE_IO_FILE_H

#include <stdbool.h>
#include <stddef.h>

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

#endif
