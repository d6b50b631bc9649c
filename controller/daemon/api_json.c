#include "controller/daemon/api_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "controller/daemon/api.h"

const char *api_time(int64_t wall_us, char *buf, size_t size)
{
	time_t seconds = (time_t)(wall_us / SECOND);
	char date[32];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf, size, "%s.%06dZ", date, (int)(wall_us % SECOND));
	return buf;
}

json_t *api_wall(int64_t wall_us)
{
	char buf[API_TIME_MAX];

	if (wall_us <= 0)
		return json_null();
	return json_string(api_time(wall_us, buf, sizeof(buf)));
}

json_t *api_span(int64_t span_us)
{
	if (span_us < 0)
		return json_null();
	return json_real((double)span_us / (double)SECOND);
}

json_t *api_severity(enum severity severity)
{
	if (severity == 0)
		return json_null();
	return json_sprintf("P%d", (int)severity);
}

json_t *api_string(const char *text)
{
	json_t *string = json_string(text);
	char *copy, *at;

	if (string != NULL)
		return string;
	copy = strdup(text);
	if (copy == NULL)
		return NULL;
	for (at = copy; *at != '\0'; at++)
		if ((*at & 0x80) != 0)
			*at = '?';
	string = json_string(copy);
	free(copy);
	return string;
}

json_t *api_result(const struct result *res)
{
	char line[RESULT_TEXT_MAX + 80];
	json_t *doc = json_object();

	json_object_set_new(doc, "code",
			    json_string(result_code_name(res->code)));
	json_object_set_new(doc, "status", json_integer(res->status));
	json_object_set_new(doc, "seconds", api_span(res->latency_us));
	json_object_set_new(doc, "text", api_string(res->text));
	json_object_set_new(doc, "line",
			    api_string(result_text(res, line, sizeof(line))));
	return doc;
}
