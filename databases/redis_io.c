/* Orders to Redis: one connection each, one command after the other. */

#include "controller/io/redis.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "controller/io/password.h"
#include "controller/io/tls_client.h"
#include "databases/order_io.h"
#include "databases/redis.h"

/* Between two looks at a position. */
#define LOOK_AGAIN_S 0.005

struct redis_work {
	struct order order;
	struct dial dial;
	struct redis redis;
	struct redis_order talk;
	ev_timer again;
	SSL_CTX *ctx;            /* owned; NULL: plain */
	struct secret *password; /* owned; or NULL */
	struct secret *source;   /* owned: of FOLLOW; or NULL */
};

static void go_on(struct redis_work *work, enum redis_next next)
{
	struct redis_order *talk = &work->talk;

	switch (next) {
	case REDIS_SAY:
		if (redis_send(&work->redis, talk->argc, talk->argv) < 0)
			order_done(&work->order, "out of memory");
		break;
	case REDIS_LATER:
		ev_timer_set(&work->again, LOOK_AGAIN_S, 0.);
		ev_timer_start(loop_ev(work->order.loop), &work->again);
		break;
	case REDIS_DONE:
		order_done(&work->order, NULL);
		break;
	case REDIS_FAILED:
		order_done(&work->order, talk->why);
		break;
	}
}

static void on_again(struct ev_loop *ev, ev_timer *w, int events)
{
	(void)ev;
	(void)events;
	go_on(w->data, REDIS_SAY);
}

static void on_reply(void *arg, const redisReply *reply)
{
	struct redis_work *work = arg;
	struct redis_answer answer = {
		.error = reply->type == REDIS_REPLY_ERROR,
		.text = reply->str != NULL ? reply->str : "",
	};

	/* CONFIG GET: the name and the value. */
	if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
	    reply->element[1]->str != NULL)
		answer.text = reply->element[1]->str;
	go_on(work, redis_order_heard(&work->talk, &answer));
}

static void on_end(void *arg, enum redis_end how, int error, const char *text)
{
	struct redis_work *work = arg;

	if (how == REDIS_CLOSED)
		text = "it closed the connection";
	else if (text == NULL)
		text = strerror(error);
	order_done(&work->order, text);
}

static const struct redis_hears hears = { .reply = on_reply, .end = on_end };

static void on_dialed(void *arg, int fd)
{
	struct redis_work *work = arg;
	const struct check_settings *check = work->order.check;
	struct redis_login login = {
		.user = check->user,
		.password = work->password != NULL
				    ? (const char *)work->password->bytes
				    : NULL,
		.database = check->database,
	};
	const char *name = check->server_name != NULL
				   ? check->server_name
				   : work->order.target->host;

	if (fd < 0) {
		order_failed(&work->order, "cannot connect: %s", strerror(-fd));
		return;
	}
	if (redis_open(&work->redis, fd, work->ctx, name, &login) < 0) {
		order_done(&work->order, "out of memory");
		return;
	}
	go_on(work, redis_order_begin(&work->talk));
}

static int read_secrets(struct redis_work *work, struct err *err)
{
	const struct failover_settings *failover = work->order.failover;
	const char *file = work->order.check->password_file;
	int r = 0;

	if (file != NULL)
		r = password_read(file, &work->password, err);
	file = failover->replication_password_file;
	if (r == 0 && work->order.source != NULL && file != NULL)
		r = password_read(file, &work->source, err);
	return r;
}

static int make_tls(struct redis_work *work, struct err *err)
{
	const struct check_settings *check = work->order.check;
	const struct tls_client_files files = { .ca_file = check->ca_file,
						.cert_file = check->cert_file,
						.key_file = check->key_file,
						.verify = check->tls ==
							  TLS_VERIFIED };

	if (check->tls == TLS_OFF)
		return 0;
	return tls_client_new(&work->ctx, &files, err);
}

static void start(struct order *order)
{
	struct redis_work *work = (struct redis_work *)order;
	struct redis_order *talk = &work->talk;
	struct err err = { 0 };

	redis_init(&work->redis, order->loop, &hears, work);
	dial_init(&work->dial, order->loop, order->to, on_dialed, work);
	ev_init(&work->again, on_again);
	work->again.data = work;
	if (read_secrets(work, &err) < 0 || make_tls(work, &err) < 0) {
		order_done(order, err.text);
		return;
	}
	talk->what = &order->what;
	if (order->source != NULL) {
		talk->host = order->source->host;
		talk->port = order->source->port;
		talk->user = order->failover->replication_user;
	}
	if (work->source != NULL)
		talk->password = (const char *)work->source->bytes;
	dial_start(&work->dial, order_left_us(order));
}

/* The address is not known yet when start() was not called. */
static void stop(struct order *order)
{
	struct redis_work *work = (struct redis_work *)order;

	if (work->redis.loop == NULL)
		return;
	ev_timer_stop(loop_ev(order->loop), &work->again);
	dial_stop(&work->dial);
	redis_close(&work->redis);
	SSL_CTX_free(work->ctx);
	work->ctx = NULL;
	secret_free(work->password);
	secret_free(work->source);
	work->password = work->source = NULL;
}

const struct database_kind redis_database = {
	.order_size = sizeof(struct redis_work),
	.start = start,
	.stop = stop,
};
