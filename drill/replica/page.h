/* The pages of the replica's API, as ready-made HTTP answers.
 *
 * Pure.  An answer is built once and sent as it is, so that a request costs
 * no formatting; there is no Date header for the same reason.
 */
#ifndef BASCULE_DRILL_REPLICA_PAGE_H
#define BASCULE_DRILL_REPLICA_PAGE_H

#include "drill/replica/request.h"

#include <stdbool.h>
#include <stddef.h>

enum page {
	PAGE_HEALTH,
	PAGE_DOCTORS,
	PAGE_CONSULTATIONS,
	PAGE_PAYMENT,
	PAGE_METRICS,
	PAGE_FAULT,
	PAGE_UNKNOWN,
	PAGES,
};

struct answer {
	char *text; /* owned */
	size_t len;
	size_t head_len; /* all that a HEAD request gets */
	int status;
};

/* Every answer twice: for a connection that stays, and [1] for one that is
 * closed behind it.
 */
struct pages {
	struct answer fixed[PAGES][2]; /* none for METRICS and FAULT */
	struct answer refused_payment[2];
	struct answer unhealthy[2];
};

/* @name and @version stand in /health.  Returns 0 or -ENOMEM. */
int pages_init(struct pages *pages, const char *name, const char *version);
void pages_done(struct pages *pages);

/* Which page @path names; its name for people. */
enum page page_find(struct request_part path);
const char *page_path(enum page page);

/* An answer of its own; 0 or -ENOMEM.  Free it with answer_done(). */
int answer_build(struct answer *ret_answer, int status, const char *type,
		 const char *body, size_t body_len, bool close);
void answer_done(struct answer *answer);

#endif
