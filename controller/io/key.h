/* The cluster key: a file that only its owner can read.
 *
 * One line of base64 for KEY_BYTES random bytes; empty lines and those that
 * begin with # are comments.
 */
#ifndef BASCULE_IO_KEY_H
#define BASCULE_IO_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include "controller/core/err.h"
#include "controller/io/secret.h"

#define KEY_BYTES    32
#define KEY_TEXT_MAX 256

/* Read the key from @path.
 *
 * @ret_key: KEY_BYTES, owned by the caller.
 * Returns 0; -EPERM for a file that others can read or that is neither ours
 * nor root's; -EBADMSG for one that holds no key, or the errno of the attempt
 * to read it.  @err says what is wrong and how to mend it.
 */
int key_read(const char *path, struct secret **ret_key, struct err *err);

/* The text of a file with a new key.  Returns 0 or -ENOMEM. */
int key_generate(char ret_text[KEY_TEXT_MAX], struct err *err);

/* Write @text to @path, which becomes a file of mode 0600, at once and whole.
 *
 * @replace: a file that is there may be replaced; otherwise -EEXIST.
 */
int key_write(const char *path, const char *text, bool replace,
	      struct err *err);

#endif
