/* An HTTP/1.x answer, read as it comes in.
 *
 * Takes bytes in pieces of any size, keeps none but the beginning of the line
 * it is in, allocates nothing.  Everything that can grow has a bound, and all
 * that is wrong ends in HTTP_BAD with a sentence.
 */
#ifndef BASCULE_CHECKS_HTTP_ANSWER_H
#define BASCULE_CHECKS_HTTP_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "checks/http.h"

#define HTTP_HEAD_MAX (32 * 1024) /* status line and headers, 1xx included */
#define HTTP_LINE_MAX 128         /* how much of a line is looked at */

enum http_step {
	HTTP_STATUS_LINE,
	HTTP_HEADER,
	HTTP_BODY_LENGTH,
	HTTP_BODY_CLOSE,
	HTTP_CHUNK_SIZE,
	HTTP_CHUNK_DATA,
	HTTP_CHUNK_END,
	HTTP_TRAILER,
	HTTP_STEP_DONE,
	HTTP_STEP_BAD
};

enum http_progress {
	HTTP_MORE, /* go on */
	HTTP_DONE, /* the answer can be judged */
	HTTP_BAD   /* this is no answer; http_answer.why says why */
};

struct http_answer {
	struct http_body body;
	enum http_step step;
	int status;
	uint32_t head_size;  /* so far */
	uint64_t left;       /* of the body or the chunk */
	const char *why;     /* a constant, when bad */
	bool begun;          /* something has come */
	bool old;            /* HTTP/1.0 */
	bool length_known;   /* Content-Length */
	bool coded, chunked; /* Transfer-Encoding, and its last is chunked */
	bool close, keep;    /* Connection */
	bool framed;         /* the header before this line says how long */
	bool cut;            /* the line is longer than what is kept */
	uint8_t line_used;
	char line[HTTP_LINE_MAX];
};

/* @kept: as http_body_init(). */
void http_answer_init(struct http_answer *ans, char *kept);

/* Take @size bytes.  DONE comes as soon as the verdict is certain: with the
 * last byte, or with the head when the status is not wanted.
 *
 * @ret_used: how many belonged to the answer, less than @size only when it
 *            ended.
 */
enum http_progress http_answer_feed(struct http_answer *ans,
				    const struct http_question *ask,
				    const char *buf, size_t size,
				    size_t *ret_used);

/* The other side has closed: DONE or BAD. */
enum http_progress http_answer_end(struct http_answer *ans);

/* Whether the connection may carry the next question, after DONE. */
bool http_answer_reusable(const struct http_answer *ans);

#endif
