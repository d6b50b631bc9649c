/* Probes: what the kinds of checks share among themselves.
 *
 * A probe belongs to one target; it lives as long as the target and holds its
 * connection.  A plan belongs to one service: what can be prepared once.  A
 * kind is one row of a table: it is told to start, to look once more at the
 * deadline, to give up, and reports with probe_done().
 */
#ifndef BASCULE_CHECKS_PROBE_IO_H
#define BASCULE_CHECKS_PROBE_IO_H

#include "checks/checks_io.h"
#include "controller/io/curl_multi.h"
#include "controller/io/dial.h"

#define PROBE_SCRATCH (16 * 1024)

struct probe;

/* First member of a kind's plan. */
struct plan {
	const struct kind *kind;
	const struct check_settings *check; /* borrowed from the settings */
};

struct kind {
	bool dials; /* needs an address */
	size_t probe_size;

	/* Prepare what a service's targets share.  @ret_plan: its kind and
	 * check are filled in by the caller. */
	int (*plan_new)(struct checks *checks,
			const struct check_settings *check,
			struct plan **ret_plan, struct err *err);
	void (*plan_free)(struct plan *plan);
	/* The settings were exchanged for others that ask the same.  May be
	 * NULL. */
	void (*plan_rebind)(struct plan *plan,
			    const struct check_settings *check);

	/* May be NULL. */
	void (*init)(struct probe *probe);
	void (*start)(struct probe *probe);
	/* The deadline has come: look once more, without waiting.  Returns
	 * whether anything had happened. */
	bool (*look)(struct probe *probe);
	/* Call the silence by its name; the connection is of no use now. */
	void (*expire)(struct probe *probe);
	/* Let go of everything, without a report. */
	void (*stop)(struct probe *probe);
};

/* First member of a kind's probe. */
struct probe {
	struct checks *checks; /* borrowed */
	const struct kind *kind;
	struct plan *plan; /* borrowed from its service */
	const struct target_settings *target;
	struct dial_to to;
	struct resolver_waiter waiter;
	struct probe *next; /* of those to be delivered */
	ev_timer timer;
	uint64_t id;
	int64_t timeout_us;
	struct instant asked;
	unsigned index; /* of the target */
	bool busy, fresh, excused, finished;
	struct result result;
	/* Set before probe_done() by the kind of a database, which owns them;
	 * else NULL. */
	const struct database_facts *facts;
};

extern const struct kind http_kind, https_kind, tcp_kind, tls_kind, exec_kind;
extern const struct kind mysql_kind, postgresql_kind, redis_kind;

struct loop *checks_loop(struct checks *checks);

/* Where libcurl runs; made when it is first asked for, NULL without memory. */
struct multi *checks_multi(struct checks *checks);

/* PROBE_SCRATCH bytes for whoever runs, until it returns to the loop. */
char *checks_scratch(struct checks *checks);

/* What is left of the time for this check, at least 1 ms. */
int64_t probe_left_us(const struct probe *probe);

/* From the question until now. */
int64_t probe_latency_us(const struct probe *probe);

/* The check is over.  Its report is delivered at the end of the wake-up. */
void probe_done(struct probe *probe, const struct result *res);

/* The same, with the latency until now; @text may be NULL. */
void probe_report(struct probe *probe, enum result_code code, int status,
		  const char *text);

/* Report a connection that could not be opened: -errno. */
void probe_report_dial(struct probe *probe, int error);

/* Report a silence, and how far the question came. */
void probe_report_silence(struct probe *probe, enum result_code code,
			  enum reach reach, const char *text);

/* How far a question on the connection @fd came. */
enum reach probe_reach(int fd);

/* Fill in how often something was sent again on @fd since @seen, which is
 * moved up. */
void probe_count_retransmits(struct result *res, int fd, uint8_t *seen);

/* Question @id, which was reported as silent, has its answer after all.  The
 * core may ask the target before this returns. */
void probe_late(struct probe *probe, uint64_t id, const struct result *res);

/* The target was seen without being asked; @error is an errno or 0.  The
 * core may ask it before this returns. */
void probe_hint(const struct probe *probe, enum hint_kind kind, int error);

/* The target's host as it is written, and its service's name. */
const char *probe_host(const struct probe *probe);
const char *probe_service(const struct probe *probe);
const struct service_settings *
probe_service_settings(const struct probe *probe);

/* Whether a primary may be asked to write a row with this question: a disk
 * takes its time, which one that is repeated since packets were lost does not
 * have. */
bool probe_has_time_for_canary(const struct probe *probe);

#endif
