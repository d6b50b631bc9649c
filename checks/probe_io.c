/* What the kinds of checks have in common in what they report. */

#include <errno.h>
#include <string.h>

#include "checks/probe_io.h"
#include "controller/io/tcp.h"

/* Nothing is sent again sooner: Linux waits 200 ms for a lone packet. */
#define RETRANSMIT_US_MIN (10 * MS)

int64_t probe_latency_us(const struct probe *probe)
{
	return instant_diff_us(probe->asked, loop_clock());
}

int64_t probe_left_us(const struct probe *probe)
{
	int64_t left_us = probe->timeout_us - probe_latency_us(probe);

	return left_us > MS ? left_us : MS;
}

void probe_report(struct probe *probe, enum result_code code, int status,
		  const char *text)
{
	struct result res;

	res = result_make(code, status, probe_latency_us(probe), text);
	probe_done(probe, &res);
}

void probe_report_silence(struct probe *probe, enum result_code code,
			  enum reach reach, const char *text)
{
	struct result res;

	res = result_make(code, 0, probe_latency_us(probe), text);
	res.reach = reach;
	probe_done(probe, &res);
}

enum reach probe_reach(int fd)
{
	struct tcp_facts facts;

	if (fd < 0 || tcp_look(fd, &facts) < 0)
		return REACH_UNKNOWN;
	if (!facts.connected)
		return REACH_NOT_CONNECTED;
	return facts.acknowledged ? REACH_ACKNOWLEDGED : REACH_UNACKNOWLEDGED;
}

void probe_count_retransmits(struct result *res, int fd, uint8_t *seen)
{
	struct tcp_facts facts;
	unsigned count;

	if (res->latency_us < RETRANSMIT_US_MIN || tcp_look(fd, &facts) < 0)
		return;
	count = facts.retransmits < UINT8_MAX ? facts.retransmits : UINT8_MAX;
	res->retransmits = (uint8_t)(count > *seen ? count - *seen : 0);
	*seen = (uint8_t)count;
}

/* What no target can be blamed for is our own trouble.  The kernel may find a
 * silence as long as the check's own deadline a moment before it. */
void probe_report_dial(struct probe *probe, int error)
{
	enum result_code code = RESULT_SOCKERR;

	if (error == -ETIMEDOUT) {
		probe_report_silence(probe, RESULT_L4TOUT, REACH_NOT_CONNECTED,
				     strerror(-error));
		return;
	}
	if (error == -ECONNREFUSED || error == -ECONNRESET ||
	    error == -EHOSTUNREACH || error == -ENETUNREACH ||
	    error == -EHOSTDOWN || error == -ENETDOWN || error == -EPIPE)
		code = RESULT_L4CON;
	probe_report(probe, code, -error, strerror(-error));
}

bool probe_has_time_for_canary(const struct probe *probe)
{
	const struct failover_settings *set =
		probe_service_settings(probe)->failover;

	return set != NULL && set->canary_us > 0 &&
	       probe->timeout_us >= probe->plan->check->timeout_min_us;
}
