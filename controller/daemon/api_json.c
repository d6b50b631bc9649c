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

json_t *api_wall_at(const struct daemon_view *view, struct instant when)
{
	if (instant_is_none(when) || instant_is_never(when))
		return json_null();
	return api_wall(view->wall_us - instant_diff_us(when, view->now));
}

json_t *api_maintenance(const struct daemon_view *view,
			const struct maintenance *m)
{
	json_t *doc;

	if (m == NULL)
		return json_null();
	doc = json_object();
	json_object_set_new(doc, "until", api_wall(m->until_wall_us));
	json_object_set_new(
		doc, "left_seconds",
		m->until_wall_us == 0
			? json_null()
			: api_span(instant_diff_us(view->now, m->until)));
	json_object_set_new(doc, "drain", json_boolean(m->drain));
	json_object_set_new(doc, "reason", api_string(m->reason));
	return doc;
}

static int put_bytes(const char *bytes, size_t count, void *to)
{
	buffer_put(to, bytes, count);
	return 0;
}

void api_dump(json_t *doc, struct buffer *to)
{
	if (json_dump_callback(doc, put_bytes, to, API_DUMP) < 0)
		to->failed = true;
	json_decref(doc);
}
