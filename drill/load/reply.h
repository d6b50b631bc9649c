/* One HTTP/1.x answer, read as it comes; its body is counted and dropped.
 *
 * Pure, of constant size whatever the server sends.  checks/http_answer.h is
 * not used for it: that one stops as soon as a check is decided and refuses
 * large bodies, while a client has its answer only with the last byte.
 */
#ifndef BASCULE_DRILL_LOAD_REPLY_H
#define BASCULE_DRILL_LOAD_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A longer head is not taken for HTTP. */
#define REPLY_HEAD_MAX 8192

enum reply_state {
	REPLY_HEAD,
	REPLY_BODY,       /* body_left more bytes */
	REPLY_CHUNK_SIZE, /* a line with a length */
	REPLY_CHUNK_DATA, /* body_left more bytes, the line end included */
	REPLY_TRAILER,    /* lines up to an empty one */
	REPLY_UNTIL_CLOSE,
	REPLY_WHOLE,
};

struct reply {
	enum reply_state state;
	int status; /* 0 before the head is read */
	bool keep_alive;
	bool chunked;
	int64_t body_left;
	size_t line_len; /* of the chunk size or trailer line so far */
	size_t head_len;
	char head[REPLY_HEAD_MAX]; /* later such a line */
};

void reply_init(struct reply *reply);

/* Take @len more bytes.  Returns 1 when the answer is whole (bytes behind it
 * make it not keep_alive), 0 when more is needed, -EBADMSG when it is not
 * HTTP.
 */
int reply_feed(struct reply *reply, const char *buf, size_t len);

/* The server closed: 1 when that ends the answer properly, else -EPIPE. */
int reply_end(struct reply *reply);

#endif
