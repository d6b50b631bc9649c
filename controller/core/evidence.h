/* Evidence: what was seen of a target, and what it is worth.
 *
 * One table says for each kind of observation how certain it is and what
 * follows; health.c counts by it.  The observations of the present row of
 * suspicion are kept, and with them the verdict that they led to, until the
 * next row begins.
 */
#ifndef BASCULE_CORE_EVIDENCE_H
#define BASCULE_CORE_EVIDENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/core/instant.h"
#include "controller/core/result.h"

#define EVIDENCE_MAX  8
#define EVIDENCE_SELF UINT8_MAX /* the observer is this node */

enum evidence_kind {
	EVIDENCE_GOOD,        /* a good answer in time */
	EVIDENCE_POOR,        /* it serves, but slowly or with a warning */
	EVIDENCE_LATE,        /* the answer to a question given up */
	EVIDENCE_BAD,         /* an answer that says no, or is none */
	EVIDENCE_REFUSED,     /* refused or reset */
	EVIDENCE_UNREACHABLE, /* the network says that there is no way */
	EVIDENCE_MUTE,        /* acknowledged, but not answered */
	EVIDENCE_LOST,        /* not acknowledged, or not even connected */
	EVIDENCE_SILENT,      /* nothing in time; more is not known */
	EVIDENCE_CLOSED,      /* the connection held to it was closed */
	EVIDENCE_RESET,       /* ... or reset */
	EVIDENCE_PROCESS,     /* the process that it names is gone */
	EVIDENCE_UNIT,        /* the systemd unit that it names is not active */
	EVIDENCE_ERRORS,      /* HAProxy counted failed connections, answers */
	EVIDENCE_5XX,         /* ... or more 5xx than from its siblings */
	EVIDENCE_PENDING,     /* ... or requests that nobody answers */
	EVIDENCE_NODE,        /* another node finds it down */
	EVIDENCE_OWN,         /* our own trouble */
	EVIDENCE_KINDS
};

enum certainty {
	CERTAINTY_NONE, /* says nothing of the target */
	CERTAINTY_HINT, /* a reason to ask */
	CERTAINTY_LIKELY,
	CERTAINTY_SURE
};

/* What follows from an observation. */
enum consequence {
	FOLLOWS_NOTHING,
	FOLLOWS_END,   /* the row of bad ones ends */
	FOLLOWS_ASK,   /* it is asked at once, over a new connection */
	FOLLOWS_FALL,  /* counted by `fall`, asked again after fast_interval */
	FOLLOWS_LOOK,  /* the same, but a second look at once makes it sure */
	FOLLOWS_AGAIN, /* counted by `fall`, asked again at once */
	FOLLOWS_TRIPS  /* counted by `lost`, asked again at once */
};

/* Equal ones in a row are one, counted. */
struct sighting {
	struct instant at; /* of the first */
	uint32_t span_us;  /* from there to the last; UINT32_MAX: longer */
	uint16_t count;
	int16_t detail;   /* HTTP status or errno of the last; 0: none */
	uint8_t kind;     /* enum evidence_kind */
	uint8_t observer; /* node's index, or EVIDENCE_SELF */
};

struct evidence {
	struct sighting list[EVIDENCE_MAX]; /* oldest first */
	uint8_t count;
	bool open;        /* the row goes on */
	uint16_t dropped; /* from the middle of the list */
};

/* "tether_closed" and so on: for JSON. */
const char *evidence_name(enum evidence_kind kind);
enum certainty evidence_certainty(enum evidence_kind kind);
const char *certainty_name(enum certainty certainty);
enum consequence evidence_follows(enum evidence_kind kind);

/* Whether healthy targets give such hints by habit: servers close idle
 * connections.  These are not followed as often as they come. */
bool evidence_is_habit(enum evidence_kind kind);

/* What a result is an observation of; @slow: a good one took too long. */
enum evidence_kind evidence_of(const struct result *res, bool slow);

/* Add to the row, beginning a new one if the last is over.  When the list is
 * full, its beginning and its end are kept. */
void evidence_add(struct evidence *evidence, enum evidence_kind kind,
		  unsigned observer, int detail, struct instant now);

/* The row is over: what is kept is a record of it. */
void evidence_end(struct evidence *evidence);

/* "connection closed, refused x2 within 0.8 ms" into @buf; returns @buf. */
const char *evidence_text(const struct evidence *evidence, char *buf,
			  size_t size);

/* The table as Markdown into @buf; returns bytes wanted. */
size_t evidence_table(char *buf, size_t size);

#endif
