/* exec: a program says how the target is, by the Nagios plugin convention.
 *
 * It hears of the target through its environment, in our names and in those
 * of HAProxy's external checks.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checks/nagios.h"
#include "checks/probe_io.h"
#include "controller/io/child.h"
#include "controller/io/environment.h"

struct exec_probe {
	struct probe probe;
	struct child *child; /* owned */
};

static int exec_plan_new(struct checks *checks,
			 const struct check_settings *check,
			 struct plan **ret_plan, struct err *err)
{
	(void)checks;
	(void)check;
	*ret_plan = calloc(1, sizeof(**ret_plan));
	return *ret_plan != NULL ? 0 : err_set(err, -ENOMEM, "out of memory");
}

static void exec_plan_free(struct plan *plan)
{
	free(plan);
}

static void exec_init(struct probe *probe)
{
	(void)probe;
}

static void environment_fill(struct environment *env, const struct probe *probe,
			     const char *service)
{
	const struct target_settings *target = probe->target;
	char number[8];

	snprintf(number, sizeof(number), "%u", probe->to.port);
	environment_set(env, "BASCULE_SERVICE", service);
	environment_set(env, "BASCULE_TARGET", target->name);
	environment_set(env, "BASCULE_ADDRESS", target->host);
	environment_set(env, "BASCULE_PORT", number);
	environment_set(env, "HAPROXY_PROXY_NAME", service);
	environment_set(env, "HAPROXY_SERVER_NAME", target->name);
	environment_set(env, "HAPROXY_SERVER_ADDR", target->host);
	environment_set(env, "HAPROXY_SERVER_PORT", number);
	environment_finish(env);
}

static void on_end(void *arg, const struct child_outcome *outcome)
{
	struct probe *probe = arg;
	struct result res;

	switch (outcome->end) {
	case CHILD_EXITED:
		res = nagios_judge(outcome->value, outcome->output,
				   probe_latency_us(probe));
		break;
	case CHILD_KILLED:
		res = nagios_judge_signal(outcome->value,
					  probe_latency_us(probe));
		break;
	default:
		probe_report(probe, RESULT_PROCTOUT, 0, "killed");
		return;
	}
	probe_done(probe, &res);
}

static void exec_start(struct probe *probe)
{
	struct exec_probe *exec = (struct exec_probe *)probe;
	struct environment env = { .used = 0 };
	char text[RESULT_TEXT_MAX];
	int r;

	if (exec->child != NULL) {
		probe_report(probe, RESULT_PROCUNK, 0,
			     "the run before cannot be killed");
		return;
	}
	environment_fill(&env, probe, probe_service(probe));
	r = child_start(&exec->child, checks_loop(probe->checks),
			probe->plan->check->command, env.list,
			probe->timeout_us, on_end, probe);
	if (r < 0) {
		snprintf(text, sizeof(text), "cannot be run: %s", strerror(-r));
		probe_report(probe, RESULT_PROCUNK, -r, text);
	}
}

/* The child keeps the deadline itself, and only a moment after ours. */
static bool exec_look(struct probe *probe)
{
	(void)probe;
	return false;
}

static void exec_expire(struct probe *probe)
{
	(void)probe;
}

static void exec_stop(struct probe *probe)
{
	child_stop(&((struct exec_probe *)probe)->child);
}

const struct kind exec_kind = {
	.probe_size = sizeof(struct exec_probe),
	.plan_new = exec_plan_new,
	.plan_free = exec_plan_free,
	.init = exec_init,
	.start = exec_start,
	.look = exec_look,
	.expire = exec_expire,
	.stop = exec_stop,
};
