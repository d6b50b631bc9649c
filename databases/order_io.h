/* Orders: what the kinds of databases share among themselves.
 *
 * A kind is one row of a table in databases_io.c: it is told to start an order
 * and to let go of it, and reports with order_done().  What it keeps of an
 * order follows after struct order in a struct of its own, which is zeroed
 * before start() and lives until the order is done.
 */
#ifndef BASCULE_DATABASES_ORDER_IO_H
#define BASCULE_DATABASES_ORDER_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/core/database.h"
#include "controller/core/instant.h"
#include "controller/core/settings.h"
#include "controller/io/dial.h"
#include "controller/io/loop.h"

struct order;

struct database_kind {
	size_t order_size; /* of the struct that begins with struct order */
	/* The target's address is known; may call order_done(). */
	void (*start)(struct order *order);
	/* Let go of everything, cleanly where that is possible without waiting,
	 * without a report.  Called after order_done(), too. */
	void (*stop)(struct order *order);
};

/* First member of a kind's order.  All of it is read-only for the kind. */
struct order {
	const struct database_kind *kind;
	struct loop *loop; /* borrowed */
	/* Borrowed from the settings; a reload exchanges them. */
	const struct target_settings *target;
	const struct target_settings *source; /* FOLLOW; else NULL */
	const struct check_settings *check;   /* how to log in */
	const struct failover_settings *failover;
	const struct dial_to *to;   /* where the target is */
	const struct dial_to *from; /* where the source is, or NULL */
	struct database_order what;
	uint64_t id;
	struct instant by; /* its deadline */
	void *desk;        /* borrowed: databases_io.c's own */
};

/* One for each enum check_type that is a database, in databases_io.c. */
extern const struct database_kind mysql_database, postgresql_database,
	redis_database;

/* The order is over: done, or @failed_why says why not.  Once only.  stop() is
 * called soon, not from within. */
void order_done(struct order *order, const char *failed_why);

/* The same with a format, for failures. */
void order_failed(struct order *order, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The order is over: the target cannot follow as it is, its data must be
 * replaced. */
void order_parted(struct order *order, const char *why);

/* What is left of its time, at least 1 ms. */
int64_t order_left_us(const struct order *order);

/* The target's first known address, with its port: for libraries that dial
 * themselves.  False when there is none. */
bool order_address(const struct order *order, struct address *ret_address);

#endif
