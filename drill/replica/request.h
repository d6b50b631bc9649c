/* One HTTP/1.x request as bytes in a buffer.
 *
 * Pure.  Everything in the struct is borrowed from the buffer.  Requests with
 * a chunked body are refused: no client of the replica sends them.
 */
#ifndef BASCULE_DRILL_REPLICA_REQUEST_H
#define BASCULE_DRILL_REPLICA_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

/* Head and body together. */
#define REQUEST_MAX 16384

enum request_method {
	REQUEST_GET,
	REQUEST_HEAD,
	REQUEST_POST,
	REQUEST_OTHER,
};

struct request_part {
	const char *text;
	size_t len;
};

struct request {
	enum request_method method;
	struct request_part path;
	struct request_part query; /* without the question mark */
	struct request_part body;
	bool keep_alive;
	size_t size; /* of the whole, so where the next one begins */
};

/* Read the request at the start of @buf.
 *
 * Returns 1 and fills @ret_request, 0 when more bytes are needed, -EBADMSG
 * when it is not HTTP/1.x, -EMSGSIZE when it is larger than REQUEST_MAX,
 * -EPROTONOSUPPORT for a chunked body.
 */
int request_parse(const char *buf, size_t len, struct request *ret_request);

/* Whether @part is exactly @text. */
bool request_part_is(struct request_part part, const char *text);

#endif
