#include "drill/load/client.h"

#include "drill/load/arrivals.h"
#include "drill/load/conn.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct list {
	struct conn *head, *tail;
};

struct client {
	struct loop *loop; /* borrowed */
	struct conn_calls calls;
	struct arrivals arrivals;
	struct journal *journal; /* owned */
	struct target *targets;  /* owned, one for each URL */
	struct list *idle;       /* owned, one for each target */
	unsigned targets_len;
	struct list flight;  /* by intended start */
	struct list leaving; /* answered; the server is to close first */
	unsigned flight_len;
	unsigned conns_len; /* in all lists */
	unsigned flight_max;
	int64_t timeout_us;
	int64_t duration_us;
	int64_t rate;
	bool keep;
	struct instant end; /* INSTANT_NEVER while it runs */
};

static void list_append(struct list *list, struct conn *conn)
{
	conn->prev = list->tail;
	conn->next = NULL;
	if (list->tail != NULL)
		list->tail->next = conn;
	else
		list->head = conn;
	list->tail = conn;
}

static void list_remove(struct list *list, struct conn *conn)
{
	if (conn->prev != NULL)
		conn->prev->next = conn->next;
	else
		list->head = conn->next;
	if (conn->next != NULL)
		conn->next->prev = conn->prev;
	else
		list->tail = conn->prev;
}

static struct list *idle_of(struct client *client, const struct conn *conn)
{
	return &client->idle[conn->target - client->targets];
}

static void drop_conn(struct client *client, struct conn *conn)
{
	client->conns_len--;
	conn_free(conn);
}

static void record(struct client *client, int64_t n, struct instant intended,
		   enum outcome_kind kind, int status)
{
	struct outcome outcome = {
		.intended = intended,
		.latency_us = instant_diff_us(intended, loop_clock()),
		.kind = kind,
		.status = status,
		.url = (unsigned)(n % client->targets_len),
	};

	if (outcome.latency_us < 0)
		outcome.latency_us = 0;
	journal_add(client->journal, n, &outcome);
}

static struct instant deadline_of(const struct client *client,
				  const struct conn *conn)
{
	return instant_add(conn->intended, client->timeout_us);
}

/* Sleep until the next arrival or timeout; the last outcome ends the run. */
static void rearm(struct client *client)
{
	struct instant due = arrivals_next(&client->arrivals);

	if (client->flight.head != NULL)
		due = instant_min(due,
				  deadline_of(client, client->flight.head));
	loop_arm(client->loop, due);
	if (instant_is_never(due))
		loop_stop(client->loop);
}

static void on_ended(void *arg, struct conn *conn, enum outcome_kind kind,
		     int status)
{
	struct client *client = arg;

	list_remove(&client->flight, conn);
	client->flight_len--;
	record(client, conn->n, conn->intended, kind, status);
	if (client->keep && conn_can_stay(conn))
		list_append(idle_of(client, conn), conn);
	else if (kind == OUTCOME_OK)
		list_append(&client->leaving, conn);
	else
		drop_conn(client, conn);
	rearm(client);
}

static void on_lost(void *arg, struct conn *conn)
{
	struct client *client = arg;

	if (client->keep && conn_can_stay(conn))
		list_remove(idle_of(client, conn), conn);
	else
		list_remove(&client->leaving, conn);
	drop_conn(client, conn);
}

/* Make room for a new connection where all are taken but not all in use. */
static void evict(struct client *client)
{
	struct list *list = &client->leaving;
	struct conn *conn;

	for (unsigned i = 0; list->head == NULL; i++)
		list = &client->idle[i];
	conn = list->head;
	list_remove(list, conn);
	drop_conn(client, conn);
}

/* The connection that was used last, or a new one. */
static struct conn *take_conn(struct client *client, unsigned target)
{
	struct list *idle = &client->idle[target];
	struct conn *conn = idle->tail;

	if (conn != NULL) {
		list_remove(idle, conn);
		return conn;
	}
	if (client->conns_len == client->flight_max)
		evict(client);
	conn = conn_new(loop_ev(client->loop), &client->targets[target],
			&client->calls);
	if (conn != NULL)
		client->conns_len++;
	return conn;
}

static void send_request(struct client *client, int64_t n,
			 struct instant intended)
{
	struct conn *conn;
	int r;

	conn = take_conn(client, (unsigned)(n % client->targets_len));
	if (conn == NULL) {
		record(client, n, intended, OUTCOME_OTHER, 0);
		return;
	}
	conn->n = n;
	conn->intended = intended;
	r = conn_request(conn);
	if (r < 0) {
		drop_conn(client, conn);
		record(client, n, intended, outcome_of_errno(-r), 0);
		return;
	}
	list_append(&client->flight, conn);
	client->flight_len++;
}

static void start_arrivals(struct client *client, struct instant now)
{
	struct instant intended = arrivals_next(&client->arrivals);

	for (; instant_reached(now, intended);
	     intended = arrivals_next(&client->arrivals)) {
		int64_t n = client->arrivals.next++;

		if (instant_diff_us(intended, now) >= client->timeout_us)
			record(client, n, intended, OUTCOME_LATE, 0);
		else if (client->flight_len == client->flight_max)
			record(client, n, intended, OUTCOME_FULL, 0);
		else
			send_request(client, n, intended);
	}
}

/* They come first: so no more requests than arrive within one timeout are
 * ever without an outcome, and the journal is large enough.
 */
static void expire(struct client *client, struct instant now)
{
	struct conn *conn = client->flight.head;

	for (; conn != NULL && instant_reached(now, deadline_of(client, conn));
	     conn = client->flight.head) {
		list_remove(&client->flight, conn);
		client->flight_len--;
		record(client, conn->n, conn->intended, OUTCOME_TIMEOUT, 0);
		drop_conn(client, conn);
	}
}

static void on_deadline(void *arg)
{
	struct client *client = arg;
	struct instant now = loop_now(client->loop);

	expire(client, now);
	start_arrivals(client, now);
	rearm(client);
}

static int resolve(struct target *target, const struct url *url,
		   struct err *err)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found;
	int r;

	r = getaddrinfo(url->host, url->port, &hints, &found);
	if (r != 0)
		return err_set(err, -ENOENT, "%s: %s", url->text,
			       gai_strerror(r));
	memcpy(&target->addr, found->ai_addr, found->ai_addrlen);
	target->addr_len = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

static int target_init(struct target *target, const struct url *url, bool keep,
		       struct err *err)
{
	int len;

	len = asprintf(&target->request,
		       "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: load\r\n"
		       "%s\r\n",
		       url->path, url->authority,
		       keep ? "" : "Connection: close\r\n");
	if (len < 0) {
		target->request = NULL;
		return err_set(err, -ENOMEM, "out of memory");
	}
	target->request_len = (size_t)len;
	return resolve(target, url, err);
}

static int allocate(struct client *client,
		    const struct client_settings *settings, journal_fn fn,
		    void *arg)
{
	/* One timeout of arrivals, rounded up on both sides. */
	size_t pending = (size_t)(settings->timeout_us / SECOND + 1) *
				 (size_t)settings->rate +
			 2;

	client->targets = calloc(settings->urls_len, sizeof(*client->targets));
	client->idle = calloc(settings->urls_len, sizeof(*client->idle));
	if (client->targets == NULL || client->idle == NULL)
		return -ENOMEM;
	client->targets_len = settings->urls_len;
	return journal_new(pending, fn, arg, &client->journal);
}

static int init_targets(struct client *client,
			const struct client_settings *settings, struct err *err)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < settings->urls_len; i++)
		r = target_init(&client->targets[i], &settings->urls[i],
				settings->keep, err);
	return r;
}

int client_new(struct loop *loop, const struct client_settings *settings,
	       journal_fn fn, void *arg, struct client **ret_client,
	       struct err *err)
{
	struct client *client;
	int r;

	client = calloc(1, sizeof(*client));
	if (client == NULL || allocate(client, settings, fn, arg) < 0) {
		client_free(client);
		return err_set(err, -ENOMEM, "out of memory");
	}
	client->loop = loop;
	client->calls = (struct conn_calls){ on_ended, on_lost, client };
	client->flight_max = settings->flight_max;
	client->timeout_us = settings->timeout_us;
	client->duration_us = settings->duration_us;
	client->rate = settings->rate;
	client->keep = settings->keep;
	client->end = INSTANT_NEVER;
	r = init_targets(client, settings, err);
	if (r < 0) {
		client_free(client);
		return r;
	}
	loop_on_deadline(loop, on_deadline, client);
	*ret_client = client;
	return 0;
}

static void free_list(struct list *list)
{
	while (list->head != NULL) {
		struct conn *conn = list->head;

		list_remove(list, conn);
		conn_free(conn);
	}
}

void client_free(struct client *client)
{
	if (client == NULL)
		return;
	free_list(&client->flight);
	free_list(&client->leaving);
	for (unsigned i = 0; i < client->targets_len; i++) {
		free_list(&client->idle[i]);
		free(client->targets[i].request);
	}
	journal_free(client->journal);
	free(client->targets);
	free(client->idle);
	free(client);
}

void client_start(struct client *client)
{
	arrivals_init(&client->arrivals, loop_clock(), client->rate,
		      client->duration_us);
	if (client->duration_us > 0)
		client->end = instant_add(client->arrivals.begin,
					  client->duration_us);
	rearm(client);
}

void client_stop(struct client *client)
{
	arrivals_stop(&client->arrivals);
	client->end = instant_min(client->end, loop_clock());
	rearm(client);
}

struct instant client_begin(const struct client *client)
{
	return client->arrivals.begin;
}

struct instant client_end(const struct client *client)
{
	return client->end;
}

unsigned client_in_flight(const struct client *client)
{
	return client->flight_len;
}
