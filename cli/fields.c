#include "cli/fields.h"

#include <math.h>

#include "controller/core/instant.h"
#include "report/span.h"

const char *field_text(const json_t *obj, const char *name)
{
	const char *text = json_string_value(json_object_get(obj, name));

	return text != NULL ? text : "";
}

bool field_bool(const json_t *obj, const char *name)
{
	return json_is_true(json_object_get(obj, name));
}

int64_t field_count(const json_t *obj, const char *name)
{
	return json_integer_value(json_object_get(obj, name));
}

double field_number(const json_t *obj, const char *name, double unknown)
{
	const json_t *value = json_object_get(obj, name);

	return json_is_number(value) ? json_number_value(value) : unknown;
}

int64_t field_span_us(const json_t *obj, const char *name)
{
	double seconds = field_number(obj, name, NAN);

	if (!isfinite(seconds) || fabs(seconds) > 1e12)
		return SPAN_NONE;
	return llround(seconds * (double)SECOND);
}

int64_t field_wall_us(const json_t *obj, const char *name)
{
	int64_t wall_us = 0;

	wall_parse(field_text(obj, name), &wall_us);
	return wall_us;
}

void json_print(const json_t *json, FILE *out)
{
	json_dumpf(json, out,
		   JSON_INDENT(2) | JSON_REAL_PRECISION(15) |
			   JSON_PRESERVE_ORDER);
	fputc('\n', out);
}
