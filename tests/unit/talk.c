#include "tests/unit/talk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static struct service_settings services[] = {
	{ .name = "be", .backend = "be", .target_count = 2 },
	{ .name = "two",
	  .backend = "two",
	  .first_target = 2,
	  .target_count = 1 },
	{ .name = "quiet", .first_target = 3, .target_count = 1 },
};
static struct target_settings targets[] = {
	{ .name = "s1", .host = "127.0.0.1", .port = 20311, .service = 0 },
	{ .name = "s2", .host = "127.0.0.1", .port = 20312, .service = 0 },
	{ .name = "s1", .host = "::1", .port = 20313, .service = 1 },
	{ .name = "s1", .host = "::1", .port = 20314, .service = 2 },
};
const struct settings talk_settings = {
	.services = services,
	.service_count = 3,
	.targets = targets,
	.target_count = 4,
};

static void add(char *to, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void add(char *to, const char *fmt, ...)
{
	size_t used = strlen(to);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(to + used, TALK_TOLD_MAX - used, fmt, ap);
	va_end(ap);
}

static const char *backend_of(const struct talk *talk, unsigned target)
{
	return talk->set->services[talk->set->targets[target].service].backend;
}

static void on_seen(void *arg, const struct haproxy_seen *seen)
{
	struct talk *talk = arg;

	if (seen->kind == HAPROXY_LINK_UP)
		add(talk->told, "up %s\n", seen->fresh ? "fresh" : "same");
	else if (seen->kind == HAPROXY_LINK_DOWN)
		add(talk->told, "down %s\n", seen->text);
	else
		add(talk->told, "%s/%s %s %u%s%s%s%s\n",
		    backend_of(talk, seen->target),
		    talk->set->targets[seen->target].name,
		    server_state_name(seen->state), seen->weight_percent,
		    seen->agent ? " agent" : "", seen->theirs ? " theirs" : "",
		    seen->stopped ? " stopped" : "",
		    seen->misplaced ? " misplaced" : "");
}

static void on_done(void *arg, uint64_t id, const char *failed, int64_t took_us)
{
	struct talk *talk = arg;

	talk->took_us = took_us;
	if (failed == NULL)
		add(talk->told, "done %llu\n", (unsigned long long)id);
	else
		add(talk->told, "failed %llu %s\n", (unsigned long long)id,
		    failed);
}

static void connect_(struct talk *talk)
{
	int conn;

	talk->connects++;
	if (talk->fake == NULL) {
		talk->conn = 0;
		runtime_connected(talk->runtime, talk->now);
		return;
	}
	conn = fake_haproxy_connect(talk->fake);
	if (conn < 0) {
		runtime_lost(talk->runtime, talk->now, "cannot connect");
		return;
	}
	talk->conn = conn;
	runtime_connected(talk->runtime, talk->now);
}

static void close_(struct talk *talk)
{
	if (talk->fake != NULL && talk->conn >= 0)
		fake_haproxy_close(talk->fake, talk->conn);
	talk->conn = -1;
}

static bool send_(struct talk *talk)
{
	const char *data;
	size_t size = runtime_output(talk->runtime, talk->now, &data);

	if (talk->conn < 0 || size == 0)
		return false;
	add(talk->sent, "%.*s", (int)size, data);
	if (talk->fake != NULL)
		fake_haproxy_write(talk->fake, talk->now, talk->conn, data,
				   size);
	runtime_sent(talk->runtime, size);
	return true;
}

static bool receive(struct talk *talk)
{
	char data[257]; /* small and odd: answers come in pieces */
	bool eof = false;
	size_t n = 0;

	if (talk->fake == NULL || talk->conn < 0 || talk->deaf)
		return false;
	n = fake_haproxy_read(talk->fake, talk->conn, data, sizeof(data), &eof);
	if (n > 0)
		runtime_input(talk->runtime, talk->now, data, n);
	eof = eof || (n == 0 && talk->brief);
	if (n == 0 && eof) {
		close_(talk);
		runtime_lost(talk->runtime, talk->now, "connection closed");
	}
	return n > 0 || eof;
}

void talk_settle(struct talk *talk)
{
	bool moved = true;

	while (moved) {
		moved = true;
		switch (runtime_next(talk->runtime, talk->now)) {
		case RUNTIME_CLOSE:
			close_(talk);
			break;
		case RUNTIME_CONNECT:
			connect_(talk);
			break;
		case RUNTIME_WAIT:
			moved = send_(talk);
			moved = receive(talk) || moved;
			break;
		}
	}
}

void talk_hear(struct talk *talk, const char *bytes)
{
	runtime_input(talk->runtime, talk->now, bytes, strlen(bytes));
	talk_settle(talk);
}

void talk_wait(struct talk *talk, int64_t span_us)
{
	struct instant end = instant_add(talk->now, span_us);
	struct instant due = runtime_deadline(talk->runtime);

	for (; !instant_before(end, due);
	     due = runtime_deadline(talk->runtime)) {
		talk->now = instant_max(talk->now, due);
		runtime_tick(talk->runtime, talk->now);
		talk_settle(talk);
	}
	talk->now = end;
}

void talk_clear(struct talk *talk)
{
	talk->told[0] = '\0';
	talk->sent[0] = '\0';
}

void talk_begin(struct talk *talk, const struct settings *set, bool fake)
{
	memset(talk, 0, sizeof(*talk));
	talk->set = set;
	talk->now = (struct instant){ 100 * SECOND };
	talk->conn = -1;
	talk->servers = servers_new(set);
	talk->runtime = runtime_new(talk->servers, 0, on_seen, on_done, talk);
	assert_non_null(talk->runtime);
	if (!fake)
		return;
	talk->fake = fake_haproxy_new(set, talk->now);
	assert_non_null(talk->fake);
	talk_settle(talk);
}

void talk_end(struct talk *talk)
{
	runtime_free(talk->runtime);
	servers_free(talk->servers);
	fake_haproxy_free(talk->fake);
}

void talk_order(struct talk *talk, uint64_t id, const char *server,
		enum server_state state, unsigned percent, bool end)
{
	struct server_order order = { .state = state,
				      .weight_percent = percent,
				      .end_sessions = end };
	char name[2 * SETTINGS_NAME_MAX + 2];

	for (; order.target < talk->set->target_count; order.target++) {
		snprintf(name, sizeof(name), "%s/%s",
			 backend_of(talk, order.target),
			 talk->set->targets[order.target].name);
		if (strcmp(name, server) != 0)
			continue;
		runtime_order(talk->runtime, talk->now, id, &order);
		return;
	}
	fail_msg("no server %s", server);
}
