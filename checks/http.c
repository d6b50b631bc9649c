#include "checks/http.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* borders[i] is the length of the longest proper prefix of @text that also
 * ends its first i + 1 bytes. */
static void borders_make(const char *text, uint32_t size, uint32_t *borders)
{
	uint32_t i, k = 0;

	borders[0] = 0;
	for (i = 1; i < size; i++) {
		while (k > 0 && text[i] != text[k])
			k = borders[k - 1];
		if (text[i] == text[k])
			k++;
		borders[i] = k;
	}
}

static int question_body_new(struct http_question *ask, struct err *err)
{
	const char *body = ask->check->body;

	if (body == NULL || body[0] == '\0')
		return 0;
	ask->body_size = (uint32_t)strlen(body);
	ask->borders = calloc(ask->body_size, sizeof(*ask->borders));
	if (ask->borders == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	borders_make(body, ask->body_size, ask->borders);
	return 0;
}

static int question_regex_new(struct http_question *ask, struct err *err)
{
	char why[120];
	int r;

	if (ask->check->body_regex == NULL)
		return 0;
	r = regcomp(&ask->regex, ask->check->body_regex,
		    REG_EXTENDED | REG_NOSUB);
	if (r == 0)
		return 0;
	regerror(r, &ask->regex, why, sizeof(why));
	return err_set(err, -EINVAL, "body_regex: %s", why);
}

int http_question_new(struct http_question **ret_ask,
		      const struct check_settings *check, struct err *err)
{
	struct http_question *ask = calloc(1, sizeof(*ask));
	int r;

	if (ask == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	ask->check = check;
	ask->head = strcmp(check->method, "HEAD") == 0;
	r = question_regex_new(ask, err);
	if (r < 0) {
		free(ask);
		return r;
	}
	r = question_body_new(ask, err);
	if (r < 0) {
		http_question_free(ask);
		return r;
	}
	*ret_ask = ask;
	return 0;
}

void http_question_free(struct http_question *ask)
{
	if (ask == NULL)
		return;
	if (ask->check->body_regex != NULL)
		regfree(&ask->regex);
	free(ask->borders);
	free(ask);
}

int http_host_write(const char *host, uint16_t port, uint16_t usual_port,
		    char *buf, size_t size)
{
	bool v6 = strchr(host, ':') != NULL;
	const char *open = v6 ? "[" : "", *close = v6 ? "]" : "";

	if (port == usual_port)
		return snprintf(buf, size, "%s%s%s", open, host, close);
	return snprintf(buf, size, "%s%s%s:%u", open, host, close, port);
}

struct writer {
	char *buf;
	size_t size, used; /* used > size: it did not fit */
};

__attribute__((format(printf, 2, 3))) static void
writer_add(struct writer *w, const char *fmt, ...)
{
	size_t room = w->used < w->size ? w->size - w->used : 0;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(room > 0 ? w->buf + w->used : NULL, room, fmt, ap);
	va_end(ap);
	w->used += (size_t)n;
}

/* Whether the operator's own headers have @name. */
static bool header_given(const struct check_settings *check, const char *name)
{
	size_t size = strlen(name), i;

	for (i = 0; i < check->headers_count; i++)
		if (strncasecmp(check->headers[i], name, size) == 0 &&
		    check->headers[i][size] == ':')
			return true;
	return false;
}

static void write_host(struct writer *w, const struct check_settings *check,
		       const char *host, uint16_t port)
{
	char text[300];

	if (header_given(check, "Host"))
		return;
	if (check->host == NULL)
		http_host_write(host, port, 80, text, sizeof(text));
	writer_add(w, "Host: %s\r\n", check->host ? check->host : text);
}

size_t http_question_write(const struct http_question *ask, const char *host,
			   uint16_t port, char *buf, size_t size)
{
	const struct check_settings *check = ask->check;
	struct writer w = { .buf = buf, .size = size };
	size_t i;

	writer_add(&w, "%s %s HTTP/1.1\r\n", check->method, check->path);
	write_host(&w, check, host, port);
	if (!header_given(check, "User-Agent"))
		writer_add(&w, "User-Agent: bascule\r\n");
	if (!header_given(check, "Accept"))
		writer_add(&w, "Accept: */*\r\n");
	if ((strcmp(check->method, "POST") == 0 ||
	     strcmp(check->method, "PUT") == 0) &&
	    !header_given(check, "Content-Length"))
		writer_add(&w, "Content-Length: 0\r\n");
	if (!check->tether && !header_given(check, "Connection"))
		writer_add(&w, "Connection: close\r\n");
	for (i = 0; i < check->headers_count; i++)
		writer_add(&w, "%s\r\n", check->headers[i]);
	writer_add(&w, "\r\n");
	return w.used < size ? w.used : 0;
}

void http_body_init(struct http_body *body, char *kept)
{
	*body = (struct http_body){ .kept = kept };
}

static void body_search(struct http_body *body, const struct http_question *ask,
			const char *buf, size_t size)
{
	const char *wanted = ask->check->body;
	uint32_t k = body->matched;
	size_t i;

	for (i = 0; i < size && k < ask->body_size; i++) {
		while (k > 0 && buf[i] != wanted[k])
			k = ask->borders[k - 1];
		if (buf[i] == wanted[k])
			k++;
	}
	body->matched = k;
	body->found = k == ask->body_size;
}

int http_body_feed(struct http_body *body, const struct http_question *ask,
		   const char *buf, size_t size)
{
	size_t room;

	if (size > HTTP_BODY_MAX - body->seen)
		return -EFBIG;
	if (!body->found && ask->body_size > 0)
		body_search(body, ask, buf, size);
	if (body->kept != NULL && body->seen < HTTP_REGEX_MAX) {
		room = HTTP_REGEX_MAX - body->seen;
		memcpy(body->kept + body->seen, buf, size < room ? size : room);
	}
	body->seen += (uint32_t)size;
	return 0;
}

bool http_status_wanted(const struct check_settings *check, int status)
{
	size_t i;

	for (i = 0; i < check->status_count; i++)
		if (status >= check->status[i].first &&
		    status <= check->status[i].last)
			return true;
	return false;
}

static struct result judge_status(const struct check_settings *check,
				  int status, int64_t latency_us)
{
	char text[RESULT_TEXT_MAX];
	struct writer w = { .buf = text, .size = sizeof(text) };
	size_t i;

	writer_add(&w, "wanted status");
	for (i = 0; i < check->status_count; i++) {
		writer_add(&w, "%s%d", i == 0 ? " " : ",",
			   check->status[i].first);
		if (check->status[i].last != check->status[i].first)
			writer_add(&w, "-%d", check->status[i].last);
	}
	return result_make(RESULT_L7STS, status, latency_us, text);
}

static bool regex_found(const struct http_question *ask,
			const struct http_body *body)
{
	uint32_t size = body->seen;
	regmatch_t range;

	if (size > HTTP_REGEX_MAX)
		size = HTTP_REGEX_MAX;
	/* Not needed with REG_STARTEND, but ASan's regexec wants a NUL. */
	body->kept[size] = '\0';
	range = (regmatch_t){ .rm_so = 0, .rm_eo = (regoff_t)size };
	return regexec(&ask->regex, body->kept, 1, &range, REG_STARTEND) == 0;
}

struct result http_judge(const struct http_question *ask, int status,
			 const struct http_body *body, int64_t latency_us)
{
	const struct check_settings *check = ask->check;
	char text[RESULT_TEXT_MAX];

	if (!http_status_wanted(check, status))
		return judge_status(check, status, latency_us);
	if (ask->body_size > 0 && !body->found) {
		snprintf(text, sizeof(text), "body lacks: %s", check->body);
		return result_make(RESULT_L7STS, status, latency_us, text);
	}
	if (check->body_regex != NULL && !regex_found(ask, body)) {
		snprintf(text, sizeof(text), "%s does not match: %s",
			 body->seen > HTTP_REGEX_MAX ? "first 64 KiB of body"
						     : "body",
			 check->body_regex);
		return result_make(RESULT_L7STS, status, latency_us, text);
	}
	return result_make(RESULT_L7OK, status, latency_us, NULL);
}
