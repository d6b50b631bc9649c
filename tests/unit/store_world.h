/* A loop, a store and what its doors brought, for the store's tests. */
#ifndef BASCULE_TESTS_STORE_WORLD_H
#define BASCULE_TESTS_STORE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/daemon/store.h"
#include "tests/unit/sample.h"

#define WALL ((int64_t)1763658322 * SECOND)

struct world {
	struct sample sample;
	struct loop *loop;
	struct store *store;
	ev_timer limit;
	bool late; /* the limit has come */
	/* what the doors brought */
	uint64_t done_id;
	unsigned done, failed, changes, said;
	bool ok;
	char text[ERR_TEXT_MAX];
	/* an answer */
	bool answered;
	char error[200], json[2000];
	int64_t last;
	bool more;
};

/* Turn the loop until something that a door brought makes @what true. */
#define UNTIL(w, what)                                                         \
	do {                                                                   \
		while (!(what)) {                                              \
			loop_run((w)->loop);                                   \
			assert_false((w)->late);                               \
		}                                                              \
	} while (0)

void world_init(struct world *w);
void world_done(struct world *w);

/* The usual waits, and those that a test has made shorter; static, as the
 * thread of a store may outlive its test. */
extern struct store_waits store_waits;

/* Open the store; the second closes it first. */
void store_begin(struct world *w);
void store_again(struct world *w);

struct store_order incident_order(uint32_t number, bool open);

/* Write and wait for the answer. */
void write_order(struct world *w, uint64_t id, const struct store_order *order);
void write_event(struct world *w, int64_t id);

/* Ask and wait; on_answer() is for store_ask() by hand. */
void ask(struct world *w, struct store_question question);
void on_answer(void *arg, const struct store_answer *answer);

/* Change the file behind the store's back. */
void exec_sql(struct world *w, const char *sql);

#endif
