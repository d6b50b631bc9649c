/* tcp: a connection is opened, and that is all.  With a tether it is held until
 * the next one stands: then its end is heard in between; what a check says,
 * that a connection can be made, is always said of a new one. */

#include <errno.h>
#include <stdlib.h>

#include "checks/probe_io.h"
#include "checks/tripwire_io.h"

struct tcp_probe {
	struct probe probe;
	struct dial dial;
	struct tripwire wire;
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

static void on_dialed(void *arg, int fd)
{
	struct tcp_probe *tcp = arg;
	struct result res;

	if (fd < 0) {
		probe_report_dial(&tcp->probe, fd);
		return;
	}
	res = result_make(RESULT_L4OK, 0, probe_latency_us(&tcp->probe), NULL);
	probe_count_retransmits(&res, fd, &(uint8_t){ 0 });
	tripwire_hold(&tcp->wire, fd);
	probe_done(&tcp->probe, &res);
}

static void tcp_init(struct probe *probe)
{
	struct tcp_probe *tcp = (struct tcp_probe *)probe;

	dial_init(&tcp->dial, checks_loop(probe->checks), &probe->to, on_dialed,
		  tcp);
	tripwire_init(&tcp->wire, probe);
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
	struct tcp_probe *tcp = (struct tcp_probe *)probe;

	dial_stop(&tcp->dial);
	tripwire_drop(&tcp->wire);
}

static void tcp_expire(struct probe *probe)
{
	dial_stop(&((struct tcp_probe *)probe)->dial);
	probe_report_silence(probe, RESULT_L4TOUT, REACH_NOT_CONNECTED, NULL);
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
