/* PostgreSQL: an order becomes statements, one after the other.
 *
 * Pure: whoever carries the dialogue asks what a step wants, hands the answer
 * over and gets the next step.  Each statement is safe to repeat, so an order
 * that was cut short is simply given again.
 */
#ifndef BASCULE_DATABASES_POSTGRESQL_H
#define BASCULE_DATABASES_POSTGRESQL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/core/database.h"

#define POSTGRESQL_CONNINFO_MAX 1024
#define POSTGRESQL_SQL_MAX      (2 * POSTGRESQL_CONNINFO_MAX + 128)
#define POSTGRESQL_WHY_MAX      160
/* So often it is looked in vain before the histories are compared. */
#define POSTGRESQL_LOOKS 100
/* Between two looks at something that takes its time. */
#define POSTGRESQL_PAUSE_US 10000

/* Of whom it speaks; all borrowed, and may be exchanged between two steps. */
struct postgresql_terms {
	const char
		*name; /* the target's: its application_name if it has none */
	/* FOLLOW */
	const char *source_host;
	uint16_t source_port;
	const char *user, *password; /* NULL: what the replica has */
};

enum postgresql_step_kind {
	POSTGRESQL_ASK,        /* the target */
	POSTGRESQL_ASK_SOURCE, /* FOLLOW: the new primary */
	POSTGRESQL_PAUSE,      /* then postgresql_resume() */
	POSTGRESQL_DONE,
	POSTGRESQL_FAILED,
	POSTGRESQL_PARTED /* it cannot follow without being made anew */
};

struct postgresql_step {
	enum postgresql_step_kind kind;
	char sql[POSTGRESQL_SQL_MAX]; /* ASK; may hold a password */
	/* FAILED, PARTED; PAUSE: what is waited for */
	char why[POSTGRESQL_WHY_MAX];
};

struct postgresql_reply {
	bool done;
	const char *state, *why; /* when it is not: SQLSTATE or "", words */
	unsigned rows, columns;
	const char *const *cells; /* row by row; NULL is SQL's */
};

/* Where a dialogue stands. */
struct postgresql_talk {
	struct postgresql_terms terms;
	struct database_order order;
	unsigned at;    /* which statement was the last; private to the .c */
	bool told;      /* what changes something was said */
	char since[32]; /* FENCE: when new sessions became read-only */
	char slot[DATABASE_NAME_MAX];
	/* FOLLOW: how often it was looked whether it does, where it stands,
	 * and the timeline of the source. */
	unsigned looks;
	uint64_t timeline, offset, source_timeline;
	char conninfo[POSTGRESQL_CONNINFO_MAX]; /* may hold a password */
};

/* @talk: zeroed, but for its terms. */
void postgresql_begin(struct postgresql_talk *talk,
		      const struct database_order *order,
		      struct postgresql_step *ret_step);
void postgresql_next(struct postgresql_talk *talk,
		     const struct postgresql_reply *reply,
		     struct postgresql_step *ret_step);
/* A pause is over. */
void postgresql_resume(struct postgresql_talk *talk,
		       struct postgresql_step *ret_step);

/* What a replica is to connect with: @old, with the host, the port and what
 * else @terms name exchanged.  Returns false if it does not fit, or if @old
 * cannot be read. */
bool postgresql_conninfo(const char *old, const struct postgresql_terms *terms,
			 char *buf, size_t size);

#endif
