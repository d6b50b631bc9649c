/* MariaDB and MySQL: what a check asks, and what the answers say.
 *
 * Two dialects of one language.  That of MariaDB (10.5 and newer) is tested
 * against the server; that of MySQL (8.0.22 and newer, with GTIDs) against
 * recorded answers only.
 *
 * A position is the sequence number of the GTID in one domain, the server's
 * own if it has written or received in that; of MySQL, which has no domains,
 * the sum of the last numbers of each source.
 */
#ifndef BASCULE_CHECKS_MYSQL_H
#define BASCULE_CHECKS_MYSQL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/core/database.h"
#include "controller/core/result.h"
#include "controller/core/row.h"

#define MYSQL_SQL_MAX    2048
#define MYSQL_SCHEMA     "bascule"
#define MYSQL_ERRORS_MAX 80

enum mysql_dialect { DIALECT_MARIADB, DIALECT_MYSQL, DIALECTS };

/* In the order in which they are asked. */
enum mysql_question {
	MYSQL_OF_ITSELF,
	MYSQL_OF_ITS_SOURCE,
	MYSQL_OF_ITS_REPLICAS, /* a primary only */
	MYSQL_QUESTIONS
};

/* Columns of the answer about the source, as each dialect calls them. */
struct mysql_columns {
	const char *host, *port, *io_running, *sql_running, *lag, *received;
};

extern const struct mysql_columns mysql_columns[DIALECTS];

const char *mysql_question(enum mysql_dialect dialect,
			   enum mysql_question question);

/* What was understood so far. */
struct mysql_seen {
	enum mysql_dialect dialect;
	struct database_facts facts;
	uint64_t domain;
	/* Of its own last write, or 0; and of what it took from its source. */
	uint64_t own, followed;
	bool applies;                   /* replica: its SQL thread runs */
	char trouble[MYSQL_ERRORS_MAX]; /* of replication, as it says */
};

void mysql_begin(struct mysql_seen *seen, enum mysql_dialect dialect);
void mysql_take(struct mysql_seen *seen, enum mysql_question question,
		const struct row *row);
/* What a server that answers is worth. */
struct result mysql_judge(const struct mysql_seen *seen, int64_t latency_us);

/* What a refusal is worth: a person must mend that we may not look, and nobody
 * is withdrawn for it; nor for too many connections, since those that are
 * there are served. */
struct result mysql_judge_refusal(unsigned code, const char *text,
				  int64_t latency_us);

/* The statements of the canary, in order; all but the last may be refused.
 * They are not replicated: each instance has a row of its own, and a lone
 * primary does not diverge by them.
 *
 * @schema: NULL: "bascule".
 * Returns false when there are no more. */
bool mysql_canary(unsigned step, const char *schema, uint64_t epoch, char *buf,
		  size_t size);
#define MYSQL_CANARY_LAST 3

/* The sequence number of @domain in a list of GTIDs ("0-1-9,5-2-11"), 0 if it
 * has none. */
uint64_t mysql_sequence(const char *list, uint64_t domain);

/* The position of a MySQL that has both sets ("uuid:1-5:7,uuid:1-3"). */
uint64_t mysql_set_position(const char *set, const char *other);

/* @text as a literal of SQL into @buf, where backslashes escape.  Returns
 * false when it does not fit. */
bool mysql_literal(const char *text, char *buf, size_t size);

#endif
