/* Ask one target through the door of the checks and print what was found.
 *
 *   check_once [-t TIMEOUT_MS] [-n TIMES] [-g GAP_MS] [-f] [-w WAIT_MS]
 *              [-F] [-N NAME] TYPE HOST[,HOST]... PORT [KEY=VALUE]...
 *
 * Several hosts are several targets of one service, asked in turns; -f asks
 * always over new connections.  One line a check:
 * CODE STATUS LATENCY_US CERT_DAYS TEXT.
 *
 * -F prints what a database says of itself before each result, as
 * "facts KEY=VALUE..." and a line "replica ..." for each it has; -N gives the
 * targets' name.
 *
 * -w waits so long after the last check, and says "ready" first, then each
 * hint ("hint KIND ERRNO INSTANT_US", the instant on the loop's clock) and
 * each late answer ("late CODE LATENCY_US"); a hint is followed by four checks
 * over new connections, at once, each followed by its instant
 * ("at INSTANT_US").  A silence also says how far it came ("reach NUMBER").
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checks/checks_io.h"

#define LIST_MAX   16
#define AFTER_HINT 4 /* checks */

struct run {
	struct loop *loop;
	struct checks *checks;
	int64_t timeout_us;
	unsigned left;
	double gap_s, wait_s;
	bool fresh, facts, again; /* again: a hint came while it asked */
	ev_timer gap, wait;
};

static const char *headers[LIST_MAX], *command[LIST_MAX + 1];
static struct status_range status[LIST_MAX];

static struct service_settings service = {
	.name = "service",
	.check = { .method = "GET",
		   .path = "/",
		   .headers = headers,
		   .status = status,
		   .verify = true,
		   .timeout_us = SECOND,
		   .fresh_every = 10,
		   .tether = true },
};
static struct target_settings targets[LIST_MAX];
static const char *target_name = "target";
static struct settings settings = {
	.services = &service,
	.service_count = 1,
	.targets = targets,
};

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "check_once: %s\n", what);
	exit(64);
}

static enum check_type type_find(const char *name)
{
	enum check_type type;

	for (type = CHECK_HTTP; type < CHECK_TYPES; type++)
		if (strcmp(check_type_name(type), name) == 0)
			return type;
	die("no such type");
}

static void parse_status(char *text)
{
	struct check_settings *check = &service.check;
	char *item, *dash;

	for (item = strtok(text, ","); item; item = strtok(NULL, ",")) {
		struct status_range *range = &status[check->status_count++];

		dash = strchr(item, '-');
		range->first = atoi(item);
		range->last = dash != NULL ? atoi(dash + 1) : range->first;
	}
}

static void parse_key(const char *key, char *value)
{
	struct check_settings *check = &service.check;
	const struct {
		const char *key;
		const char **value;
	} texts[] = {
		{ "method", &check->method },
		{ "path", &check->path },
		{ "host", &check->host },
		{ "body", &check->body },
		{ "body_regex", &check->body_regex },
		{ "ca_file", &check->ca_file },
		{ "cert_file", &check->cert_file },
		{ "key_file", &check->key_file },
		{ "server_name", &check->server_name },
		{ "user", &check->user },
		{ "password_file", &check->password_file },
		{ "database", &check->database },
	};
	static size_t words;
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcmp(key, texts[i].key) == 0) {
			*texts[i].value = value;
			return;
		}
	if (strcmp(key, "status") == 0)
		parse_status(value);
	else if (strcmp(key, "header") == 0)
		headers[check->headers_count++] = value;
	else if (strcmp(key, "command") == 0)
		command[words++] = value;
	else if (strcmp(key, "verify") == 0)
		check->verify = strcmp(value, "no") != 0;
	else if (strcmp(key, "tls") == 0)
		check->tls = (enum tls_use)atoi(value);
	else if (strcmp(key, "tether") == 0)
		check->tether = strcmp(value, "no") != 0;
	else if (strcmp(key, "fresh_every") == 0)
		check->fresh_every = (unsigned)atoi(value);
	else if (strcmp(key, "expires_within_days") == 0)
		check->expires_within_us = atoi(value) * DAY;
	else
		die("no such key");
}

static void parse_targets(char *hosts, uint16_t port)
{
	struct target_settings *target = targets;
	char *host;

	for (host = strtok(hosts, ","); host; host = strtok(NULL, ",")) {
		target->name = target_name;
		target->host = target->address = host;
		target->port = port;
		target++;
	}
	settings.target_count = (unsigned)(target - targets);
	service.target_count = settings.target_count;
}

static void parse(struct run *run, int argc, char **argv)
{
	char *value;
	int c;

	while ((c = getopt(argc, argv, "t:n:g:w:N:fF")) != -1) {
		if (c == 't')
			run->timeout_us = atoi(optarg) * MS;
		else if (c == 'n')
			run->left = (unsigned)atoi(optarg);
		else if (c == 'f')
			run->fresh = true;
		else if (c == 'F')
			run->facts = true;
		else if (c == 'N')
			target_name = optarg;
		else if (c == 'w')
			run->wait_s = atoi(optarg) / 1e3;
		else if (c == 'g')
			run->gap_s = atoi(optarg) / 1e3;
		else
			die("wrong usage");
	}
	if (argc - optind < 3)
		die("wrong usage");
	service.check.type = type_find(argv[optind++]);
	service.check.command = command;
	parse_targets(argv[optind], (uint16_t)atoi(argv[optind + 1]));
	optind += 2;
	for (; optind < argc; optind++) {
		value = strchr(argv[optind], '=');
		if (value == NULL)
			die("KEY=VALUE is wanted");
		*value++ = '\0';
		parse_key(argv[optind], value);
	}
	if (service.check.status_count == 0)
		status[service.check.status_count++] =
			(struct status_range){ 200, 399 };
}

static void ask(struct ev_loop *ev, ev_timer *w, int events)
{
	struct run *run = w->data;

	(void)ev;
	(void)events;
	checks_start(run->checks, run->left % settings.target_count, run->left,
		     run->timeout_us, run->fresh);
}

static void on_waited(struct ev_loop *ev, ev_timer *w, int events)
{
	struct run *run = w->data;

	(void)ev;
	(void)events;
	loop_stop(run->loop);
}

static void ask_again(struct run *run)
{
	run->again = false;
	run->left = AFTER_HINT;
	run->gap_s = 0.;
	run->fresh = true;
	ev_feed_event(loop_ev(run->loop), &run->gap, EV_TIMER);
}

static void on_hint(void *arg, const struct hint *hint)
{
	struct run *run = arg;

	if (run->wait_s <= 0.)
		return;
	printf("hint %s %d %" PRId64 "\n", hint_kind_name(hint->kind),
	       hint->error, loop_clock().us);
	run->again = true;
	if (run->left == 0)
		ask_again(run);
}

static void last_done(struct run *run)
{
	if (run->wait_s <= 0.) {
		loop_stop(run->loop);
		return;
	}
	if (run->again)
		ask_again(run);
	if (ev_is_active(&run->wait))
		return;
	puts("ready");
	fflush(stdout);
	ev_timer_set(&run->wait, run->wait_s, 0.);
	ev_timer_start(loop_ev(run->loop), &run->wait);
}

static void on_facts(void *arg, unsigned index,
		     const struct database_facts *facts)
{
	unsigned i;

	(void)arg;
	(void)index;
	printf("facts role=%s writable=%d loading=%d unready=%d system=%" PRIu64
	       " start=%" PRIu64 " received=%" PRIu64 "/%" PRIu64
	       " applied=%" PRIu64 "/%" PRIu64 " history=%s name=%s "
	       "source=%s:%u source_up=%d lag_us=%" PRId64
	       " durable=%d quorum=%u replicas=%u\n",
	       database_role_name(facts->role), facts->writable, facts->loading,
	       facts->unready, facts->system, facts->start,
	       facts->received.timeline, facts->received.offset,
	       facts->applied.timeline, facts->applied.offset, facts->history,
	       facts->name, facts->source_host, facts->source_port,
	       facts->source_up, facts->lag_us, facts->durable, facts->quorum,
	       facts->replica_count);
	for (i = 0; i < facts->replica_count && i < DATABASE_REPLICAS_MAX; i++)
		printf("replica %s streaming=%d synchronous=%d "
		       "acknowledged=%" PRIu64 "\n",
		       facts->replicas[i].name, facts->replicas[i].streaming,
		       facts->replicas[i].synchronous,
		       facts->replicas[i].acknowledged.offset);
}

static void on_done(void *arg, unsigned index, uint64_t id,
		    const struct result *res)
{
	struct run *run = arg;

	(void)index;
	if (res->late) {
		printf("late %s %" PRId64 "\n", result_code_name(res->code),
		       res->latency_us);
		fflush(stdout);
		return;
	}
	if (id != run->left)
		die("an answer to another question");
	printf("%s %d %" PRId64 " %d %s\n", result_code_name(res->code),
	       res->status, res->latency_us, res->cert_days, res->text);
	if (run->wait_s > 0. && result_is_silence(res->code))
		printf("reach %d\n", (int)res->reach);
	if (ev_is_active(&run->wait))
		printf("at %" PRId64 "\n", loop_clock().us);
	fflush(stdout);
	if (--run->left == 0) {
		last_done(run);
		return;
	}
	ev_timer_set(&run->gap, run->gap_s, 0.);
	ev_timer_start(loop_ev(run->loop), &run->gap);
}

int main(int argc, char **argv)
{
	struct run run = { .timeout_us = SECOND, .left = 1 };
	struct err err = { 0 };

	parse(&run, argc, argv);
	if (loop_new(&run.loop, &err) < 0 ||
	    checks_new(&run.checks, run.loop, &settings, on_done, &run, &err) <
		    0)
		die(err.text);
	checks_on_hint(run.checks, on_hint);
	if (run.facts)
		checks_on_facts(run.checks, on_facts);
	ev_timer_init(&run.wait, on_waited, 0., 0.);
	run.wait.data = &run;
	ev_timer_init(&run.gap, ask, 0., 0.);
	run.gap.data = &run;
	ev_timer_start(loop_ev(run.loop), &run.gap);
	loop_run(run.loop);
	checks_free(run.checks);
	loop_free(run.loop);
	return 0;
}
