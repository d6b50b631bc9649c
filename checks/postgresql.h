/* PostgreSQL: what a check asks, and what the answer says.
 *
 * One statement tells all, and needs no more than membership in pg_monitor.
 * PostgreSQL 13 and newer.
 */
#ifndef BASCULE_CHECKS_POSTGRESQL_H
#define BASCULE_CHECKS_POSTGRESQL_H

#include <stdbool.h>

#include "controller/core/database.h"
#include "controller/core/result.h"

extern const char *const postgresql_question;

/* Read the rows of the answer: one for each replica that is connected, at
 * least one, each with what concerns the instance itself.
 *
 * @cells: row by row; NULL is SQL's.
 * @name: the target's, by which its primary should know it.
 * Returns false for what no PostgreSQL answers to this question. */
bool postgresql_facts(const char *const *cells, unsigned rows, unsigned columns,
		      const char *name, struct database_facts *ret_facts);

/* What the facts are worth, with a line for people. */
struct result postgresql_judge(const struct database_facts *facts,
			       int64_t latency_us);

/* What a refusal by the server is worth.
 *
 * @state: the SQLSTATE.
 * @why: the server's words.
 * @loading: set to whether it says that it is about to start or to stop. */
struct result postgresql_judge_refusal(const char *state, const char *why,
				       int64_t latency_us, bool *loading);

/* One row, which is on this server's disk when it is answered, whatever its
 * replicas do. */
extern const char *const postgresql_canary;

/* What it is worth that the row was not written: a missing table or right is
 * for a person to mend. */
struct result postgresql_judge_canary(const char *state, const char *why,
				      int64_t latency_us);

/* Add what synchronous_standby_names names and `facts` does not list yet; say
 * how many a commit waits for.  @self is not a replica of itself. */
void postgresql_read_synchronous(struct database_facts *facts, const char *text,
				 const char *self);

#endif
