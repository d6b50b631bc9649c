/* Small files, read whole. */
#ifndef BASCULE_IO_FILE_H
#define BASCULE_IO_FILE_H

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

#endif
