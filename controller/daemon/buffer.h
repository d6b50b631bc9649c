/* A text that grows, and documents that are made piece by piece.
 *
 * A document of thousands of targets is made while it is sent: whoever sends
 * it asks for the next pieces when the last ones are gone, so that no reader
 * holds up the loop.
 */
#ifndef BASCULE_DAEMON_BUFFER_H
#define BASCULE_DAEMON_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer {
	char *buf; /* owned; NUL-terminated once something was added */
	size_t used, size;
	bool failed; /* memory was out; what was added since is lost */
};

void buffer_done(struct buffer *to);

/* Empty it and keep the memory. */
void buffer_reset(struct buffer *to);

void buffer_put(struct buffer *to, const char *bytes, size_t count);
void buffer_add(struct buffer *to, const char *string);
void buffer_number(struct buffer *to, int64_t value);

/* Microseconds as seconds, without trailing zeros: 1500000 is "1.5". */
void buffer_seconds(struct buffer *to, int64_t span_us);
void buffer_printf(struct buffer *to, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Append the next piece of a document to @to; false: that was the last.
 * Each document has its own @state. */
typedef bool (*buffer_piece_fn)(void *state, struct buffer *to);

#endif
