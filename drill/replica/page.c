#include "drill/replica/page.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JSON "application/json"

static const char *const paths[PAGES] = {
	[PAGE_HEALTH] = "/health",
	[PAGE_DOCTORS] = "/api/doctors",
	[PAGE_CONSULTATIONS] = "/api/consultations",
	[PAGE_PAYMENT] = "/api/payment",
	[PAGE_METRICS] = "/metrics",
	[PAGE_FAULT] = "/fault",
	[PAGE_UNKNOWN] = "other",
};

static const char health_body[] =
	"{\"status\":\"%s\",\"name\":\"%s\",\"version\":\"%s\","
	"\"dependencies\":{\"database\":\"%s\",\"cache\":\"ok\"}}\n";

static const char doctors_body[] =
	"[{\"id\":1,\"name\":\"Dr. Ada\",\"field\":\"cardiology\"},"
	"{\"id\":2,\"name\":\"Dr. Ben\",\"field\":\"neurology\"},"
	"{\"id\":3,\"name\":\"Dr. Cleo\",\"field\":\"paediatrics\"}]\n";

static const char consultations_body[] =
	"[{\"id\":101,\"doctor\":1,\"state\":\"open\"},"
	"{\"id\":102,\"doctor\":3,\"state\":\"closed\"}]\n";

static const char paid_body[] = "{\"payment\":\"accepted\"}\n";
static const char unpaid_body[] =
	"{\"payment\":\"failed\",\"error\":\"the bank did not answer\"}\n";
static const char unknown_body[] = "{\"error\":\"no such path\"}\n";

enum page page_find(struct request_part path)
{
	for (int page = 0; page < PAGE_UNKNOWN; page++)
		if (request_part_is(path, paths[page]))
			return (enum page)page;
	return PAGE_UNKNOWN;
}

const char *page_path(enum page page)
{
	return paths[page];
}

static const char *reason_of(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 400:
		return "Bad Request";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 409:
		return "Conflict";
	case 500:
		return "Internal Server Error";
	case 502:
		return "Bad Gateway";
	case 503:
		return "Service Unavailable";
	case 504:
		return "Gateway Timeout";
	default:
		return "Status";
	}
}

int answer_build(struct answer *ret_answer, int status, const char *type,
		 const char *body, size_t body_len, bool close)
{
	char *text;
	int head;

	if (status == 204 || status == 304)
		body_len = 0;
	head = asprintf(&text,
			"HTTP/1.1 %d %s\r\n"
			"Server: replica\r\n"
			"Content-Type: %s\r\n"
			"Content-Length: %zu\r\n"
			"%s\r\n"
			"%.*s",
			status, reason_of(status), type, body_len,
			close ? "Connection: close\r\n" : "", (int)body_len,
			body);
	if (head < 0)
		return -ENOMEM;
	*ret_answer = (struct answer){
		.text = text,
		.len = (size_t)head,
		.head_len = (size_t)head - body_len,
		.status = status,
	};
	return 0;
}

void answer_done(struct answer *answer)
{
	free(answer->text);
	answer->text = NULL;
}

/* Both forms of one answer. */
static int build_pair(struct answer pair[static 2], int status,
		      const char *body)
{
	size_t len = strlen(body);
	int r;

	r = answer_build(&pair[0], status, JSON, body, len, false);
	if (r == 0)
		r = answer_build(&pair[1], status, JSON, body, len, true);
	return r;
}

static int build_health(struct answer pair[static 2], bool healthy,
			const char *name, const char *version)
{
	char body[512];

	snprintf(body, sizeof(body), health_body,
		 healthy ? "healthy" : "unhealthy", name, version,
		 healthy ? "ok" : "unreachable");
	return build_pair(pair, 200, body);
}

int pages_init(struct pages *pages, const char *name, const char *version)
{
	int r;

	memset(pages, 0, sizeof(*pages));
	r = build_health(pages->fixed[PAGE_HEALTH], true, name, version);
	if (r == 0)
		r = build_health(pages->unhealthy, false, name, version);
	if (r == 0)
		r = build_pair(pages->fixed[PAGE_DOCTORS], 200, doctors_body);
	if (r == 0)
		r = build_pair(pages->fixed[PAGE_CONSULTATIONS], 200,
			       consultations_body);
	if (r == 0)
		r = build_pair(pages->fixed[PAGE_PAYMENT], 200, paid_body);
	if (r == 0)
		r = build_pair(pages->refused_payment, 502, unpaid_body);
	if (r == 0)
		r = build_pair(pages->fixed[PAGE_UNKNOWN], 404, unknown_body);
	if (r < 0)
		pages_done(pages);
	return r;
}

void pages_done(struct pages *pages)
{
	for (int close = 0; close < 2; close++) {
		for (int page = 0; page < PAGES; page++)
			answer_done(&pages->fixed[page][close]);
		answer_done(&pages->refused_payment[close]);
		answer_done(&pages->unhealthy[close]);
	}
}
