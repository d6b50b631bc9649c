#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drill/sim/fake_haproxy_state.h"

#define WORD_MAX    80 /* of a command */
#define WORDS_MAX   12
#define COMMAND_MAX 512

#define ADMIN_FORCED_MAINT 0x01U
#define ADMIN_FORCED_DRAIN 0x08U
#define ADMIN_MAINT        0x67U
#define WEIGHT_MAX         256
#define AGENT_STATE        22 /* it is an agent check, enabled */

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

static const char *server_address(const struct fake_server *s)
{
	return s->address[0] != '\0' ? s->address : s->host;
}

static unsigned server_port(const struct fake_server *s)
{
	return s->address[0] != '\0' ? s->moved_port : s->port;
}

static void show_server(const struct command *cmd, unsigned i)
{
	const struct fake_server *s = &cmd->fake->servers[i];
	struct shadow is = { s->admin, s->weight };
	bool stopped = s->agent_down;

	if (is_leaving(cmd))
		is = cmd->fake->shadows[i];
	stopped = stopped || (is.admin & ADMIN_MAINT) != 0;
	text_say(cmd->said,
		 "%u %s %u %s %s %d %u %u %u 0 1 0 %u 0 %d 0 0 - %u - 0 0 - %s "
		 "%u\n",
		 s->backend_id, s->backend, s->id, s->name, server_address(s),
		 stopped ? 0 : 2, is.admin, is.weight, s->configured_weight,
		 s->health, s->agent_port != 0 ? AGENT_STATE : 0,
		 server_port(s), s->agent_port != 0 ? "127.0.0.1" : "-",
		 s->agent_port);
}

/* Those that were added come last. */
static void show_some(const struct command *cmd, const char *backend,
		      bool added)
{
	const struct fake_server *s = cmd->fake->servers;
	unsigned i;

	for (i = 0; i < cmd->fake->count; i++)
		if (fake_haproxy_has(&s[i]) && s[i].added == added &&
		    (*backend == '\0' || strcmp(s[i].backend, backend) == 0))
			show_server(cmd, i);
}

static void show_servers(const struct command *cmd)
{
	const char *backend = cmd->words[3];

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
	show_some(cmd, backend, false);
	show_some(cmd, backend, true);
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

static void set_agent(struct command *cmd, struct fake_server *s)
{
	if (s->agent_port == 0)
		text_say(cmd->said,
			 "agent checks are not enabled on this server.\n");
	else if (strcmp(cmd->words[4], "up") != 0 &&
		 strcmp(cmd->words[4], "down") != 0)
		text_say(cmd->said, "'set server <srv> agent' expects 'up' or "
				    "'down'.\n");
	else
		s->agent_down = strcmp(cmd->words[4], "down") == 0;
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

/* addr ADDRESS port PORT */
static void set_address(struct command *cmd, struct fake_server *s)
{
	const char *address = cmd->words[4];
	unsigned port = (unsigned)atoi(cmd->words[6]);
	char before[64];
	unsigned port_before = server_port(s);

	snprintf(before, sizeof(before), "%s", server_address(s));
	if (strcmp(address, before) == 0)
		text_say(cmd->said, "no need to change the addr");
	else
		text_say(cmd->said, "IP changed from '%s' to '%s'", before,
			 address);
	if (port == port_before)
		text_say(cmd->said, ", no need to change the port");
	else
		text_say(cmd->said, ", port changed from '%u' to '%u'",
			 port_before, port);
	text_say(cmd->said, " by 'stats socket command'\n");
	snprintf(s->address, sizeof(s->address), "%.63s", address);
	s->moved_port = port;
}

static void change_server(struct command *cmd, struct fake_server *s)
{
	const char *what = cmd->words[3];
	const char *state = cmd->words[4];

	if (strcmp(what, "weight") == 0)
		set_weight(cmd, s);
	else if (strcmp(what, "addr") == 0)
		set_address(cmd, s);
	else if (strcmp(what, "agent") == 0)
		set_agent(cmd, s);
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
	if (s == NULL || !fake_haproxy_has(s)) {
		text_say(cmd->said, "No such server.\n");
		return NULL;
	}
	if (is_leaving(cmd)) {
		text_say(cmd->said, "Proxy is disabled.\n");
		return NULL;
	}
	return s;
}

static void end_sessions(struct fake_server *s)
{
	s->busy = false;
	s->ended++;
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
		end_sessions(s);
}

/* ADDRESS:PORT, the address perhaps in brackets. */
static bool place_server(struct fake_server *s, const char *text)
{
	const char *colon = strrchr(text, ':');
	size_t length = colon != NULL ? (size_t)(colon - text) : 0;

	if (length == 0 || length >= sizeof(s->address))
		return false;
	if (*text == '[') {
		text++;
		length -= 2;
	}
	snprintf(s->address, sizeof(s->address), "%.*s", (int)length, text);
	s->moved_port = (unsigned)atoi(colon + 1);
	return true;
}

static void begin_server(struct command *cmd, const char *backend,
			 const char *name)
{
	struct fake_server *s = fake_haproxy_server(cmd->fake, backend, name);

	if (s == NULL || cmd->count < 4)
		text_say(cmd->said, "'server' expects <name> and "
				    "<addr>[:<port>] as arguments.\n");
	else if (fake_haproxy_has(s))
		text_say(cmd->said, "Already exists a server with the same "
				    "name in backend.\n");
	else if (!place_server(s, cmd->words[3]))
		text_say(cmd->said, "invalid port\n");
	else {
		s->added = true;
		s->admin = ADMIN_FORCED_MAINT;
		s->weight = s->configured_weight;
		s->health = 0;
		text_say(cmd->said, "New server registered.\n");
	}
}

static void delete_server(struct command *cmd, const char *backend,
			  const char *name)
{
	struct fake_server *s = fake_haproxy_server(cmd->fake, backend, name);

	if (s == NULL || !fake_haproxy_has(s))
		text_say(cmd->said, "No such server.");
	else if ((s->admin & ADMIN_MAINT) == 0)
		text_say(cmd->said,
			 "Only servers in maintenance mode can be deleted.");
	else if (s->busy)
		text_say(cmd->said, "Server still has connections attached to "
				    "it, cannot remove it.");
	else {
		s->added = false;
		s->deleted = true;
		text_say(cmd->said, "Server deleted.");
	}
}

/* Whether @backend balances so that servers come and go. */
static bool is_dynamic(const struct fake_haproxy *fake, const char *backend)
{
	unsigned i;

	for (i = 0; i < fake->count; i++)
		if (strcmp(fake->servers[i].backend, backend) == 0 &&
		    fake->servers[i].static_weight)
			return false;
	return true;
}

/* `add server B/S ADDRESS:PORT ...` and `del server B/S`, whose errors lack the
 * empty line that others have. */
static void add_or_delete(struct command *cmd, bool add)
{
	char *backend = cmd->words[2];
	char *slash = strchr(backend, '/');

	if (slash != NULL)
		*slash = '\0';
	if (cmd->fake->forbids)
		text_say(cmd->said, "Permission denied\n");
	else if (slash == NULL)
		text_say(cmd->said, "Require 'backend/server'.");
	else if (!backend_exists(cmd->fake, backend))
		text_say(cmd->said, "No such backend.");
	else if (add && !is_dynamic(cmd->fake, backend))
		text_say(cmd->said, "Backend must use a dynamic load "
				    "balancing to support dynamic servers.");
	else if (add)
		begin_server(cmd, backend, slash + 1);
	else
		delete_server(cmd, backend, slash + 1);
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
	else if (words_are(cmd, "add", "server", NULL))
		add_or_delete(cmd, true);
	else if (words_are(cmd, "del", "server", NULL))
		add_or_delete(cmd, false);
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
