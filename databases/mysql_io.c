/* Orders to MariaDB and MySQL: one connection each, one statement after the
 * other. */

#include "controller/io/maria.h"

#include <string.h>

#include "controller/io/password.h"
#include "databases/mysql.h"
#include "databases/order_io.h"

/* Between two looks. */
#define LOOK_AGAIN_S 0.005

struct mysql_work {
	struct order order;
	struct maria maria;
	struct mysql_order talk;
	ev_timer again;
	struct secret *source; /* owned: the password of FOLLOW; or NULL */
};

static void go_on(struct mysql_work *work, enum mysql_next next)
{
	struct mysql_order *talk = &work->talk;

	switch (next) {
	case MYSQL_SAY:
		if (maria_ask(&work->maria, talk->sql) < 0)
			order_done(&work->order, "out of memory");
		break;
	case MYSQL_LATER:
		ev_timer_set(&work->again, LOOK_AGAIN_S, 0.);
		ev_timer_start(loop_ev(work->order.loop), &work->again);
		break;
	case MYSQL_DONE:
		order_done(&work->order, NULL);
		break;
	case MYSQL_FAILED:
		order_done(&work->order, talk->why);
		break;
	case MYSQL_PARTED:
		order_parted(&work->order, talk->why);
		break;
	}
}

static void on_again(struct ev_loop *ev, ev_timer *w, int events)
{
	(void)ev;
	(void)events;
	go_on(w->data,
	      mysql_order_again(&((struct mysql_work *)w->data)->talk));
}

static void on_opened(void *arg)
{
	struct mysql_work *work = arg;

	work->talk.dialect = maria_is_mariadb(&work->maria) ? DIALECT_MARIADB
							    : DIALECT_MYSQL;
	go_on(work, mysql_order_begin(&work->talk));
}

static void on_row(void *arg, const struct row *row)
{
	mysql_order_row(&((struct mysql_work *)arg)->talk, row);
}

static void on_done(void *arg)
{
	struct mysql_work *work = arg;

	go_on(work, mysql_order_done(&work->talk));
}

static void on_refused(void *arg, unsigned code, const char *text)
{
	struct mysql_work *work = arg;

	go_on(work, mysql_order_refused(&work->talk, code, text));
}

static void on_end(void *arg, enum maria_end how, unsigned code, int error,
		   const char *text)
{
	struct mysql_work *work = arg;

	(void)code;
	(void)error;
	ev_timer_stop(loop_ev(work->order.loop), &work->again);
	if (how == MARIA_UNREACHED)
		order_failed(&work->order, "cannot connect: %s", text);
	else
		order_done(&work->order, text);
}

static const struct maria_hears hears = { .opened = on_opened,
					  .row = on_row,
					  .done = on_done,
					  .refused = on_refused,
					  .end = on_end };

/* Whom the target is told to follow. */
static int tell_source(struct mysql_work *work, struct err *err)
{
	const struct order *order = &work->order;
	const char *file = order->failover->replication_password_file;
	struct mysql_order *talk = &work->talk;
	int r = 0;

	if (order->source == NULL)
		return 0;
	if (file != NULL)
		r = password_read(file, &work->source, err);
	talk->host = order->source->host;
	talk->port = order->source->port;
	talk->user = order->failover->replication_user;
	talk->tls = order->check->tls != TLS_OFF;
	if (work->source != NULL)
		talk->password = (const char *)work->source->bytes;
	return r;
}

static void open_it(struct mysql_work *work)
{
	const struct order *order = &work->order;
	const struct check_settings *check = order->check;
	struct maria_login login = {
		.user = check->user != NULL ? check->user : "root",
		.tls = check->tls != TLS_OFF,
		.ca_file = check->ca_file,
		.cert_file = check->cert_file,
		.key_file = check->key_file,
	};
	struct secret *password = NULL;
	struct err err = { 0 };
	int r = 0;

	if (check->tls == TLS_VERIFIED)
		login.verify_name = check->server_name != NULL
					    ? check->server_name
					    : order->target->host;
	if (check->password_file != NULL)
		r = password_read(check->password_file, &password, &err);
	if (password != NULL)
		login.password = (const char *)password->bytes;
	if (r < 0)
		order_done(&work->order, err.text);
	else if (!order_address(order, &login.address))
		order_done(&work->order, "it has no address");
	else if (maria_open(&work->maria, &login) < 0)
		order_done(&work->order, "out of memory");
	secret_free(password);
}

static void start(struct order *order)
{
	struct mysql_work *work = (struct mysql_work *)order;
	struct err err = { 0 };

	maria_init(&work->maria, order->loop, &hears, work);
	ev_init(&work->again, on_again);
	work->again.data = work;
	work->talk.what = &order->what;
	work->talk.schema = order->check->database;
	work->talk.no_loss = order->failover->durability == DURABILITY_NO_LOSS;
	if (tell_source(work, &err) < 0)
		order_done(order, err.text);
	else
		open_it(work);
}

/* The address is not known yet when start() was not called. */
static void stop(struct order *order)
{
	struct mysql_work *work = (struct mysql_work *)order;

	if (work->maria.loop == NULL)
		return;
	ev_timer_stop(loop_ev(order->loop), &work->again);
	maria_close(&work->maria);
	explicit_bzero(work->talk.sql, sizeof(work->talk.sql));
	secret_free(work->source);
	work->source = NULL;
	work->talk.password = NULL;
}

const struct database_kind mysql_database = {
	.order_size = sizeof(struct mysql_work),
	.start = start,
	.stop = stop,
};
