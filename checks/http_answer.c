#include "checks/http_answer.h"

#include <string.h>
#include <strings.h>

static void answer_bad(struct http_answer *ans, const char *why)
{
	ans->step = HTTP_STEP_BAD;
	ans->why = why;
}

void http_answer_init(struct http_answer *ans, char *kept)
{
	memset(ans, 0, offsetof(struct http_answer, line));
	http_body_init(&ans->body, kept);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void forget_head(struct http_answer *ans)
{
	ans->length_known = ans->coded = ans->chunked = false;
	ans->close = ans->keep = ans->framed = false;
	ans->left = 0;
}

/* "HTTP/1.1 200 OK"; the reason may be missing, with or without its blank. */
static void take_status_line(struct http_answer *ans)
{
	const char *s = ans->line;
	size_t size = ans->line_used;

	if (size < 12 || memcmp(s, "HTTP/1.", 7) != 0 || !is_digit(s[7]) ||
	    s[8] != ' ' || s[9] < '1' || s[9] > '9' || !is_digit(s[10]) ||
	    !is_digit(s[11]) || (size > 12 && s[12] != ' ')) {
		answer_bad(ans, "not a status line of HTTP/1");
		return;
	}
	forget_head(ans);
	ans->old = s[7] == '0';
	ans->status = (s[9] - '0') * 100 + (s[10] - '0') * 10 + (s[11] - '0');
	ans->step = HTTP_HEADER;
}

/* Called for each byte of a status line that is not complete: another
 * protocol shows in its first bytes, and may wait for us to speak. */
static bool may_be_status_line(const struct http_answer *ans)
{
	size_t size = ans->line_used < 7 ? ans->line_used : 7;

	return memcmp(ans->line, "HTTP/1.", size) == 0;
}

static void take_length(struct http_answer *ans, const char *s, size_t size)
{
	uint64_t length = 0;
	size_t i;

	if (size == 0 || ans->cut) {
		answer_bad(ans, "Content-Length is not a number");
		return;
	}
	for (i = 0; i < size; i++) {
		if (!is_digit(s[i]) || length > UINT64_MAX / 10 - 10) {
			answer_bad(ans, "Content-Length is not a number");
			return;
		}
		length = length * 10 + (uint64_t)(s[i] - '0');
	}
	if (ans->length_known && length != ans->left) {
		answer_bad(ans, "two different Content-Lengths");
		return;
	}
	ans->length_known = true;
	ans->left = length;
}

/* Whether the comma-separated list in @s has @word, and if so, whether it is
 * its last element. */
static bool list_has(const char *s, size_t size, const char *word,
		     bool *ret_last)
{
	size_t from = 0, to, end, len = strlen(word);
	bool found = false;

	*ret_last = false;
	while (from < size) {
		for (end = from; end < size && s[end] != ','; end++)
			;
		while (from < end && is_blank(s[from]))
			from++;
		for (to = end; to > from && is_blank(s[to - 1]); to--)
			;
		*ret_last = to - from == len &&
			    strncasecmp(s + from, word, len) == 0;
		found = found || *ret_last;
		from = end + 1;
	}
	return found;
}

static void take_coding(struct http_answer *ans, const char *s, size_t size)
{
	bool last;

	list_has(s, size, "chunked", &last);
	if (ans->chunked || ans->cut) {
		answer_bad(ans, "Transfer-Encoding makes no sense");
		return;
	}
	ans->coded = true;
	ans->chunked = last;
}

static void take_connection(struct http_answer *ans, const char *s, size_t size)
{
	bool last;

	ans->close = ans->close || list_has(s, size, "close", &last);
	ans->keep = ans->keep || list_has(s, size, "keep-alive", &last);
}

static bool name_is(const char *s, size_t size, const char *name)
{
	return size == strlen(name) && strncasecmp(s, name, size) == 0;
}

static void take_field(struct http_answer *ans, const char *name,
		       size_t name_size, const char *value, size_t size)
{
	ans->framed = true;
	if (name_is(name, name_size, "Content-Length"))
		take_length(ans, value, size);
	else if (name_is(name, name_size, "Transfer-Encoding"))
		take_coding(ans, value, size);
	else if (name_is(name, name_size, "Connection"))
		take_connection(ans, value, size);
	else
		ans->framed = false;
}

/* A line that begins with a blank continues the one before: obsolete, but
 * allowed.  What says where the answer ends must not be spread like that. */
static void take_header(struct http_answer *ans)
{
	const char *s = ans->line, *colon;
	size_t size = ans->line_used, name_size, from;

	if (is_blank(s[0])) {
		if (ans->framed)
			answer_bad(ans, "a folded header where none may be");
		return;
	}
	colon = memchr(s, ':', size);
	if (colon == NULL || colon == s || is_blank(colon[-1])) {
		answer_bad(ans, "a header line without a name");
		return;
	}
	name_size = (size_t)(colon - s);
	for (from = name_size + 1; from < size && is_blank(s[from]); from++)
		;
	while (size > from && is_blank(s[size - 1]))
		size--;
	take_field(ans, s, name_size, s + from, size - from);
}

static bool answer_is_bodyless(const struct http_answer *ans,
			       const struct http_question *ask)
{
	return ask->head || ans->status == 101 || ans->status == 204 ||
	       ans->status == 304;
}

static void end_head(struct http_answer *ans, const struct http_question *ask)
{
	if (ans->status < 200 && ans->status != 101)
		ans->step = HTTP_STATUS_LINE;
	else if (answer_is_bodyless(ans, ask))
		ans->step = HTTP_STEP_DONE;
	else if (ans->chunked)
		ans->step = HTTP_CHUNK_SIZE;
	else if (ans->coded || !ans->length_known)
		ans->step = HTTP_BODY_CLOSE;
	else if (ans->left > HTTP_BODY_MAX)
		answer_bad(ans, "a body of more than 1 MiB");
	else if (ans->left > 0)
		ans->step = HTTP_BODY_LENGTH;
	else
		ans->step = HTTP_STEP_DONE;
}

static int hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* "1a2b;extension" */
static void take_chunk_size(struct http_answer *ans)
{
	uint64_t size = 0;
	unsigned i;

	for (i = 0; i < ans->line_used && hex_digit(ans->line[i]) >= 0; i++) {
		size = size * 16 + (uint64_t)hex_digit(ans->line[i]);
		if (size > HTTP_BODY_MAX) {
			answer_bad(ans, "a chunk of more than 1 MiB");
			return;
		}
	}
	if (i == 0 || (i < ans->line_used && ans->line[i] != ';' &&
		       !is_blank(ans->line[i]))) {
		answer_bad(ans, "a chunk without a size");
		return;
	}
	ans->left = size;
	ans->step = size > 0 ? HTTP_CHUNK_DATA : HTTP_TRAILER;
	ans->head_size = 0;
}

static bool line_is_text(const struct http_answer *ans)
{
	unsigned i;

	for (i = 0; i < ans->line_used; i++)
		if ((unsigned char)ans->line[i] < ' ' && ans->line[i] != '\t')
			return false;
	return true;
}

/* A whole line is there, without its end. */
static void take_line(struct http_answer *ans, const struct http_question *ask)
{
	bool empty = ans->line_used == 0;

	if (!line_is_text(ans))
		answer_bad(ans, "control characters where a line should be");
	else if (ans->step == HTTP_STATUS_LINE)
		take_status_line(ans);
	else if (ans->step == HTTP_HEADER && !empty)
		take_header(ans);
	else if (ans->step == HTTP_HEADER)
		end_head(ans, ask);
	else if (ans->step == HTTP_CHUNK_SIZE)
		take_chunk_size(ans);
	else if (ans->step == HTTP_CHUNK_END && !empty)
		answer_bad(ans, "a chunk longer than its size");
	else if (ans->step == HTTP_CHUNK_END)
		ans->step = HTTP_CHUNK_SIZE;
	else if (empty)
		ans->step = HTTP_STEP_DONE;
	ans->line_used = 0;
	ans->cut = false;
}

static void keep_line(struct http_answer *ans, const char *buf, size_t size)
{
	size_t room = HTTP_LINE_MAX - ans->line_used;

	if (size > room) {
		ans->cut = true;
		size = room;
	}
	memcpy(ans->line + ans->line_used, buf, size);
	ans->line_used = (uint8_t)(ans->line_used + size);
}

/* Take the rest of a line, or what there is of it; returns bytes used. */
static size_t feed_line(struct http_answer *ans,
			const struct http_question *ask, const char *buf,
			size_t size)
{
	const char *end = memchr(buf, '\n', size);
	size_t used = end != NULL ? (size_t)(end - buf) + 1 : size;

	if (used > HTTP_HEAD_MAX - ans->head_size) {
		answer_bad(ans, "a head of more than 32 KiB");
		return used;
	}
	ans->head_size += (uint32_t)used;
	keep_line(ans, buf, end != NULL ? used - 1 : used);
	if (ans->step == HTTP_STATUS_LINE && !may_be_status_line(ans)) {
		answer_bad(ans, "not a status line of HTTP/1");
		return used;
	}
	if (end == NULL)
		return used;
	if (!ans->cut && ans->line_used > 0 &&
	    ans->line[ans->line_used - 1] == '\r')
		ans->line_used--;
	take_line(ans, ask);
	return used;
}

static size_t feed_data(struct http_answer *ans,
			const struct http_question *ask, const char *buf,
			size_t size)
{
	if (ans->step != HTTP_BODY_CLOSE && size > ans->left)
		size = ans->left;
	if (http_body_feed(&ans->body, ask, buf, size) < 0) {
		answer_bad(ans, "a body of more than 1 MiB");
		return size;
	}
	if (ans->step == HTTP_BODY_CLOSE)
		return size;
	ans->left -= size;
	if (ans->left == 0)
		ans->step = ans->step == HTTP_CHUNK_DATA ? HTTP_CHUNK_END
							 : HTTP_STEP_DONE;
	return size;
}

static bool step_is_data(enum http_step step)
{
	return step == HTTP_BODY_LENGTH || step == HTTP_BODY_CLOSE ||
	       step == HTTP_CHUNK_DATA;
}

static enum http_progress answer_progress(const struct http_answer *ans,
					  const struct http_question *ask)
{
	if (ans->step == HTTP_STEP_DONE)
		return HTTP_DONE;
	if (ans->step == HTTP_STEP_BAD)
		return HTTP_BAD;
	if (ans->step > HTTP_HEADER &&
	    !http_status_wanted(ask->check, ans->status))
		return HTTP_DONE;
	return HTTP_MORE;
}

enum http_progress http_answer_feed(struct http_answer *ans,
				    const struct http_question *ask,
				    const char *buf, size_t size,
				    size_t *ret_used)
{
	size_t used = 0;

	if (size > 0)
		ans->begun = true;
	while (used < size && ans->step < HTTP_STEP_DONE) {
		if (step_is_data(ans->step))
			used += feed_data(ans, ask, buf + used, size - used);
		else
			used += feed_line(ans, ask, buf + used, size - used);
	}
	*ret_used = used;
	return answer_progress(ans, ask);
}

enum http_progress http_answer_end(struct http_answer *ans)
{
	if (ans->step == HTTP_BODY_CLOSE)
		ans->step = HTTP_STEP_DONE;
	else if (!ans->begun)
		answer_bad(ans, "closed without an answer");
	else if (ans->step <= HTTP_HEADER)
		answer_bad(ans, "closed within the head");
	else if (ans->step < HTTP_STEP_DONE)
		answer_bad(ans, "closed within the body");
	return ans->step == HTTP_STEP_DONE ? HTTP_DONE : HTTP_BAD;
}

bool http_answer_reusable(const struct http_answer *ans)
{
	if (ans->step != HTTP_STEP_DONE || ans->close || ans->status == 101)
		return false;
	if (ans->old && !ans->keep)
		return false;
	if (ans->coded)
		return ans->chunked && !ans->length_known && !ans->old;
	return true;
}
