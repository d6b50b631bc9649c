/* Drives real runtime sockets for tests: orders come on standard input, facts
 * go to standard output, each with CLOCK_MONOTONIC seconds in front.
 *
 *	counters MS		how often those of the next HAProxies are read
 *	haproxy NAME PATH | haproxy NAME HOST PORT
 *	server BACKEND NAME
 *	go			begin, or reload, with what was named
 *	order NAME BACKEND/SERVER ready|drain|maint|- PERCENT [end]
 *
 * The end of the input ends the program.
 */
#include <ev.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "controller/io/loop.h"
#include "haproxy/runtime_io.h"
#include "haproxy/servers.h"

#define LIST_MAX 6000

static struct loop *loop;
static struct haproxies *haproxies;
static struct settings *present, *next;
static struct servers *servers; /* of present */
static uint64_t last_id;
static int64_t counters_interval_us;

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void say(const char *fmt, ...)
{
	struct timespec ts;
	va_list ap;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	printf("%lld.%06ld ", (long long)ts.tv_sec, ts.tv_nsec / 1000);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

static const char *backend_of(const struct settings *set, unsigned target)
{
	return set->services[set->targets[target].service].backend;
}

static void on_seen(void *arg, const struct haproxy_seen *seen)
{
	const char *name = present->haproxies[seen->haproxy].name;

	(void)arg;
	if (seen->kind == HAPROXY_LINK_UP)
		say("up %s %s", name, seen->fresh ? "fresh" : "same");
	else if (seen->kind == HAPROXY_LINK_DOWN)
		say("down %s %s", name, seen->text);
	else
		say("server %s %s/%s %s %u", name,
		    backend_of(present, seen->target),
		    present->targets[seen->target].name,
		    server_state_name(seen->state), seen->weight_percent);
}

static void on_done(void *arg, uint64_t id, const char *failed, int64_t took_us)
{
	(void)arg;
	if (failed == NULL)
		say("done %llu %lld", (unsigned long long)id,
		    (long long)took_us);
	else
		say("failed %llu %s", (unsigned long long)id, failed);
}

static void on_hint(void *arg, const struct hint *hint)
{
	(void)arg;
	say("hint %s/%s %s", backend_of(present, hint->target),
	    present->targets[hint->target].name, hint_kind_name(hint->kind));
}

static struct settings *set_new(void)
{
	struct settings *set = calloc(1, sizeof(*set));

	set->services = calloc(LIST_MAX, sizeof(*set->services));
	set->targets = calloc(LIST_MAX, sizeof(*set->targets));
	set->haproxies =
		calloc(SETTINGS_HAPROXIES_MAX, sizeof(*set->haproxies));
	return set;
}

static void set_haproxy(const char *name, const char *host, unsigned port)
{
	next->haproxies[next->haproxy_count++] = (struct haproxy_settings){
		.name = strdup(name),
		.socket = port == 0 ? strdup(host) : NULL,
		.host = port == 0 ? NULL : strdup(host),
		.port = (uint16_t)port,
		.counters_interval_us = counters_interval_us,
	};
}

/* Servers of one backend that are named one after the other are a service. */
static void set_server(const char *backend, const char *name)
{
	struct service_settings *svc = &next->services[next->service_count];

	if (next->service_count == 0 || strcmp(svc[-1].backend, backend) != 0) {
		svc->backend = strdup(backend);
		svc->first_target = next->target_count;
		next->service_count++;
	}
	next->services[next->service_count - 1].target_count++;
	next->targets[next->target_count++] = (struct target_settings){
		.name = strdup(name),
		.service = next->service_count - 1,
	};
}

static int go(void)
{
	struct settings *set = next;
	int r;

	next = set_new();
	servers_free(servers);
	servers = servers_new(set);
	if (haproxies != NULL) {
		r = haproxies_reload(haproxies, set, NULL);
		present = set;
		return r;
	}
	present = set;
	return haproxies_new(&haproxies, loop, set, on_seen, on_done, on_hint,
			     NULL, NULL);
}

static enum server_state state_of(const char *word)
{
	if (strcmp(word, "ready") == 0)
		return SERVER_READY;
	if (strcmp(word, "drain") == 0)
		return SERVER_DRAIN;
	return strcmp(word, "maint") == 0 ? SERVER_MAINT : SERVER_UNKNOWN;
}

static void order(const char *haproxy, const char *backend, const char *name,
		  const char *state, unsigned percent, bool end)
{
	struct server_order o = {
		.state = state_of(state),
		.weight_percent = percent,
		.end_sessions = end,
	};

	while (strcmp(present->haproxies[o.haproxy].name, haproxy) != 0)
		if (++o.haproxy == present->haproxy_count)
			return;
	o.target = servers_find(servers, backend, name, SERVERS_NONE);
	if (o.target != SERVERS_NONE)
		haproxies_order(haproxies, ++last_id, &o);
}

static void obey(char *line)
{
	char a[128], b[128], c[128], d[16];
	unsigned n = 0;

	if (sscanf(line, "haproxy %127s %127s %u", a, b, &n) >= 2)
		set_haproxy(a, b, n);
	else if (sscanf(line, "server %127s %127s", a, b) == 2)
		set_server(a, b);
	else if (sscanf(line, "order %127s %127[^/]/%127s %15s %u", a, b, c, d,
			&n) == 5)
		order(a, b, c, d, n, strstr(line, " end") != NULL);
	else if (sscanf(line, "counters %u", &n) == 1)
		counters_interval_us = n * MS;
	else if (strncmp(line, "go", 2) == 0 && go() < 0)
		exit(1);
}

static void on_input(struct ev_loop *ev, ev_io *w, int events)
{
	static char text[1 << 16];
	static size_t length;
	ssize_t n =
		read(STDIN_FILENO, text + length, sizeof(text) - 1 - length);
	char *line = text, *end;

	(void)ev;
	(void)w;
	(void)events;
	if (n <= 0) {
		loop_stop(loop);
		return;
	}
	length += (size_t)n;
	text[length] = '\0';
	while ((end = strchr(line, '\n')) != NULL) {
		*end = '\0';
		obey(line);
		line = end + 1;
	}
	length = strlen(line);
	memmove(text, line, length);
}

int main(void)
{
	struct ev_io input;

	if (loop_new(&loop, NULL) < 0)
		return 1;
	next = set_new();
	ev_io_init(&input, on_input, STDIN_FILENO, EV_READ);
	ev_io_start(loop_ev(loop), &input);
	loop_run(loop);
	haproxies_free(haproxies);
	loop_free(loop);
	return 0;
}
