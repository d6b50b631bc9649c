/* The file of the hard state: bytes that are on disk, or said not to be.
 *
 * A thread of its own writes: a new file beside the old one, synced, renamed
 * over it, and the folder synced.  Whatever happens in between, the file holds
 * the old bytes or the new ones, whole.  One write is under way at a time, in
 * the order of asking; of those that wait only the newest is written.
 *
 * A disk that hangs holds up the thread alone: its answer does not come, and
 * whoever asked counts the time.
 */
#ifndef BASCULE_DAEMON_HARD_FILE_H
#define BASCULE_DAEMON_HARD_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/core/err.h"
#include "controller/io/loop.h"

#define HARD_FILE_BYTES_MAX 16384

struct hard_file;

/* In the loop's thread.  @error: NULL, @id is on disk; or why it may not be.
 * It stands also for every earlier write that has no answer yet: one that a
 * newer one replaced, or that ended right before it.  Must not close the file.
 */
typedef void (*hard_file_fn)(void *arg, uint64_t id, const char *error);

/* What is in @path, at the start; blocks.
 *
 * @ret_size: bytes written to @buf.
 * Returns 0; -ENOENT: there is none; -EUCLEAN: it is damaged, being empty,
 * longer than @size or no file (what is read and no hard state is as damaged);
 * else the errno of the attempt to read it.
 */
int hard_file_read(const char *path, uint8_t *buf, size_t size,
		   size_t *ret_size, struct err *err);

int hard_file_open(struct hard_file **ret_file, struct loop *loop,
		   const char *path, hard_file_fn fn, void *arg,
		   struct err *err);

/* Write @size bytes, 1 to HARD_FILE_BYTES_MAX, which are copied. */
void hard_file_write(struct hard_file *file, uint64_t id, const void *bytes,
		     size_t size);

/* Wait for what was asked, but no longer than @wait_us, then let go without
 * answers.  Returns whether nothing was left; a write that hangs goes on by
 * itself.  NULL is fine. */
bool hard_file_close(struct hard_file *file, int64_t wait_us);

#endif
