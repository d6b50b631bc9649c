#include <stdio.h>
#include <string.h>

#include "haproxy/runtime_state.h"

#define TABLE_US_MAX (10 * SECOND)
/* The table may take one part in so many of HAProxy's time. */
#define TABLE_SHARE 100

static bool begins(const char *line, const char *key, const char **ret_value)
{
	size_t n = strlen(key);

	if (strncmp(line, key, n) != 0)
		return false;
	*ret_value = line + n;
	return true;
}

/* The first line of an answer may end up in a log: no control characters. */
static void keep_text(struct runtime *rt)
{
	const struct answer *ans = &rt->answer;
	size_t i;

	if (rt->text[0] != '\0')
		return;
	for (i = 0; i < ans->length && i < sizeof(rt->text) - 1; i++)
		rt->text[i] = ans->line[i] < ' ' || ans->line[i] == 127
				      ? ' '
				      : ans->line[i];
	rt->text[i] = '\0';
}

static void hear_info(struct runtime *rt)
{
	const char *value;

	keep_text(rt);
	if (begins(rt->answer.line, "Pid: ", &value))
		rt->info_pid = servers_number(value, INT32_MAX);
	else if (begins(rt->answer.line, "Uptime_sec: ", &value))
		rt->info_uptime_s = servers_number(value, INT32_MAX);
	else if (begins(rt->answer.line, "Stopping: ", &value))
		rt->info_stopping = servers_number(value, 1) != 0;
}

/* One line of a table.  Returns false when it is none. */
static bool hear_table(struct runtime *rt)
{
	struct server_line line;
	unsigned t = SERVERS_NONE;

	if (!rt->table_begun) {
		rt->table_begun = strcmp(rt->answer.line, "1") == 0;
		if (rt->table_begun)
			rt->reading++;
		else
			keep_text(rt);
		return true;
	}
	if (rt->answer.line[0] == '#')
		return true;
	if (!server_line_read(rt->answer.line, &line)) {
		keep_text(rt);
		return false;
	}
	while ((t = servers_find(rt->servers, line.backend, line.name, t)) !=
	       SERVERS_NONE) {
		rt->views[t].reading = rt->reading;
		counters_place(rt->counters, t, line.backend_id);
		rt->views[t].misplaced =
			dynamic_misplaced(rt->servers, &rt->places, t, &line);
		runtime_view(rt, t,
			     runtime_agent_look(rt, &rt->views[t], &line),
			     line.weight, line.configured_weight);
	}
	return true;
}

static void hear_line(struct runtime *rt, struct instant now)
{
	if (rt->sent_count == 0) {
		runtime_hang_up(rt, now, LOSS_BAD,
				"answers what was not asked");
		return;
	}
	if (rt->answer.line[0] == '\0')
		return;
	switch ((enum sent_kind)rt->sent[rt->sent_first].kind) {
	case SENT_INFO:
		hear_info(rt);
		break;
	case SENT_TABLE:
	case SENT_READ:
		if (!hear_table(rt))
			runtime_hang_up(
				rt, now, false,
				"`show servers state`: not understood: %.60s",
				rt->text);
		break;
	case SENT_WEIGHT:
	case SENT_STATE:
	case SENT_SESSIONS:
	case SENT_ADD:
	case SENT_MOVE:
	case SENT_REMOVAL:
		keep_text(rt);
		break;
	case SENT_COUNTERS:
		if (!rt->sent[rt->sent_first].stale)
			counters_line(rt->counters, rt->answer.line);
		break;
	case SENT_PROMPT:
	case SENT_TIMEOUT:
		break;
	}
}

static void info_ended(struct runtime *rt, struct instant now)
{
	bool other;

	rt->info_asked = false;
	if (rt->info_pid <= 0) {
		runtime_hang_up(rt, now, LOSS_BAD,
				"`show info`: not understood: %.60s", rt->text);
		return;
	}
	if (rt->info_stopping) {
		runtime_hang_up(
			rt, now, LOSS_LEAVING,
			"its process %ld is leaving and no other answers",
			rt->info_pid);
		return;
	}
	other = rt->known &&
		(rt->info_pid != rt->pid || rt->info_uptime_s < rt->uptime_s);
	rt->known = true;
	rt->pid = rt->info_pid;
	rt->uptime_s = rt->info_uptime_s;
	if (rt->phase == LINK_UP && !other)
		return;
	rt->phase = LINK_UP;
	rt->up_since = now;
	rt->table_due = now;
	/* Whoever ordered them has to look again. */
	orders_fail_waiting(rt, now, "the connection is a new one");
	runtime_tell_up(rt, other);
}

/* A server that the whole table lacks does not exist. */
static void tell_absent(struct runtime *rt)
{
	unsigned t;

	for (t = 0; t < servers_count(rt->servers); t++) {
		if (servers_routed(rt->servers, t) &&
		    rt->views[t].reading != rt->reading)
			runtime_view(rt, t, SERVER_ABSENT, 0, 0);
	}
}

static void table_ended(struct runtime *rt, struct instant now, bool stale)
{
	int64_t pause_us = TABLE_SHARE * instant_diff_us(rt->head_since, now);

	rt->table_asked = false;
	if (!rt->table_begun) {
		runtime_hang_up(rt, now, LOSS_BAD,
				"`show servers state`: %.60s", rt->text);
		return;
	}
	/* Lines that were heard before the reload are not in the new views. */
	if (stale) {
		rt->table_due = now;
		return;
	}
	if (pause_us < RUNTIME_STATE_US)
		pause_us = RUNTIME_STATE_US;
	if (pause_us > TABLE_US_MAX)
		pause_us = TABLE_US_MAX;
	rt->table_due = instant_add(now, pause_us);
	rt->synced = true;
	tell_absent(rt);
}

static void change_ended(struct runtime *rt, struct instant now,
			 struct sent sent)
{
	char error[sizeof(rt->text) + 32];

	snprintf(error, sizeof(error), "%s%s", rt->text,
		 strcmp(rt->text, "Permission denied") == 0
			 ? ": the socket lacks `level admin`"
			 : "");
	/* The word of a leaving worker: look at once if it is one. */
	if (strcmp(rt->text, "Proxy is disabled.") == 0)
		rt->info_due = now;
	orders_answered(rt, now, sent, error);
}

static void hear_end(struct runtime *rt, struct instant now)
{
	struct sent sent;

	if (rt->sent_count == 0) {
		runtime_hang_up(rt, now, LOSS_BAD,
				"answers what was not asked");
		return;
	}
	sent = rt->sent[rt->sent_first];
	rt->sent_first = (rt->sent_first + 1) % SENT_MAX;
	rt->sent_count--;
	switch ((enum sent_kind)sent.kind) {
	case SENT_INFO:
		info_ended(rt, now);
		break;
	case SENT_TABLE:
		table_ended(rt, now, sent.stale);
		break;
	case SENT_READ:
		if (!rt->table_begun)
			rt->reading++;
		orders_read(rt, now);
		break;
	case SENT_WEIGHT:
	case SENT_STATE:
	case SENT_SESSIONS:
	case SENT_ADD:
	case SENT_MOVE:
		change_ended(rt, now, sent);
		break;
	case SENT_REMOVAL:
		runtime_removals_answered(rt, now, sent);
		break;
	case SENT_COUNTERS:
		if (!sent.stale)
			runtime_counters_ended(rt, now);
		break;
	case SENT_PROMPT:
	case SENT_TIMEOUT:
		break;
	}
	runtime_await(rt, now);
}

void runtime_input(struct runtime *rt, struct instant now, const void *data,
		   size_t size)
{
	const char *bytes = data;
	size_t used;

	while (size > 0 && rt->phase >= LINK_GREETING) {
		switch (answer_feed(&rt->answer, bytes, size, &used)) {
		case ANSWER_MORE:
			break;
		case ANSWER_LINE:
			hear_line(rt, now);
			break;
		case ANSWER_END:
			hear_end(rt, now);
			break;
		case ANSWER_BAD:
			runtime_hang_up(rt, now, LOSS_BAD,
					"an answer without end");
			break;
		}
		bytes += used;
		size -= used;
	}
}
