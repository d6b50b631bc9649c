#include "drill/load/reply.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

/* A chunk size has at most this many digits: 1 TiB. */
#define CHUNK_DIGITS_MAX 10

void reply_init(struct reply *reply)
{
	reply->state = REPLY_HEAD;
	reply->status = 0;
	reply->keep_alive = true;
	reply->chunked = false;
	reply->body_left = -1;
	reply->line_len = 0;
	reply->head_len = 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "HTTP/1.1 200 OK" */
static int parse_status(struct reply *reply, const char *line, size_t len)
{
	if (len < 12 || memcmp(line, "HTTP/1.", 7) != 0 ||
	    (line[7] != '0' && line[7] != '1') || line[8] != ' ' ||
	    !is_digit(line[9]) || !is_digit(line[10]) || !is_digit(line[11]) ||
	    (len > 12 && line[12] != ' '))
		return -EBADMSG;
	reply->status = (line[9] - '0') * 100 + (line[10] - '0') * 10 +
			(line[11] - '0');
	reply->keep_alive = line[7] == '1';
	return reply->status >= 100 && reply->status <= 599 ? 0 : -EBADMSG;
}

static int parse_length(struct reply *reply, const char *value, size_t len)
{
	int64_t length = 0;

	if (len == 0 || len > 15)
		return -EBADMSG;
	for (size_t i = 0; i < len; i++) {
		if (!is_digit(value[i]))
			return -EBADMSG;
		length = length * 10 + (value[i] - '0');
	}
	reply->body_left = length;
	return 0;
}

static bool is_word(const char *text, size_t len, const char *word)
{
	return len == strlen(word) && strncasecmp(text, word, len) == 0;
}

static int parse_header(struct reply *reply, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);
	const char *value;
	size_t name_len, value_len;

	if (colon == NULL || colon == line)
		return -EBADMSG;
	name_len = (size_t)(colon - line);
	value = colon + 1;
	value_len = len - name_len - 1;
	for (; value_len > 0 && *value == ' '; value_len--)
		value++;
	while (value_len > 0 && value[value_len - 1] == ' ')
		value_len--;
	if (is_word(line, name_len, "content-length"))
		return parse_length(reply, value, value_len);
	if (is_word(line, name_len, "transfer-encoding") &&
	    is_word(value, value_len, "chunked"))
		reply->chunked = true;
	if (is_word(line, name_len, "connection"))
		reply->keep_alive = is_word(value, value_len, "keep-alive") ||
				    (reply->keep_alive &&
				     !is_word(value, value_len, "close"));
	return 0;
}

/* What follows the head. */
static void choose_body(struct reply *reply)
{
	if (reply->status < 200) {
		reply_init(reply); /* the real answer follows */
	} else if (reply->status == 204 || reply->status == 304) {
		reply->state = REPLY_WHOLE;
	} else if (reply->chunked) {
		reply->state = REPLY_CHUNK_SIZE;
	} else if (reply->body_left < 0) {
		reply->state = REPLY_UNTIL_CLOSE;
		reply->keep_alive = false;
	} else {
		reply->state = reply->body_left > 0 ? REPLY_BODY : REPLY_WHOLE;
	}
}

static int parse_head(struct reply *reply)
{
	const char *line = reply->head;
	const char *end = reply->head + reply->head_len;
	int r = 0;

	for (bool first = true; r == 0; first = false) {
		const char *lf = memchr(line, '\n', (size_t)(end - line));
		size_t len;

		if (lf == NULL)
			return -EBADMSG;
		len = (size_t)(lf - line);
		if (len > 0 && line[len - 1] == '\r')
			len--;
		if (len == 0 && !first) {
			choose_body(reply);
			return 0;
		}
		r = first ? parse_status(reply, line, len)
			  : parse_header(reply, line, len);
		line = lf + 1;
	}
	return r;
}

/* Whether the head is whole; its first bytes must already look like HTTP. */
static int take_head(struct reply *reply, char c)
{
	static const char start[] = "HTTP/1.";
	size_t n = reply->head_len;

	if (n == REPLY_HEAD_MAX || (n < sizeof(start) - 1 && c != start[n]))
		return -EBADMSG;
	reply->head[n] = c;
	reply->head_len = ++n;
	if (c != '\n')
		return 0;
	if ((n >= 2 && reply->head[n - 2] == '\n') ||
	    (n >= 4 && memcmp(reply->head + n - 4, "\r\n\r\n", 4) == 0))
		return parse_head(reply);
	return 0;
}

/* The hexadecimal length that a chunk's line begins with. */
static int parse_chunk_size(struct reply *reply)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	int64_t size = 0;
	size_t n = 0;

	for (; n < reply->line_len && n <= CHUNK_DIGITS_MAX; n++) {
		const char *digit =
			memchr(digits, reply->head[n], sizeof(digits) - 1);

		if (digit == NULL)
			break;
		size = size * 16 + (digit - digits) % 16;
	}
	if (n == 0 || n > CHUNK_DIGITS_MAX)
		return -EBADMSG;
	reply->body_left = size + 2;
	reply->state = size > 0 ? REPLY_CHUNK_DATA : REPLY_TRAILER;
	return 0;
}

/* A line of the chunked framing; the head is read, so its room is free. */
static int take_line(struct reply *reply, char c)
{
	if (c != '\n') {
		if (reply->line_len == REPLY_HEAD_MAX)
			return -EBADMSG;
		if (c != '\r')
			reply->head[reply->line_len++] = c;
		return 0;
	}
	if (reply->state == REPLY_CHUNK_SIZE) {
		if (parse_chunk_size(reply) < 0)
			return -EBADMSG;
	} else if (reply->line_len == 0) {
		reply->state = REPLY_WHOLE;
	}
	reply->line_len = 0;
	return 0;
}

/* Returns how many of @len bytes belong to the body or chunk. */
static size_t take_body(struct reply *reply, size_t len)
{
	if ((int64_t)len < reply->body_left) {
		reply->body_left -= (int64_t)len;
		return len;
	}
	len = (size_t)reply->body_left;
	reply->state =
		reply->state == REPLY_BODY ? REPLY_WHOLE : REPLY_CHUNK_SIZE;
	return len;
}

int reply_feed(struct reply *reply, const char *buf, size_t len)
{
	size_t used = 0;
	int r = 0;

	while (used < len && r == 0 && reply->state != REPLY_WHOLE) {
		switch (reply->state) {
		case REPLY_HEAD:
			r = take_head(reply, buf[used++]);
			break;
		case REPLY_CHUNK_SIZE:
		case REPLY_TRAILER:
			r = take_line(reply, buf[used++]);
			break;
		case REPLY_BODY:
		case REPLY_CHUNK_DATA:
			used += take_body(reply, len - used);
			break;
		case REPLY_UNTIL_CLOSE:
			return 0;
		case REPLY_WHOLE:
			break;
		}
	}
	if (r < 0 || reply->state != REPLY_WHOLE)
		return r;
	if (used < len)
		reply->keep_alive = false;
	return 1;
}

int reply_end(struct reply *reply)
{
	if (reply->state != REPLY_UNTIL_CLOSE)
		return -EPIPE;
	reply->state = REPLY_WHOLE;
	return 1;
}
