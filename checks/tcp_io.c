/* tcp: a connection is opened, and that is all. */

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "checks/probe_io.h"

struct tcp_probe {
	struct probe probe;
	struct dial dial;
};

static int tcp_plan_new(struct checks *checks,
			const struct check_settings *check,
			struct plan **ret_plan, struct err *err)
{
	(void)checks;
	(void)check;
	*ret_plan = calloc(1, sizeof(**ret_plan));
	return *ret_plan != NULL ? 0 : err_set(err, -ENOMEM, "out of memory");
}

static void tcp_plan_free(struct plan *plan)
{
	free(plan);
}

/* Ended by a reset, as HAProxy does: thousands of checks a second would leave
 * as many closed connections waiting. */
static void on_dialed(void *arg, int fd)
{
	const struct linger reset = { .l_onoff = 1 };
	struct tcp_probe *tcp = arg;

	if (fd < 0) {
		probe_report_dial(&tcp->probe, fd);
		return;
	}
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fd);
	probe_report(&tcp->probe, RESULT_L4OK, 0, NULL);
}

static void tcp_init(struct probe *probe)
{
	struct tcp_probe *tcp = (struct tcp_probe *)probe;

	dial_init(&tcp->dial, checks_loop(probe->checks), &probe->to, on_dialed,
		  tcp);
}

static void tcp_start(struct probe *probe)
{
	struct tcp_probe *tcp = (struct tcp_probe *)probe;

	dial_start(&tcp->dial, probe_left_us(probe));
}

static bool tcp_look(struct probe *probe)
{
	return dial_look(&((struct tcp_probe *)probe)->dial);
}

static void tcp_stop(struct probe *probe)
{
	dial_stop(&((struct tcp_probe *)probe)->dial);
}

static void tcp_expire(struct probe *probe)
{
	tcp_stop(probe);
	probe_report(probe, RESULT_L4TOUT, 0, NULL);
}

const struct kind tcp_kind = {
	.dials = true,
	.probe_size = sizeof(struct tcp_probe),
	.plan_new = tcp_plan_new,
	.plan_free = tcp_plan_free,
	.init = tcp_init,
	.start = tcp_start,
	.look = tcp_look,
	.expire = tcp_expire,
	.stop = tcp_stop,
};
