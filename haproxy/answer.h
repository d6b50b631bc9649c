/* The byte stream of a runtime socket in prompt mode, cut into lines and ends
 * of answers.
 *
 * HAProxy ends each answer with an empty line and the prompt "> ".  Nothing is
 * kept but the line under way, and of that the beginning: a line without end
 * costs no memory.
 */
#ifndef BASCULE_HAPROXY_ANSWER_H
#define BASCULE_HAPROXY_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#define ANSWER_LINE_MAX 512 /* kept of a line, its final NUL included */
#define ANSWER_MAX      (16UL << 20) /* bytes of one answer; more is garbage */

struct answer {
	char line[ANSWER_LINE_MAX];
	size_t length; /* of line[] */
	size_t total;  /* bytes of this answer so far */
	bool ended;    /* line[] was handed out: the next byte begins anew */
	bool begun;    /* a newline was seen: a prompt may follow */
};

enum answer_part {
	ANSWER_MORE, /* all bytes are taken, more are needed */
	ANSWER_LINE, /* line[] holds a line, without its newline */
	ANSWER_END,  /* the prompt: the answer is complete */
	ANSWER_BAD   /* longer than ANSWER_MAX */
};

/* Before the first byte of a connection. */
void answer_init(struct answer *ans);

/* Take bytes up to the next part.  @ret_used: how many of @size were taken. */
enum answer_part answer_feed(struct answer *ans, const char *data, size_t size,
			     size_t *ret_used);

#endif
