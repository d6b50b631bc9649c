/* Instants and spans.
 *
 * A point in time is a struct instant, a span is an int64_t whose name ends
 * in _us; mixing them does not compile.  Instants count microseconds of a
 * clock that is neither slewed nor stopped by suspend (controller/io/loop.h
 * reads it); two instants are comparable only within one boot of one machine.
 * Wall time is an int64_t of microseconds since 1970, named wall_us, and is
 * for people only: no decision reads it.
 */
#ifndef BASCULE_CORE_INSTANT_H
#define BASCULE_CORE_INSTANT_H

#include <stdbool.h>
#include <stdint.h>

#define US     ((int64_t)1)
#define MS     (1000 * US)
#define SECOND (1000 * MS)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

struct instant {
	int64_t us;
};

#define INSTANT_NEVER ((struct instant){ INT64_MAX })
#define INSTANT_NONE  ((struct instant){ INT64_MIN })

static inline bool instant_is_never(struct instant t)
{
	return t.us == INT64_MAX;
}

static inline bool instant_is_none(struct instant t)
{
	return t.us == INT64_MIN;
}

/* @t later by @span_us; NEVER and NONE stay what they are. */
static inline struct instant instant_add(struct instant t, int64_t span_us)
{
	if (instant_is_never(t) || instant_is_none(t))
		return t;
	return (struct instant){ t.us + span_us };
}

/* The span from @from to @to, negative when @to is earlier. */
static inline int64_t instant_diff_us(struct instant from, struct instant to)
{
	return to.us - from.us;
}

static inline bool instant_before(struct instant a, struct instant b)
{
	return a.us < b.us;
}

static inline bool instant_reached(struct instant now, struct instant due)
{
	return now.us >= due.us;
}

static inline struct instant instant_min(struct instant a, struct instant b)
{
	return a.us <= b.us ? a : b;
}

static inline struct instant instant_max(struct instant a, struct instant b)
{
	return a.us >= b.us ? a : b;
}

#endif
