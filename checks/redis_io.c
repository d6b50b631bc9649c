/* redis: questions over a connection that is held, which is the tether.
 *
 * A question that was silent keeps its connection, for it may be answered after
 * all, while the next one goes over another: at most two a target.
 */

#include "controller/io/redis.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checks/probe_io.h"
#include "checks/redis.h"
#include "checks/tls_context_io.h"
#include "controller/io/password.h"
#include "controller/io/tcp.h"

/* What the answers are to, in this order. */
enum asked {
	ASKED_PING,
	ASKED_REPLICATION,
	ASKED_WANTED, /* of groups */
	ASKED_SERVER, /* once for each connection */
	ASKED_CANARY, /* when one is due */
	ASKED_ALL
};

struct redis_plan {
	struct plan plan;
	SSL_CTX *ctx; /* owned; NULL: plain */
};

/* One connection, with the question on it. */
struct asker {
	struct probe *probe; /* borrowed: whose it is */
	struct dial dial;
	struct redis redis;
	bool asking, reused;
	bool wanted, server, canary; /* these are asked, too */
	int64_t good;                /* replicas; -1: does not matter */
	enum asked next;             /* the answer that is to come */
	bool heard;                  /* one has come */
	uint64_t id;
	struct instant at; /* when it was asked */
	uint8_t retransmits;
	uint64_t start; /* of the server, from its first answer */
	uint16_t port;
	bool failed; /* `result` is one of those that come first */
	struct result result;
};

struct redis_probe {
	struct probe probe;
	struct asker askers[2];
	unsigned now; /* index; the other one may be late */
	struct instant canary_due;
	bool was_primary;
	struct database_facts facts;
};

static struct redis_probe *redis_of(struct probe *probe)
{
	return (struct redis_probe *)probe;
}

static bool is_late(const struct asker *a)
{
	struct redis_probe *redis = redis_of(a->probe);

	return a != &redis->askers[redis->now];
}

static const struct failover_settings *failover_of(const struct probe *probe)
{
	return probe_service_settings(probe)->failover;
}

/* --- plans ------------------------------------------------------------------
 */

static int redis_plan_new(struct checks *checks,
			  const struct check_settings *check,
			  struct plan **ret_plan, struct err *err)
{
	struct redis_plan *plan = calloc(1, sizeof(*plan));
	int r;

	(void)checks;
	if (plan == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	r = tls_context_login_new(&plan->ctx, check, err);
	if (r < 0) {
		free(plan);
		return r;
	}
	*ret_plan = &plan->plan;
	return 0;
}

static void redis_plan_free(struct plan *plan)
{
	SSL_CTX_free(((struct redis_plan *)plan)->ctx);
	free(plan);
}

/* --- one question -----------------------------------------------------------
 */

static void asker_close(struct asker *a)
{
	dial_stop(&a->dial);
	redis_close(&a->redis);
	a->asking = false;
}

/* The question is answered, well or not. */
static void asker_done(struct asker *a, struct result *res)
{
	struct redis_probe *redis = redis_of(a->probe);
	struct asker *other = &redis->askers[!redis->now];

	a->asking = false;
	if (is_late(a)) {
		/* It is held in place of a new one, if there is none. */
		if (redis_is_open(&a->redis) &&
		    !redis_is_open(&redis->askers[redis->now].redis) &&
		    !redis->askers[redis->now].asking)
			redis->now = !redis->now;
		else
			asker_close(a);
		probe_late(a->probe, a->id, res);
		return;
	}
	if (result_verdict(res->code) == VERDICT_PASS)
		asker_close(other);
	if (!a->probe->plan->check->tether)
		redis_close(&a->redis);
	probe_done(a->probe, res);
}

static void asker_fail(struct asker *a, enum result_code code, int status,
		       const char *text)
{
	struct result res;

	res = result_make(code, status, instant_diff_us(a->at, loop_clock()),
			  text);
	asker_close(a);
	asker_done(a, &res);
}

static void asker_dial(struct asker *a)
{
	asker_close(a);
	a->asking = true;
	a->reused = false;
	a->retransmits = 0;
	a->start = 0;
	dial_start(&a->dial, probe_left_us(a->probe));
}

static int say(struct asker *a, const char *first, const char *second,
	       const char *third)
{
	const char *argv[3] = { first, second, third };
	int argc = third != NULL ? 3 : second != NULL ? 2 : 1;

	return redis_send(&a->redis, argc, argv);
}

static int say_all(struct asker *a)
{
	struct redis_probe *redis = redis_of(a->probe);
	const struct failover_settings *failover = failover_of(a->probe);
	char text[24];
	int r;

	r = say(a, "PING", NULL, NULL);
	if (r == 0)
		r = say(a, "INFO", "replication", NULL);
	a->wanted = failover != NULL;
	if (r == 0 && a->wanted)
		r = say(a, "CONFIG", "GET", "min-replicas-to-write");
	a->server = a->start == 0;
	if (r == 0 && a->server)
		r = say(a, "INFO", "server", NULL);
	a->canary = probe_has_time_for_canary(a->probe) && redis->was_primary &&
		    instant_reached(a->at, redis->canary_due);
	if (r == 0 && a->canary) {
		snprintf(
			text, sizeof(text), "%lld",
			(long long)loop_wall_us(checks_loop(a->probe->checks)));
		r = say(a, "SET", REDIS_CANARY, text);
	}
	return r;
}

static void asker_question(struct asker *a)
{
	struct redis_probe *redis = redis_of(a->probe);

	a->asking = true;
	a->next = ASKED_PING;
	a->heard = a->failed = false;
	a->good = -1;
	redis->facts = (struct database_facts){ .lag_us = -1 };
	if (say_all(a) < 0)
		asker_fail(a, RESULT_SOCKERR, ENOMEM, "out of memory");
}

static void on_dialed(void *arg, int fd)
{
	struct asker *a = arg;
	const struct check_settings *check = a->probe->plan->check;
	struct redis_plan *plan = (struct redis_plan *)a->probe->plan;
	struct redis_login login = { .user = check->user,
				     .database = check->database };
	struct secret *password = NULL;
	struct err err = { 0 };
	int r = 0;

	if (fd < 0) {
		a->asking = false;
		probe_report_dial(a->probe, fd);
		return;
	}
	if (check->password_file != NULL)
		r = password_read(check->password_file, &password, &err);
	if (password != NULL)
		login.password = (const char *)password->bytes;
	r = redis_open(&a->redis, fd, plan->ctx,
		       check->server_name != NULL ? check->server_name
						  : probe_host(a->probe),
		       &login);
	secret_free(password);
	if (err.code != 0)
		/* It is asked without: what it then says is the truth, and
		 * so is this. */
		asker_fail(a, RESULT_SOCKERR, -err.code, err.text);
	else if (r < 0)
		asker_fail(a, RESULT_SOCKERR, -r, "out of memory");
	else
		asker_question(a);
}

/* --- what is heard ----------------------------------------------------------
 */

/* By which its primary lists it: where we reach it. */
static void name_it(struct asker *a, struct database_facts *facts)
{
	struct address addr = dial_address(&a->dial);
	char text[ADDRESS_TEXT_MAX];

	snprintf(facts->name, sizeof(facts->name), "%.50s:%u",
		 address_text(&addr, text, sizeof(text)), a->port);
}

/* All answers are there. */
static void asker_judge(struct asker *a)
{
	struct redis_probe *redis = redis_of(a->probe);
	struct database_facts *facts = &redis->facts;
	int64_t took_us = instant_diff_us(a->at, loop_clock());
	const char *why = is_late(a) ? NULL : redis_concern(facts);
	struct result res = a->result;

	res.latency_us = took_us;
	if (!a->failed)
		res = result_make(why != NULL ? RESULT_L7OKC : RESULT_L7OK, 0,
				  took_us, why);
	probe_count_retransmits(&res, a->redis.fd, &a->retransmits);
	if (facts->role != DATABASE_UNKNOWN && !is_late(a)) {
		facts->start = a->start;
		name_it(a, facts);
		redis->was_primary = facts->role == DATABASE_PRIMARY;
		a->probe->facts = facts;
	}
	/* One that was not answered is due with the next question. */
	if (a->canary)
		redis->canary_due = instant_add(
			a->at,
			probe_service_settings(a->probe)->failover->canary_us);
	asker_done(a, &res);
}

/* An error is kept; a worse one replaces it. */
static void take_error(struct asker *a, const char *text)
{
	struct result res = redis_judge_error(text, 0);

	if (strncmp(text, "LOADING", 7) == 0 && !is_late(a))
		redis_of(a->probe)->facts.loading = true;
	if (a->failed && result_verdict(a->result.code) == VERDICT_FAIL)
		return;
	a->failed = true;
	a->result = res;
}

/* A primary that wants more replicas than it has takes no writes. */
static void take_wanted(struct asker *a, const redisReply *reply)
{
	struct database_facts *facts = &redis_of(a->probe)->facts;

	if (a->good >= 0 && reply->type == REDIS_REPLY_ARRAY &&
	    reply->elements == 2 && reply->element[1]->str != NULL &&
	    a->good < strtoll(reply->element[1]->str, NULL, 10))
		facts->writable = false;
}

static void take(struct asker *a, const redisReply *reply)
{
	struct database_facts *facts = &redis_of(a->probe)->facts;
	const char *text = reply->str != NULL ? reply->str : "";

	if (reply->type == REDIS_REPLY_ERROR) {
		/* The rule of how many replicas need not be known. */
		if (a->next != ASKED_WANTED)
			take_error(a, text);
		return;
	}
	/* The facts are those of the question that was asked last. */
	if (is_late(a))
		return;
	if (a->next == ASKED_REPLICATION) {
		redis_take_replication(facts, text);
		a->good = redis_good_replicas(text);
	} else if (a->next == ASKED_WANTED)
		take_wanted(a, reply);
	else if (a->next == ASKED_SERVER)
		redis_take_server(facts, text, &a->port);
	if (a->next == ASKED_SERVER)
		a->start = facts->start;
}

static void on_reply(void *arg, const redisReply *reply)
{
	struct asker *a = arg;

	if (!a->asking) {
		asker_close(a);
		return;
	}
	a->heard = true;
	take(a, reply);
	a->next++;
	if (a->next == ASKED_WANTED && !a->wanted)
		a->next++;
	if (a->next == ASKED_SERVER && !a->server)
		a->next++;
	if (a->next == ASKED_CANARY && !a->canary)
		a->next++;
	if (a->next == ASKED_ALL)
		asker_judge(a);
}

/* A new connection that is reset without a word is refused: a process that
 * ends has a listener that takes connections for a moment longer. */
static enum result_code end_code(const struct asker *a, enum redis_end how)
{
	if (how == REDIS_RESET && !a->heard)
		return RESULT_L4CON;
	return how == REDIS_NO_TLS ? RESULT_L6RSP : RESULT_L7RSP;
}

/* The connection of a silent question ended without an answer. */
static void end_late(struct asker *a, enum redis_end how, int error)
{
	a->asking = false;
	if (how == REDIS_CLOSED)
		probe_hint(a->probe, HINT_TETHER_CLOSED, 0);
	else if (how == REDIS_RESET && (error == ECONNRESET || error == EPIPE))
		probe_hint(a->probe, HINT_TETHER_RESET, error);
}

static void on_end(void *arg, enum redis_end how, int error, const char *text)
{
	struct asker *a = arg;
	struct result res;

	if (!a->asking) {
		probe_hint(a->probe,
			   error != 0 ? HINT_TETHER_RESET : HINT_TETHER_CLOSED,
			   error);
	} else if (is_late(a) && !a->heard) {
		end_late(a, how, error);
	} else if (how == REDIS_REFUSED) {
		res = redis_judge_error(text,
					instant_diff_us(a->at, loop_clock()));
		asker_done(a, &res);
	} else if (a->reused && !a->heard) {
		/* It was closed while it was idle. */
		asker_dial(a);
	} else {
		asker_fail(a, end_code(a, how), error,
			   text != NULL ? text
			   : error != 0 ? strerror(error)
					: "closed without an answer");
	}
}

static const struct redis_hears hears = { .reply = on_reply, .end = on_end };

/* --- the kind ---------------------------------------------------------------
 */

static void redis_init_probe(struct probe *probe)
{
	struct redis_probe *redis = redis_of(probe);
	struct loop *loop = checks_loop(probe->checks);
	unsigned i;

	for (i = 0; i < 2; i++) {
		struct asker *a = &redis->askers[i];

		a->probe = probe;
		dial_init(&a->dial, loop, &probe->to, on_dialed, a);
		redis_init(&a->redis, loop, &hears, a);
	}
}

static void redis_start(struct probe *probe)
{
	struct redis_probe *redis = redis_of(probe);
	struct asker *a = &redis->askers[redis->now];

	a->id = probe->id;
	a->at = probe->asked;
	if (!redis_is_open(&a->redis) || probe->fresh) {
		asker_dial(a);
		return;
	}
	a->reused = true;
	asker_question(a);
}

static bool redis_look_probe(struct probe *probe)
{
	struct redis_probe *redis = redis_of(probe);
	struct asker *a = &redis->askers[redis->now];

	if (!redis_is_open(&a->redis))
		return dial_look(&a->dial);
	return redis_look(&a->redis);
}

static const char *silence(const struct asker *a, enum reach reach)
{
	if (a->heard)
		return "the answers have stopped";
	if (reach == REACH_UNKNOWN)
		return NULL;
	return reach == REACH_UNACKNOWLEDGED
		       ? "not even acknowledged: host or network"
		       : "acknowledged, but no answer";
}

static void redis_expire(struct probe *probe)
{
	struct redis_probe *redis = redis_of(probe);
	struct asker *a = &redis->askers[redis->now];
	enum reach reach;

	if (!redis_is_open(&a->redis)) {
		asker_close(a);
		probe_report_silence(probe, RESULT_L4TOUT, REACH_NOT_CONNECTED,
				     NULL);
		return;
	}
	reach = probe_reach(a->redis.fd);
	probe_report_silence(probe, RESULT_L7TOUT, reach, silence(a, reach));
	/* The first of several silent ones has waited longest. */
	if (redis->askers[!redis->now].asking)
		asker_close(a);
	else
		redis->now = !redis->now;
}

static void redis_stop(struct probe *probe)
{
	asker_close(&redis_of(probe)->askers[0]);
	asker_close(&redis_of(probe)->askers[1]);
}

const struct kind redis_kind = {
	.dials = true,
	.probe_size = sizeof(struct redis_probe),
	.plan_new = redis_plan_new,
	.plan_free = redis_plan_free,
	.init = redis_init_probe,
	.start = redis_start,
	.look = redis_look_probe,
	.expire = redis_expire,
	.stop = redis_stop,
};
