/* postgresql: one statement over a connection that is held; its end is
 * heard. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "checks/postgresql.h"
#include "checks/probe_io.h"
#include "controller/io/pq.h"

struct postgresql_probe {
	struct probe probe;
	struct pq pq;
	struct pq_login login;
	struct database_facts facts;
	struct instant canary_due;
	uint8_t retransmits;
	bool retried;
	bool canary; /* is under way */
};

static int postgresql_plan_new(struct checks *checks,
			       const struct check_settings *check,
			       struct plan **ret_plan, struct err *err)
{
	(void)checks;
	(void)check;
	*ret_plan = calloc(1, sizeof(**ret_plan));
	return *ret_plan != NULL ? 0 : err_set(err, -ENOMEM, "out of memory");
}

static void postgresql_plan_free(struct plan *plan)
{
	free(plan);
}

/* The settings may have been exchanged since the last time. */
static void bind_login(struct postgresql_probe *pg)
{
	const struct check_settings *check = pg->probe.plan->check;

	pg->login = (struct pq_login){
		.user = check->user,
		.password_file = check->password_file,
		.database = check->database,
		.tls = check->tls != TLS_OFF,
		.verify = check->tls == TLS_VERIFIED,
		.ca_file = check->ca_file,
		.cert_file = check->cert_file,
		.key_file = check->key_file,
		.server_name = check->server_name != NULL
				       ? check->server_name
				       : probe_host(&pg->probe),
	};
}

static void finish(struct postgresql_probe *pg, struct result *res)
{
	struct probe *probe = &pg->probe;

	probe_count_retransmits(res, pq_fd(&pg->pq), &pg->retransmits);
	probe->facts = &pg->facts;
	if (!probe->plan->check->tether)
		pq_close(&pg->pq);
	probe_done(probe, res);
}

/* Of a group's primary, now and then: a disk that hangs shows only there.  One
 * that was not answered is asked for again with the next question: else that
 * one's answer would say that all is well. */
static bool canary_is_due(struct postgresql_probe *pg)
{
	return probe_has_time_for_canary(&pg->probe) && pg->facts.writable &&
	       !instant_before(loop_clock(), pg->canary_due);
}

static void canary_answered(struct postgresql_probe *pg)
{
	const struct failover_settings *set =
		probe_service_settings(&pg->probe)->failover;

	pg->canary_due = instant_add(loop_clock(), set->canary_us);
}

static void judge(struct postgresql_probe *pg, const struct pq_answer *answer)
{
	struct probe *probe = &pg->probe;
	struct result res;

	if (!postgresql_facts(answer->cells, answer->rows, answer->columns,
			      probe->target->name, &pg->facts)) {
		probe_report(probe, RESULT_L7RSP, 0,
			     "not the answer of a PostgreSQL 13 or newer");
		return;
	}
	if (canary_is_due(pg)) {
		pg->canary = true;
		pq_ask(&pg->pq, postgresql_canary);
		return;
	}
	res = postgresql_judge(&pg->facts, probe_latency_us(probe));
	finish(pg, &res);
}

static void judge_canary(struct postgresql_probe *pg,
			 const struct pq_answer *answer)
{
	int64_t latency_us = probe_latency_us(&pg->probe);
	struct result res = postgresql_judge(&pg->facts, latency_us);

	if (answer->done || answer->state[0] != '\0')
		canary_answered(pg);
	if (!answer->done)
		res = postgresql_judge_canary(answer->state, answer->why,
					      latency_us);
	finish(pg, &res);
}

static void judge_refusal(struct postgresql_probe *pg,
			  const struct pq_answer *answer)
{
	struct probe *probe = &pg->probe;
	struct result res;
	bool loading;

	res = postgresql_judge_refusal(answer->state, answer->why,
				       probe_latency_us(probe), &loading);
	if (loading) {
		pg->facts = (struct database_facts){ .loading = true,
						     .lag_us = -1 };
		probe->facts = &pg->facts;
	}
	pq_close(&pg->pq);
	probe_done(probe, &res);
}

/* No server spoke: refused, unreachable, or no TLS. */
static void judge_silence(struct postgresql_probe *pg,
			  const struct pq_answer *answer)
{
	struct probe *probe = &pg->probe;

	pq_close(&pg->pq);
	/* libpq does not tell which; another name has words of its own. */
	if (strstr(answer->why, "certificate verify failed") != NULL)
		probe_report(probe, RESULT_L6RSP, 0,
			     "certificate verify failed: expired, or not "
			     "signed by ca_file");
	else if (strstr(answer->why, "SSL") != NULL ||
		 strstr(answer->why, "certificate") != NULL)
		probe_report(probe, RESULT_L6RSP, 0, answer->why);
	else if (answer->error != 0 && answer->error != EACCES)
		probe_report_dial(probe, -answer->error);
	else
		probe_report(probe, RESULT_SOCKERR, 0, answer->why);
}

static void on_answer(void *arg, const struct pq_answer *answer)
{
	struct postgresql_probe *pg = arg;
	bool stale = pg->pq.used && !pg->probe.fresh && !pg->retried;

	if (pg->canary) {
		pg->canary = false;
		judge_canary(pg, answer);
		return;
	}
	if (answer->done) {
		judge(pg, answer);
		return;
	}
	/* The connection that was held may have ended with its server's
	 * process alone: only a new one says how the server is. */
	if (stale && pg->pq.conn == NULL) {
		pg->retried = true;
		bind_login(pg);
		pq_ask(&pg->pq, postgresql_question);
	} else if (answer->state[0] != '\0') {
		judge_refusal(pg, answer);
	} else {
		judge_silence(pg, answer);
	}
}

static void on_lost(void *arg, int error)
{
	struct postgresql_probe *pg = arg;

	probe_hint(&pg->probe,
		   error != 0 ? HINT_TETHER_RESET : HINT_TETHER_CLOSED, error);
}

static void postgresql_init(struct probe *probe)
{
	struct postgresql_probe *pg = (struct postgresql_probe *)probe;

	pq_init(&pg->pq, checks_loop(probe->checks), &probe->to, &pg->login,
		on_answer, on_lost, pg);
}

static void postgresql_start(struct probe *probe)
{
	struct postgresql_probe *pg = (struct postgresql_probe *)probe;

	bind_login(pg);
	pg->retried = pg->canary = false;
	if (probe->fresh)
		pq_close(&pg->pq);
	if (pg->pq.conn == NULL)
		pg->retransmits = 0;
	pq_ask(&pg->pq, postgresql_question);
}

static bool postgresql_look(struct probe *probe)
{
	return pq_look(&((struct postgresql_probe *)probe)->pq);
}

static void postgresql_stop(struct probe *probe)
{
	pq_close(&((struct postgresql_probe *)probe)->pq);
}

static void postgresql_expire(struct probe *probe)
{
	struct postgresql_probe *pg = (struct postgresql_probe *)probe;
	enum reach reach = probe_reach(pq_fd(&pg->pq));
	enum result_code code =
		reach == REACH_NOT_CONNECTED ? RESULT_L4TOUT : RESULT_L7TOUT;

	pq_close(&pg->pq);
	probe_report_silence(probe, code, reach, NULL);
}

const struct kind postgresql_kind = {
	.dials = true,
	.probe_size = sizeof(struct postgresql_probe),
	.plan_new = postgresql_plan_new,
	.plan_free = postgresql_plan_free,
	.init = postgresql_init,
	.start = postgresql_start,
	.look = postgresql_look,
	.expire = postgresql_expire,
	.stop = postgresql_stop,
};
