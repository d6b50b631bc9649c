#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drill/sim/fake_haproxy_state.h"

#define WORD_MAX    80 /* of a command */
#define WORDS_MAX   8
#define COMMAND_MAX 512

#define ADMIN_FORCED_MAINT 0x01U
#define ADMIN_FORCED_DRAIN 0x08U
#define ADMIN_MAINT        0x67U
#define WEIGHT_MAX         256

struct command {
	struct fake_haproxy *fake;
	struct conn *conn;
	struct text *said;
	struct instant now;
	char words[WORDS_MAX][WORD_MAX];
	unsigned count;
};

static bool is_leaving(const struct command *cmd)
{
	return cmd->conn->process != cmd->fake->process;
}

static bool words_are(const struct command *cmd, const char *a, const char *b,
		      const char *c)
{
	return strcmp(cmd->words[0], a) == 0 && strcmp(cmd->words[1], b) == 0 &&
	       (c == NULL || strcmp(cmd->words[2], c) == 0);
}

static void show_info(const struct command *cmd)
{
	int64_t up_s = instant_diff_us(cmd->fake->started, cmd->now) / SECOND;

	text_say(cmd->said, "Name: HAProxy\nVersion: 2.6.12-1+deb12u4\n");
	text_say(cmd->said, "Pid: %u\nUptime_sec: %lld\nStopping: %d\n",
		 PID_FIRST + cmd->conn->process, (long long)up_s,
		 is_leaving(cmd));
}

static bool backend_exists(const struct fake_haproxy *fake, const char *name)
{
	unsigned i;

	for (i = 0; i < fake->count; i++)
		if (strcmp(fake->servers[i].backend, name) == 0)
			return true;
	return false;
}

static void show_server(const struct command *cmd, unsigned i)
{
	const struct fake_server *s = &cmd->fake->servers[i];
	struct shadow is = { s->admin, s->weight };
	bool maint;

	if (is_leaving(cmd))
		is = cmd->fake->shadows[i];
	maint = (is.admin & ADMIN_MAINT) != 0;
	text_say(cmd->said,
		 "%u %s %u %s %s %d %u %u %u 0 1 0 %u 0 0 0 0 - %u - 0 0 - - "
		 "0\n",
		 s->backend_id, s->backend, s->id, s->name, s->host,
		 maint ? 0 : 2, is.admin, is.weight, s->configured_weight,
		 s->health, s->port);
}

static void show_servers(const struct command *cmd)
{
	const char *backend = cmd->words[3];
	unsigned i;

	if (*backend != '\0' && !backend_exists(cmd->fake, backend)) {
		text_say(cmd->said, "Can't find backend.\n");
		return;
	}
	text_say(cmd->said,
		 "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state "
		 "srv_admin_state srv_uweight srv_iweight "
		 "srv_time_since_last_change srv_check_status "
		 "srv_check_result srv_check_health srv_check_state "
		 "srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn "
		 "srv_port srvrecord srv_use_ssl srv_check_port "
		 "srv_check_addr srv_agent_addr srv_agent_port\n");
	for (i = 0; i < cmd->fake->count; i++)
		if (!cmd->fake->servers[i].absent &&
		    (*backend == '\0' ||
		     strcmp(cmd->fake->servers[i].backend, backend) == 0))
			show_server(cmd, i);
}

static void set_state(struct command *cmd, struct fake_server *s)
{
	const char *state = cmd->words[4];

	s->health = 0;
	s->admin &= ~(ADMIN_FORCED_MAINT | ADMIN_FORCED_DRAIN);
	if (strcmp(state, "drain") == 0)
		s->admin |= ADMIN_FORCED_DRAIN;
	else if (strcmp(state, "maint") == 0)
		s->admin |= ADMIN_FORCED_MAINT;
}

static void set_weight(struct command *cmd, struct fake_server *s)
{
	char *end;
	long weight = strtol(cmd->words[4], &end, 10);

	if (*end == '%')
		weight = weight * (long)s->configured_weight / 100;
	if (cmd->words[4][0] == '\0')
		text_say(cmd->said, "Require <weight> or <weight%%>.\n");
	else if (end == cmd->words[4])
		text_say(cmd->said,
			 "Empty weight string empty or preceded by garbage");
	else if (s->static_weight && strcmp(cmd->words[4], "0%") != 0 &&
		 strcmp(cmd->words[4], "100%") != 0)
		text_say(cmd->said,
			 "Backend is using a static LB algorithm and only "
			 "accepts weights '0%%' and '100%%'.\n");
	else if (weight < 0 || weight > WEIGHT_MAX)
		text_say(cmd->said, "Absolute weight can only be between 0 "
				    "and 256 inclusive.\n");
	else
		s->weight = (unsigned)weight;
}

static void change_server(struct command *cmd, struct fake_server *s)
{
	const char *what = cmd->words[3];
	const char *state = cmd->words[4];

	if (strcmp(what, "weight") == 0)
		set_weight(cmd, s);
	else if (strcmp(what, "state") != 0)
		text_say(cmd->said,
			 "usage: set server <backend>/<server> addr | agent | "
			 "agent-addr | agent-port | agent-send | check-addr | "
			 "check-port | fqdn | health | ssl | state | weight\n");
	else if (strcmp(state, "ready") == 0 || strcmp(state, "drain") == 0 ||
		 strcmp(state, "maint") == 0)
		set_state(cmd, s);
	else
		text_say(cmd->said, "'set server <srv> state' expects "
				    "'ready', 'drain' and 'maint'.\n");
}

/* The server that "backend/server" names, or NULL and it was said why. */
static struct fake_server *named_server(struct command *cmd, char *name)
{
	char *slash = strchr(name, '/');
	struct fake_server *s = NULL;

	if (slash == NULL) {
		text_say(cmd->said, "Require 'backend/server'.\n");
		return NULL;
	}
	*slash = '\0';
	if (!backend_exists(cmd->fake, name)) {
		text_say(cmd->said, "No such backend.\n");
		return NULL;
	}
	s = fake_haproxy_server(cmd->fake, name, slash + 1);
	if (s == NULL || s->absent) {
		text_say(cmd->said, "No such server.\n");
		return NULL;
	}
	if (is_leaving(cmd)) {
		text_say(cmd->said, "Proxy is disabled.\n");
		return NULL;
	}
	return s;
}

/* `set server B/S ...` and `shutdown sessions server B/S`. */
static void change(struct command *cmd, unsigned named)
{
	struct fake_server *s;

	if (cmd->fake->forbids) {
		text_say(cmd->said, "Permission denied\n");
		return;
	}
	s = named_server(cmd, cmd->words[named]);
	if (s == NULL)
		return;
	if (named == 2)
		change_server(cmd, s);
	else
		s->ended++;
}

static void command_run(struct command *cmd)
{
	if (strcmp(cmd->words[0], "prompt") == 0)
		cmd->conn->prompt = true;
	else if (strcmp(cmd->words[0], "quit") == 0)
		cmd->conn->quit = true;
	else if (words_are(cmd, "show", "info", NULL))
		show_info(cmd);
	else if (words_are(cmd, "show", "servers", "state"))
		show_servers(cmd);
	else if (words_are(cmd, "set", "server", NULL))
		change(cmd, 2);
	else if (words_are(cmd, "shutdown", "sessions", "server"))
		change(cmd, 3);
	else if (!words_are(cmd, "set", "timeout", "cli"))
		text_say(cmd->said, "Unknown command. Please enter one of the "
				    "following commands only:\n");
}

/* Without `prompt`, one line is answered and the connection closed. */
void cli_answer(struct fake_haproxy *fake, struct instant now,
		struct conn *conn, const char *line, size_t size)
{
	struct command cmd = { .fake = fake, .conn = conn, .now = now };
	char copy[COMMAND_MAX], *rest = NULL, *word;

	snprintf(copy, sizeof(copy), "%.*s", (int)size, line);
	cmd.said = &conn->said;
	for (word = strtok_r(copy, " ", &rest);
	     word != NULL && cmd.count < WORDS_MAX;
	     word = strtok_r(NULL, " ", &rest))
		snprintf(cmd.words[cmd.count++], WORD_MAX, "%s", word);
	command_run(&cmd);
	if (conn->quit)
		return;
	text_say(&conn->said, conn->prompt ? "\n> " : "\n");
	conn->quit = !conn->prompt;
}
