#include "drill/load/outcome.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const names[OUTCOME_KINDS] = {
	[OUTCOME_OK] = "ok",
	[OUTCOME_REFUSED] = "refused",
	[OUTCOME_RESET] = "reset",
	[OUTCOME_CLOSED] = "closed",
	[OUTCOME_TIMEOUT] = "timeout",
	[OUTCOME_HTTP_5XX] = "http_5xx",
	[OUTCOME_HTTP_4XX] = "http_4xx",
	[OUTCOME_GARBLED] = "garbled",
	[OUTCOME_OTHER] = "other",
	[OUTCOME_FULL] = "full",
	[OUTCOME_LATE] = "late",
};

const char *outcome_kind_name(enum outcome_kind kind)
{
	return names[kind];
}

enum outcome_kind outcome_of_status(int status)
{
	if (status >= 500)
		return OUTCOME_HTTP_5XX;
	return status >= 400 ? OUTCOME_HTTP_4XX : OUTCOME_OK;
}

enum outcome_kind outcome_of_errno(int code)
{
	switch (code) {
	case ECONNREFUSED:
		return OUTCOME_REFUSED;
	case ECONNRESET:
	case EPIPE:
		return OUTCOME_RESET;
	case ETIMEDOUT:
		return OUTCOME_TIMEOUT;
	case EBADMSG:
		return OUTCOME_GARBLED;
	default:
		return OUTCOME_OTHER;
	}
}

void outcome_print(const struct outcome *outcome,
		   char line[static OUTCOME_LINE_MAX])
{
	snprintf(line, OUTCOME_LINE_MAX, "%" PRId64 " %" PRId64 " %s %d %u\n",
		 outcome->intended.us, outcome->latency_us,
		 names[outcome->kind], outcome->status, outcome->url);
}

static int find_kind(const char *name, enum outcome_kind *ret_kind)
{
	for (int i = 0; i < OUTCOME_KINDS; i++) {
		if (strcmp(name, names[i]) != 0)
			continue;
		*ret_kind = (enum outcome_kind)i;
		return 0;
	}
	return -EINVAL;
}

int outcome_parse(const char *line, struct outcome *ret_outcome)
{
	struct outcome outcome;
	char name[16];
	int end = 0;

	if (line[0] == '#' || line[strspn(line, " \t\r\n")] == '\0')
		return 0;
	if (sscanf(line, "%" SCNd64 " %" SCNd64 " %15s %d %u %n",
		   &outcome.intended.us, &outcome.latency_us, name,
		   &outcome.status, &outcome.url, &end) != 5 ||
	    line[end] != '\0' || outcome.latency_us < 0 ||
	    find_kind(name, &outcome.kind) < 0)
		return -EINVAL;
	*ret_outcome = outcome;
	return 1;
}
