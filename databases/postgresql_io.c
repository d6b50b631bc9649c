/* PostgreSQL: the dialogue of an order over a connection of its own, and one
 * to the primary that is to be followed where that is needed. */

#include <stdio.h>
#include <string.h>

#include "controller/io/password.h"
#include "controller/io/pq.h"
#include "databases/order_io.h"
#include "databases/postgresql.h"

/* So much before the end it is said what was waited for. */
#define LAST_WORD_US (20 * MS)

struct postgresql_order {
	struct order order;
	struct pq_login login, source_login;
	struct pq target, source;
	struct postgresql_talk talk;
	struct postgresql_step step;
	struct secret *password; /* owned; of replication, or NULL */
	ev_timer pause;
	bool ready; /* init is done */
};

static struct pq_login login_of(const struct order *order,
				const struct target_settings *target)
{
	const struct check_settings *check = order->check;

	return (struct pq_login){
		.user = check->user,
		.password_file = check->password_file,
		.database = check->database,
		.tls = check->tls != TLS_OFF,
		.verify = check->tls == TLS_VERIFIED,
		.ca_file = check->ca_file,
		.cert_file = check->cert_file,
		.key_file = check->key_file,
		.server_name = check->server_name != NULL ? check->server_name
							  : target->host,
	};
}

static void take_step(struct postgresql_order *pg)
{
	struct postgresql_step *step = &pg->step;

	switch (step->kind) {
	case POSTGRESQL_ASK:
		pq_ask(&pg->target, step->sql);
		break;
	case POSTGRESQL_ASK_SOURCE:
		pq_ask(&pg->source, step->sql);
		break;
	case POSTGRESQL_PAUSE:
		if (order_left_us(&pg->order) < LAST_WORD_US) {
			order_done(&pg->order, step->why);
			break;
		}
		ev_timer_set(&pg->pause, POSTGRESQL_PAUSE_US / 1e6, 0.);
		ev_timer_start(loop_ev(pg->order.loop), &pg->pause);
		break;
	case POSTGRESQL_DONE:
		order_done(&pg->order, NULL);
		break;
	case POSTGRESQL_FAILED:
		order_done(&pg->order, step->why);
		break;
	case POSTGRESQL_PARTED:
		order_parted(&pg->order, step->why);
		break;
	}
}

/* A reload exchanges what is borrowed from the settings. */
static void bind_order(struct postgresql_order *pg)
{
	const struct order *order = &pg->order;
	struct postgresql_terms *terms = &pg->talk.terms;

	pg->login = login_of(order, order->target);
	terms->name = order->target->name;
	if (order->source == NULL)
		return;
	pg->source_login = login_of(order, order->source);
	/* What its history is only such a connection tells. */
	pg->source_login.replication = true;
	terms->source_host = order->source->host;
	terms->source_port = order->source->port;
	terms->user = order->failover->replication_user;
	if (pg->password != NULL)
		terms->password = (const char *)pg->password->bytes;
}

static void on_pause(struct ev_loop *ev, ev_timer *w, int events)
{
	struct postgresql_order *pg = w->data;

	(void)ev;
	(void)events;
	bind_order(pg);
	postgresql_resume(&pg->talk, &pg->step);
	take_step(pg);
}

static void on_answer(void *arg, const struct pq_answer *answer)
{
	struct postgresql_order *pg = arg;
	const struct postgresql_reply reply = {
		.done = answer->done,
		.state = answer->state,
		.why = answer->why,
		.rows = answer->rows,
		.columns = answer->columns,
		.cells = answer->cells,
	};

	bind_order(pg);
	postgresql_next(&pg->talk, &reply, &pg->step);
	take_step(pg);
}

/* Returns 0, or fails the order. */
static int read_password(struct postgresql_order *pg)
{
	const struct failover_settings *set = pg->order.failover;
	struct err err = { 0 };

	if (set->replication_password_file == NULL ||
	    pg->order.what.kind != DATABASE_FOLLOW)
		return 0;
	if (password_read(set->replication_password_file, &pg->password, &err) <
	    0) {
		order_done(&pg->order, err.text);
		return -1;
	}
	return 0;
}

static void start(struct order *order)
{
	struct postgresql_order *pg = (struct postgresql_order *)order;

	pq_init(&pg->target, order->loop, order->to, &pg->login, on_answer,
		NULL, pg);
	pq_init(&pg->source, order->loop, order->from, &pg->source_login,
		on_answer, NULL, pg);
	ev_init(&pg->pause, on_pause);
	pg->pause.data = pg;
	pg->ready = true;
	if (read_password(pg) < 0)
		return;
	bind_order(pg);
	postgresql_begin(&pg->talk, &order->what, &pg->step);
	take_step(pg);
}

static void stop(struct order *order)
{
	struct postgresql_order *pg = (struct postgresql_order *)order;

	if (!pg->ready)
		return;
	ev_timer_stop(loop_ev(order->loop), &pg->pause);
	pq_close(&pg->target);
	pq_close(&pg->source);
	secret_free(pg->password);
	pg->password = NULL;
	explicit_bzero(&pg->talk, sizeof(pg->talk));
	explicit_bzero(&pg->step, sizeof(pg->step));
}

const struct database_kind postgresql_database = {
	.order_size = sizeof(struct postgresql_order),
	.start = start,
	.stop = stop,
};
