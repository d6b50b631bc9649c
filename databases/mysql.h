/* What is said to MariaDB and MySQL to carry out an order.
 *
 * An order is a row of steps, each one statement; the answer decides the next.
 * Every order can be repeated at any time.  The dialect of MySQL is tested
 * against recorded answers only.
 *
 * A fenced primary has read_only on (of MySQL super_read_only), and all
 * sessions but ours and those of replication are ended: before, since they may
 * hold locks that it waits for, and after, since read_only does not bind who
 * has the right to ignore it.
 */
#ifndef BASCULE_DATABASES_MYSQL_H
#define BASCULE_DATABASES_MYSQL_H

#include <stdbool.h>
#include <stdint.h>

#include "checks/mysql.h"
#include "controller/core/database.h"
#include "controller/core/row.h"

#define MYSQL_WHY_MAX      160
#define MYSQL_RECEIVED_MAX 1024

enum mysql_next {
	MYSQL_SAY,   /* send sql */
	MYSQL_LATER, /* the same after a moment */
	MYSQL_DONE,
	MYSQL_FAILED, /* why */
	MYSQL_PARTED  /* why it cannot follow without being made anew */
};

struct mysql_order {
	/* Filled in by the caller; what is a pointer is borrowed. */
	const struct database_order *what;
	enum mysql_dialect dialect;
	bool no_loss;       /* durability: commits are to wait for a replica */
	const char *schema; /* of the canary; NULL: "bascule" */
	/* FOLLOW: the source, as the target reaches it, and how to log in
	 * there; NULL: as it is. */
	const char *host;
	uint16_t port;
	const char *user, *password;
	bool tls;

	char sql[MYSQL_SQL_MAX]; /* may hold a password: wipe it */
	char why[MYSQL_WHY_MAX];
	/* Inside. */
	unsigned step, canary;
	unsigned long long victim; /* a session; 0: none */
	/* Of the last answer. */
	bool is_replica, no_gtid, links, applies, waited, read_only;
	unsigned io_errno, sql_errno;
	uint64_t position;
	char source[DATABASE_NAME_MAX];
	char received[MYSQL_RECEIVED_MAX];
	char trouble[MYSQL_ERRORS_MAX];
};

/* The first fields are filled in. */
enum mysql_next mysql_order_begin(struct mysql_order *order);

/* A row of the answer to what was sent last. */
void mysql_order_row(struct mysql_order *order, const struct row *row);

/* The moment is over: the same again. */
enum mysql_next mysql_order_again(struct mysql_order *order);

/* It is answered; or refused. */
enum mysql_next mysql_order_done(struct mysql_order *order);
enum mysql_next mysql_order_refused(struct mysql_order *order, unsigned code,
				    const char *text);

#endif
