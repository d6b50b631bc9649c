#include "controller/core/evidence.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name, *text;
	enum certainty certainty;
	enum consequence follows;
	bool habit;
} kinds[EVIDENCE_KINDS] = {
	[EVIDENCE_GOOD] = { "good", "answered", CERTAINTY_SURE, FOLLOWS_END,
			    false },
	[EVIDENCE_POOR] = { "poor", "answered poorly", CERTAINTY_SURE,
			    FOLLOWS_END, false },
	[EVIDENCE_LATE] = { "late", "answered late", CERTAINTY_SURE,
			    FOLLOWS_END, false },
	[EVIDENCE_BAD] = { "bad", "bad answer", CERTAINTY_LIKELY, FOLLOWS_FALL,
			   false },
	[EVIDENCE_REFUSED] = { "refused", "refused", CERTAINTY_LIKELY,
			       FOLLOWS_LOOK, false },
	[EVIDENCE_UNREACHABLE] = { "unreachable", "unreachable",
				   CERTAINTY_LIKELY, FOLLOWS_FALL, false },
	[EVIDENCE_MUTE] = { "mute", "unanswered", CERTAINTY_LIKELY,
			    FOLLOWS_AGAIN, false },
	[EVIDENCE_LOST] = { "lost", "lost", CERTAINTY_LIKELY, FOLLOWS_TRIPS,
			    false },
	[EVIDENCE_SILENT] = { "silent", "no answer", CERTAINTY_LIKELY,
			      FOLLOWS_FALL, false },
	[EVIDENCE_CLOSED] = { "tether_closed", "connection closed",
			      CERTAINTY_HINT, FOLLOWS_ASK, true },
	[EVIDENCE_RESET] = { "tether_reset", "connection reset", CERTAINTY_HINT,
			     FOLLOWS_ASK, true },
	[EVIDENCE_PROCESS] = { "process_gone", "process gone", CERTAINTY_HINT,
			       FOLLOWS_ASK, false },
	[EVIDENCE_UNIT] = { "unit_down", "unit not active", CERTAINTY_HINT,
			    FOLLOWS_ASK, false },
	[EVIDENCE_ERRORS] = { "haproxy_errors", "errors at HAProxy",
			      CERTAINTY_HINT, FOLLOWS_ASK, true },
	[EVIDENCE_5XX] = { "haproxy_5xx", "5xx at HAProxy", CERTAINTY_HINT,
			   FOLLOWS_ASK, true },
	[EVIDENCE_PENDING] = { "haproxy_pending",
			       "requests unanswered at HAProxy", CERTAINTY_HINT,
			       FOLLOWS_ASK, true },
	[EVIDENCE_NODE] = { "node", "another node's word", CERTAINTY_HINT,
			    FOLLOWS_ASK, true },
	[EVIDENCE_OWN] = { "own_trouble", "our own trouble", CERTAINTY_NONE,
			   FOLLOWS_NOTHING, false },
};

static const char *const certainties[] = {
	[CERTAINTY_NONE] = "none",
	[CERTAINTY_HINT] = "hint",
	[CERTAINTY_LIKELY] = "likely",
	[CERTAINTY_SURE] = "certain",
};

static const char *const consequences[] = {
	[FOLLOWS_NOTHING] = "nothing",
	[FOLLOWS_END] = "the row of bad ones ends",
	[FOLLOWS_ASK] = "asked at once, over a new connection",
	[FOLLOWS_FALL] = "counts to `fall`; asked again after fast_interval",
	[FOLLOWS_LOOK] = "counts to `fall`; asked again at once, over a new "
			 "connection: twice is certain",
	[FOLLOWS_AGAIN] = "counts to `fall`; asked again at once, over a new "
			  "connection",
	[FOLLOWS_TRIPS] = "counts to `lost`; asked again at once, over a new "
			  "connection",
};

const char *evidence_name(enum evidence_kind kind)
{
	return kinds[kind].name;
}

enum certainty evidence_certainty(enum evidence_kind kind)
{
	return kinds[kind].certainty;
}

const char *certainty_name(enum certainty certainty)
{
	return certainties[certainty];
}

enum consequence evidence_follows(enum evidence_kind kind)
{
	return kinds[kind].follows;
}

bool evidence_is_habit(enum evidence_kind kind)
{
	return kinds[kind].habit;
}

static bool has_no_way(int error)
{
	return error == EHOSTUNREACH || error == ENETUNREACH ||
	       error == EHOSTDOWN || error == ENETDOWN;
}

/* The other side has ended the connection, asked or not. */
static bool is_reset(const struct result *res)
{
	return (res->code == RESULT_L6RSP || res->code == RESULT_L7RSP) &&
	       (res->status == ECONNRESET || res->status == EPIPE);
}

static enum evidence_kind silence_of(const struct result *res)
{
	switch (res->reach) {
	case REACH_NOT_CONNECTED:
	case REACH_UNACKNOWLEDGED:
		return EVIDENCE_LOST;
	case REACH_ACKNOWLEDGED:
		return EVIDENCE_MUTE;
	default:
		return res->code == RESULT_L4TOUT ? EVIDENCE_LOST
						  : EVIDENCE_SILENT;
	}
}

enum evidence_kind evidence_of(const struct result *res, bool slow)
{
	switch (result_verdict(res->code)) {
	case VERDICT_NONE:
		return EVIDENCE_OWN;
	case VERDICT_PASS:
		if (res->late)
			return EVIDENCE_LATE;
		return slow ? EVIDENCE_POOR : EVIDENCE_GOOD;
	case VERDICT_WARN:
		return res->late ? EVIDENCE_LATE : EVIDENCE_POOR;
	default:
		break;
	}
	if (result_is_silence(res->code))
		return silence_of(res);
	if (is_reset(res))
		return EVIDENCE_REFUSED;
	if (res->code != RESULT_L4CON)
		return EVIDENCE_BAD;
	return has_no_way(res->status) ? EVIDENCE_UNREACHABLE
				       : EVIDENCE_REFUSED;
}

static uint32_t span32(struct instant from, struct instant to)
{
	int64_t us = instant_diff_us(from, to);

	return us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

static void drop_from_the_middle(struct evidence *ev)
{
	struct sighting *at = &ev->list[EVIDENCE_MAX / 2];

	memmove(at, at + 1, (EVIDENCE_MAX / 2 - 1) * sizeof(*at));
	ev->count--;
	if (ev->dropped < UINT16_MAX)
		ev->dropped++;
}

void evidence_add(struct evidence *ev, enum evidence_kind kind,
		  unsigned observer, int detail, struct instant now)
{
	struct sighting *last;

	if (!ev->open)
		*ev = (struct evidence){ .open = true };
	last = ev->count > 0 ? &ev->list[ev->count - 1] : NULL;
	if (last != NULL && last->kind == kind && last->observer == observer) {
		if (last->count < UINT16_MAX)
			last->count++;
		last->span_us = span32(last->at, now);
		last->detail = (int16_t)detail;
		return;
	}
	if (ev->count == EVIDENCE_MAX)
		drop_from_the_middle(ev);
	ev->list[ev->count++] = (struct sighting){
		.at = now,
		.count = 1,
		.detail = (int16_t)detail,
		.kind = (uint8_t)kind,
		.observer = (uint8_t)observer,
	};
}

void evidence_end(struct evidence *ev)
{
	ev->open = false;
}

/* Text under construction: what does not fit is cut. */
struct out {
	char *buf;
	size_t size, used;
};

static void put(struct out *out, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void put(struct out *out, const char *fmt, ...)
{
	bool room = out->used < out->size;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(room ? out->buf + out->used : NULL,
		      room ? out->size - out->used : 0, fmt, ap);
	va_end(ap);
	if (n > 0)
		out->used += (size_t)n;
}

const char *evidence_text(const struct evidence *ev, char *buf, size_t size)
{
	struct out out = { .buf = buf, .size = size };
	const struct sighting *o;
	int64_t us;
	unsigned i;

	if (size > 0)
		buf[0] = '\0';
	for (i = 0; i < ev->count; i++) {
		o = &ev->list[i];
		put(&out, "%s%s", i > 0 ? ", " : "", kinds[o->kind].text);
		if (o->count > 1)
			put(&out, " x%u", o->count);
	}
	if (ev->count == 0)
		return buf;
	o = &ev->list[ev->count - 1];
	us = instant_diff_us(ev->list[0].at, o->at) + o->span_us;
	if (us >= MS)
		put(&out, " within %" PRId64 ".%" PRId64 " ms", us / MS,
		    us % MS / 100);
	else if (us > 0)
		put(&out, " within %" PRId64 " us", us);
	return buf;
}

size_t evidence_table(char *buf, size_t size)
{
	struct out out = { .buf = buf, .size = size };
	unsigned i;

	put(&out, "| observation | what was seen | certainty | what follows |\n"
		  "| --- | --- | --- | --- |\n");
	for (i = 0; i < EVIDENCE_KINDS; i++)
		put(&out, "| `%s` | %s | %s | %s%s |\n", kinds[i].name,
		    kinds[i].text, certainties[kinds[i].certainty],
		    consequences[kinds[i].follows],
		    kinds[i].habit ? ", less often if it proves harmless" : "");
	return out.used;
}
