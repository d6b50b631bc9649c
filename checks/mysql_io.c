/* mysql: questions over a connection that is held, which is the tether. */

#include "controller/io/maria.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checks/mysql.h"
#include "checks/probe_io.h"
#include "checks/tls_context_io.h"
#include "controller/io/password.h"

struct mysql_probe {
	struct probe probe;
	struct maria maria;
	bool asking, reused;
	bool heard; /* something, on this question */
	enum mysql_question next;
	/* Where a canary stands; NO_CANARY: none is under way. */
	unsigned canary;
	bool canary_made; /* its table, over this connection */
	struct instant canary_due;
	uint8_t retransmits;
	struct mysql_seen seen;
};

#define NO_CANARY UINT32_MAX

static struct mysql_probe *mysql_of(struct probe *probe)
{
	return (struct mysql_probe *)probe;
}

/* --- plans ------------------------------------------------------------------
 */

/* The files of TLS are tried here, so that a wrong one is said at the start. */
static int mysql_plan_new(struct checks *checks,
			  const struct check_settings *check,
			  struct plan **ret_plan, struct err *err)
{
	struct plan *plan = calloc(1, sizeof(*plan));
	SSL_CTX *ctx = NULL;
	int r;

	(void)checks;
	if (plan == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	r = tls_context_login_new(&ctx, check, err);
	SSL_CTX_free(ctx);
	if (r < 0) {
		free(plan);
		return r;
	}
	*ret_plan = plan;
	return 0;
}

static void mysql_plan_free(struct plan *plan)
{
	free(plan);
}

/* --- one question -----------------------------------------------------------
 */

static void finish(struct mysql_probe *my, struct result *res)
{
	struct probe *probe = &my->probe;

	my->asking = false;
	if (maria_is_open(&my->maria))
		probe_count_retransmits(res, maria_fd(&my->maria),
					&my->retransmits);
	if (!probe->plan->check->tether)
		maria_close(&my->maria);
	probe_done(probe, res);
}

static void fail(struct mysql_probe *my, enum result_code code, int status,
		 const char *text)
{
	struct result res =
		result_make(code, status, probe_latency_us(&my->probe), text);

	maria_close(&my->maria);
	finish(my, &res);
}

static void ask(struct mysql_probe *my, const char *sql)
{
	if (maria_ask(&my->maria, sql) < 0)
		fail(my, RESULT_SOCKERR, ENOMEM, "out of memory");
}

static void begin(struct mysql_probe *my)
{
	enum mysql_dialect dialect =
		maria_is_mariadb(&my->maria) ? DIALECT_MARIADB : DIALECT_MYSQL;

	my->next = MYSQL_OF_ITSELF;
	my->canary = NO_CANARY;
	mysql_begin(&my->seen, dialect);
	ask(my, mysql_question(dialect, my->next));
}

static bool address_of(const struct probe *probe, struct address *ret_address)
{
	const struct address *list;

	*ret_address = probe->to.address;
	if (probe->to.name == NULL)
		return true;
	if (resolver_addresses(probe->to.name, &list) == 0)
		return false;
	*ret_address = list[0];
	address_set_port(ret_address, probe->to.port);
	return true;
}

static const char *verified_name(const struct probe *probe)
{
	const struct check_settings *check = probe->plan->check;

	if (check->tls != TLS_VERIFIED)
		return NULL;
	return check->server_name != NULL ? check->server_name
					  : probe_host(probe);
}

static void dial(struct mysql_probe *my)
{
	struct probe *probe = &my->probe;
	const struct check_settings *check = probe->plan->check;
	struct maria_login login = {
		.user = check->user != NULL ? check->user : "root",
		.tls = check->tls != TLS_OFF,
		.verify_name = verified_name(probe),
		.ca_file = check->ca_file,
		.cert_file = check->cert_file,
		.key_file = check->key_file,
	};
	struct secret *password = NULL;
	struct err err = { 0 };
	int r = 0;

	my->reused = my->canary_made = false;
	my->retransmits = 0;
	if (check->password_file != NULL)
		r = password_read(check->password_file, &password, &err);
	if (r < 0) {
		/* We could not even ask: that is none of its faults. */
		fail(my, RESULT_SOCKERR, -r, err.text);
		return;
	}
	if (password != NULL)
		login.password = (const char *)password->bytes;
	if (!address_of(probe, &login.address))
		r = -EADDRNOTAVAIL;
	else
		r = maria_open(&my->maria, &login);
	secret_free(password);
	if (r < 0)
		fail(my, RESULT_SOCKERR, -r, strerror(-r));
}

/* --- what is heard ----------------------------------------------------------
 */

static void judge(struct mysql_probe *my)
{
	struct probe *probe = &my->probe;
	struct result res = mysql_judge(&my->seen, probe_latency_us(probe));

	if (my->seen.facts.role != DATABASE_UNKNOWN)
		probe->facts = &my->seen.facts;
	finish(my, &res);
}

static void canary_answered(struct mysql_probe *my)
{
	const struct failover_settings *failover =
		probe_service_settings(&my->probe)->failover;

	my->canary_due = instant_add(my->probe.asked, failover->canary_us);
}

/* One row, on the primary, every so often; true: it is under way.  One that was
 * not answered is asked for again with the next question: else that one's
 * answer would say that all is well. */
static bool canary(struct mysql_probe *my)
{
	const struct check_settings *check = my->probe.plan->check;
	const struct database_facts *facts = &my->seen.facts;
	char sql[MYSQL_SQL_MAX];

	if (my->canary == NO_CANARY) {
		if (!probe_has_time_for_canary(&my->probe) ||
		    facts->role != DATABASE_PRIMARY || !facts->writable ||
		    !instant_reached(my->probe.asked, my->canary_due))
			return false;
		my->canary = my->canary_made ? MYSQL_CANARY_LAST : 0;
	} else {
		my->canary++;
	}
	if (!mysql_canary(my->canary, check->database, 0, sql, sizeof(sql))) {
		canary_answered(my);
		return false;
	}
	ask(my, sql);
	return true;
}

static void go_on(struct mysql_probe *my)
{
	struct mysql_seen *seen = &my->seen;

	if (my->canary == NO_CANARY)
		my->next++;
	if (my->next == MYSQL_OF_ITS_REPLICAS &&
	    seen->facts.role != DATABASE_PRIMARY)
		my->next++;
	if (my->next < MYSQL_QUESTIONS)
		ask(my, mysql_question(seen->dialect, my->next));
	else if (!canary(my))
		judge(my);
}

static void on_opened(void *arg)
{
	struct mysql_probe *my = arg;

	my->heard = true;
	begin(my);
}

static void on_row(void *arg, const struct row *row)
{
	struct mysql_probe *my = arg;

	if (my->canary == NO_CANARY)
		mysql_take(&my->seen, my->next, row);
}

static void on_done(void *arg)
{
	struct mysql_probe *my = arg;

	my->heard = true;
	if (my->canary == MYSQL_CANARY_LAST)
		my->canary_made = true;
	go_on(my);
}

static void on_refused(void *arg, unsigned code, const char *text)
{
	struct mysql_probe *my = arg;
	struct result res;

	my->heard = true;
	if (my->canary < MYSQL_CANARY_LAST && my->canary != 0) {
		go_on(my);
		return;
	}
	if (my->canary != NO_CANARY)
		canary_answered(my);
	res = mysql_judge_refusal(code, text, probe_latency_us(&my->probe));
	/* Without the right to see the replicas, or to a row of its own, all
	 * else is known. */
	if ((my->next == MYSQL_OF_ITS_REPLICAS || my->canary != NO_CANARY) &&
	    result_verdict(res.code) != VERDICT_FAIL)
		my->probe.facts = &my->seen.facts;
	finish(my, &res);
}

static void lost(struct mysql_probe *my, int error, const char *text)
{
	if (my->reused && !my->heard) {
		/* It was closed while it was idle. */
		dial(my);
		return;
	}
	fail(my, RESULT_L7RSP, error, text);
}

static void on_end(void *arg, enum maria_end how, unsigned code, int error,
		   const char *text)
{
	struct mysql_probe *my = arg;
	struct result res;

	if (!my->asking) {
		probe_hint(&my->probe,
			   error != 0 ? HINT_TETHER_RESET : HINT_TETHER_CLOSED,
			   error);
		return;
	}
	switch (how) {
	case MARIA_UNREACHED:
		my->asking = false;
		probe_report_dial(&my->probe, -error);
		break;
	case MARIA_REFUSED:
		res = mysql_judge_refusal(code, text,
					  probe_latency_us(&my->probe));
		finish(my, &res);
		break;
	case MARIA_NO_TLS:
		fail(my, RESULT_L6RSP, 0, text);
		break;
	case MARIA_LOST:
		lost(my, error, text);
		break;
	}
}

static const struct maria_hears hears = { .opened = on_opened,
					  .row = on_row,
					  .done = on_done,
					  .refused = on_refused,
					  .end = on_end };

/* --- the kind ---------------------------------------------------------------
 */

static void mysql_init_probe(struct probe *probe)
{
	struct mysql_probe *my = mysql_of(probe);

	my->canary = NO_CANARY;
	maria_init(&my->maria, checks_loop(probe->checks), &hears, my);
}

static void mysql_start(struct probe *probe)
{
	struct mysql_probe *my = mysql_of(probe);

	my->asking = true;
	my->heard = false;
	if (!maria_is_idle(&my->maria) || probe->fresh) {
		dial(my);
		return;
	}
	my->reused = true;
	begin(my);
}

static bool mysql_look(struct probe *probe)
{
	return maria_look(&mysql_of(probe)->maria);
}

static void mysql_expire(struct probe *probe)
{
	struct mysql_probe *my = mysql_of(probe);
	enum reach reach = probe_reach(maria_fd(&my->maria));
	enum result_code code =
		reach == REACH_NOT_CONNECTED ? RESULT_L4TOUT : RESULT_L7TOUT;

	my->asking = false;
	maria_close(&my->maria);
	probe_report_silence(probe, code, reach,
			     my->canary != NO_CANARY ? "the canary's row is "
						       "not written"
						     : NULL);
}

static void mysql_stop(struct probe *probe)
{
	maria_close(&mysql_of(probe)->maria);
}

const struct kind mysql_kind = {
	.dials = true,
	.probe_size = sizeof(struct mysql_probe),
	.plan_new = mysql_plan_new,
	.plan_free = mysql_plan_free,
	.init = mysql_init_probe,
	.start = mysql_start,
	.look = mysql_look,
	.expire = mysql_expire,
	.stop = mysql_stop,
};
