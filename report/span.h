/* Spans and wall times as people and programs read them. */
#ifndef BASCULE_REPORT_SPAN_H
#define BASCULE_REPORT_SPAN_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* A span that is not known, or a moment that did not come. */
#define SPAN_NONE INT64_MIN

#define SPAN_TEXT_MAX 32
#define WALL_TEXT_MAX 32

/* "850 us", "12.3 ms", "1.25 s", "4 min 10 s", "2 h 5 min", "3 d 4 h"; "-"
 * for SPAN_NONE.  Returns @buf. */
const char *span_text(int64_t span_us, char buf[static SPAN_TEXT_MAX]);

/* Seconds as a JSON number, to the microsecond; null for SPAN_NONE. */
json_t *span_json(int64_t span_us);

/* "2026-08-22T10:00:00.148Z"; "-" for 0.  Returns @buf. */
const char *wall_text(int64_t wall_us, char buf[static WALL_TEXT_MAX]);

/* The same as a JSON string; null for 0. */
json_t *wall_json(int64_t wall_us);

/* Read what wall_text() writes; the fraction may be absent.  0 or -EINVAL. */
int wall_parse(const char *text, int64_t *ret_wall_us);

#endif
