#include "drill/replica/request.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

struct head {
	size_t body_len;
	bool close;
	bool chunked;
};

bool request_part_is(struct request_part part, const char *text)
{
	return part.len == strlen(text) &&
	       memcmp(part.text, text, part.len) == 0;
}

static bool part_is_nocase(struct request_part part, const char *text)
{
	return part.len == strlen(text) &&
	       strncasecmp(part.text, text, part.len) == 0;
}

/* The line at @from, without its end; @ret_next is where the next begins. */
static bool next_line(const char *from, const char *end,
		      struct request_part *ret_line, const char **ret_next)
{
	const char *lf = memchr(from, '\n', (size_t)(end - from));
	size_t len;

	if (lf == NULL)
		return false;
	len = (size_t)(lf - from);
	if (len > 0 && from[len - 1] == '\r')
		len--;
	*ret_line = (struct request_part){ from, len };
	*ret_next = lf + 1;
	return true;
}

static enum request_method method_of(struct request_part word)
{
	if (request_part_is(word, "GET"))
		return REQUEST_GET;
	if (request_part_is(word, "HEAD"))
		return REQUEST_HEAD;
	if (request_part_is(word, "POST"))
		return REQUEST_POST;
	return REQUEST_OTHER;
}

/* The word that @line begins with; @line loses it and the space behind. */
static struct request_part take_word(struct request_part *line)
{
	struct request_part word = *line;
	const char *space = memchr(line->text, ' ', line->len);

	if (space != NULL)
		word.len = (size_t)(space - line->text);
	line->text += word.len;
	line->len -= word.len;
	if (space != NULL) {
		line->text++;
		line->len--;
	}
	return word;
}

static int parse_first_line(struct request_part line, struct request *req)
{
	struct request_part method = take_word(&line);
	struct request_part target = take_word(&line);
	const char *mark;

	if (method.len == 0 || target.len == 0)
		return -EBADMSG;
	if (!request_part_is(line, "HTTP/1.1") &&
	    !request_part_is(line, "HTTP/1.0"))
		return -EBADMSG;
	req->method = method_of(method);
	req->keep_alive = line.text[line.len - 1] == '1';
	req->path = target;
	mark = memchr(target.text, '?', target.len);
	if (mark == NULL)
		return 0;
	req->path.len = (size_t)(mark - target.text);
	req->query.text = mark + 1;
	req->query.len = target.len - req->path.len - 1;
	return 0;
}

static int parse_length(struct request_part value, size_t *ret_len)
{
	size_t len = 0;

	if (value.len == 0)
		return -EBADMSG;
	for (size_t i = 0; i < value.len; i++) {
		if (value.text[i] < '0' || value.text[i] > '9')
			return -EBADMSG;
		len = len * 10 + (size_t)(value.text[i] - '0');
		if (len > REQUEST_MAX)
			return -EMSGSIZE;
	}
	*ret_len = len;
	return 0;
}

static int parse_header(struct request_part line, struct head *head)
{
	const char *colon = memchr(line.text, ':', line.len);
	struct request_part name, value;

	if (colon == NULL || colon == line.text)
		return -EBADMSG;
	name = (struct request_part){ line.text, (size_t)(colon - line.text) };
	value.text = colon + 1;
	value.len = line.len - name.len - 1;
	for (; value.len > 0 && *value.text == ' '; value.len--)
		value.text++;
	while (value.len > 0 && value.text[value.len - 1] == ' ')
		value.len--;
	if (part_is_nocase(name, "content-length"))
		return parse_length(value, &head->body_len);
	if (part_is_nocase(name, "transfer-encoding"))
		head->chunked = true;
	if (part_is_nocase(name, "connection"))
		head->close = part_is_nocase(value, "close");
	return 0;
}

/* All lines up to the empty one; 1, 0 or an error as request_parse(). */
static int parse_head(const char *buf, const char *end, struct request *req,
		      struct head *head, const char **ret_body)
{
	struct request_part line;
	const char *p = buf;
	int r;

	if (!next_line(p, end, &line, &p))
		return 0;
	r = parse_first_line(line, req);
	while (r == 0) {
		if (!next_line(p, end, &line, &p))
			return 0;
		if (line.len == 0) {
			*ret_body = p;
			return 1;
		}
		r = parse_header(line, head);
	}
	return r;
}

int request_parse(const char *buf, size_t len, struct request *ret_request)
{
	struct request req = { .method = REQUEST_OTHER };
	struct head head = { .body_len = 0 };
	const char *body;
	size_t head_len;
	int r;

	r = parse_head(buf, buf + len, &req, &head, &body);
	if (r < 0)
		return r;
	if (r == 0)
		return len >= REQUEST_MAX ? -EMSGSIZE : 0;
	if (head.chunked)
		return -EPROTONOSUPPORT;
	head_len = (size_t)(body - buf);
	if (head_len + head.body_len > REQUEST_MAX)
		return -EMSGSIZE;
	if (len - head_len < head.body_len)
		return 0;
	req.body = (struct request_part){ body, head.body_len };
	req.keep_alive = req.keep_alive && !head.close;
	req.size = head_len + head.body_len;
	*ret_request = req;
	return 1;
}
