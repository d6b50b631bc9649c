#include "report/span.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "controller/core/instant.h"

/* Three digits that count: 1.25, 12.3, 850. */
static const char *digits(double value, const char *unit, char *buf)
{
	int places = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;

	snprintf(buf, SPAN_TEXT_MAX, "%.*f %s", places, value, unit);
	return buf;
}

/* The two largest units, rounded to the smaller. */
static const char *two_units(int64_t us, int64_t big, const char *big_name,
			     int64_t small, const char *small_name, char *buf)
{
	int64_t count = (us + small / 2) / small;
	int64_t per = big / small;

	if (count % per == 0)
		snprintf(buf, SPAN_TEXT_MAX, "%" PRId64 " %s", count / per,
			 big_name);
	else
		snprintf(buf, SPAN_TEXT_MAX, "%" PRId64 " %s %" PRId64 " %s",
			 count / per, big_name, count % per, small_name);
	return buf;
}

static const char *positive_text(int64_t us, char *buf)
{
	if (us < MS) {
		snprintf(buf, SPAN_TEXT_MAX, "%" PRId64 " us", us);
		return buf;
	}
	if (us < SECOND - MS / 2)
		return digits((double)us / (double)MS, "ms", buf);
	if (us < MINUTE - SECOND / 20)
		return digits((double)us / (double)SECOND, "s", buf);
	if (us < HOUR - SECOND / 2)
		return two_units(us, MINUTE, "min", SECOND, "s", buf);
	if (us < DAY - MINUTE / 2)
		return two_units(us, HOUR, "h", MINUTE, "min", buf);
	return two_units(us, DAY, "d", HOUR, "h", buf);
}

const char *span_text(int64_t span_us, char buf[static SPAN_TEXT_MAX])
{
	char rest[SPAN_TEXT_MAX];

	if (span_us == SPAN_NONE)
		return strcpy(buf, "-");
	if (span_us == 0)
		return strcpy(buf, "0 s");
	if (span_us > 0)
		return positive_text(span_us, buf);
	positive_text(-span_us, rest);
	snprintf(buf, SPAN_TEXT_MAX, "-%.*s", SPAN_TEXT_MAX - 2, rest);
	return buf;
}

json_t *span_json(int64_t span_us)
{
	if (span_us == SPAN_NONE)
		return json_null();
	return json_real((double)span_us / (double)SECOND);
}

const char *wall_text(int64_t wall_us, char buf[static WALL_TEXT_MAX])
{
	time_t seconds = (time_t)(wall_us / SECOND);
	unsigned ms = (unsigned)(wall_us / MS % 1000) % 1000;
	struct tm tm;
	size_t used;

	if (wall_us <= 0 || gmtime_r(&seconds, &tm) == NULL)
		return strcpy(buf, "-");
	used = strftime(buf, WALL_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + used, WALL_TEXT_MAX - used, ".%03uZ", ms);
	return buf;
}

json_t *wall_json(int64_t wall_us)
{
	char buf[WALL_TEXT_MAX];

	if (wall_us <= 0)
		return json_null();
	return json_string(wall_text(wall_us, buf));
}

int wall_parse(const char *text, int64_t *ret_wall_us)
{
	struct tm tm = { 0 };
	int64_t unit = SECOND, fraction = 0;
	const char *p = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);

	if (p == NULL)
		return -EINVAL;
	if (*p == '.') {
		for (p++; *p >= '0' && *p <= '9'; p++) {
			unit /= 10;
			fraction += (*p - '0') * unit;
		}
	}
	if (strcmp(p, "Z") != 0)
		return -EINVAL;
	*ret_wall_us = (int64_t)timegm(&tm) * SECOND + fraction;
	return 0;
}
