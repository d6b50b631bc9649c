#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drill/sim/fake_haproxy_state.h"

#define LINE_SAID_MAX 512

/* --- text ---------------------------------------------------------------- */

static void text_add(struct text *text, const char *data, size_t size)
{
	size_t room = 2 * (text->size + size) + 256;

	if (text->size + size > text->room) {
		text->bytes = realloc(text->bytes, room);
		if (text->bytes == NULL)
			abort();
		text->room = room;
	}
	memcpy(text->bytes + text->size, data, size);
	text->size += size;
}

void text_say(struct text *text, const char *fmt, ...)
{
	char line[LINE_SAID_MAX];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	text_add(text, line,
		 n < (int)sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

static void text_take(struct text *text, size_t size)
{
	text->taken += size;
	if (text->taken < text->size)
		return;
	text->taken = 0;
	text->size = 0;
}

static void text_drop(struct text *text)
{
	free(text->bytes);
	*text = (struct text){ 0 };
}

/* --- a process ----------------------------------------------------------- */

static void process_begin(struct fake_haproxy *fake, struct instant now)
{
	struct fake_server *s;

	fake->process++;
	fake->started = now;
	fake->runs = true;
	fake->hangs = false;
	for (s = fake->servers; s < fake->servers + fake->count; s++) {
		s->admin = s->configured_admin;
		s->weight = s->configured_weight;
		s->health = 2;
		s->added = s->deleted = s->busy = false;
		s->agent_down = false;
		s->address[0] = '\0';
	}
}

static void add_servers(struct fake_haproxy *fake, const struct settings *set)
{
	const char *backend;
	struct fake_server *s;
	unsigned t, backend_id = 1, id = 0;

	for (t = 0; t < set->target_count; t++) {
		backend = set->services[set->targets[t].service].backend;
		if (backend == NULL ||
		    fake_haproxy_server(fake, backend, set->targets[t].name))
			continue;
		s = &fake->servers[fake->count++];
		if (id == 0 || strcmp(s[-1].backend, backend) != 0) {
			backend_id++;
			id = 0;
		}
		id++;
		*s = (struct fake_server){
			.backend = backend,
			.name = set->targets[t].name,
			.host = set->targets[t].host,
			.port = set->targets[t].port,
			.backend_id = backend_id,
			.id = id,
			.configured_weight = 1,
		};
	}
}

struct fake_haproxy *fake_haproxy_new(const struct settings *set,
				      struct instant now)
{
	struct fake_haproxy *fake = calloc(1, sizeof(*fake));

	if (fake == NULL)
		return NULL;
	fake->servers = calloc(set->target_count + 1, sizeof(*fake->servers));
	fake->shadows = calloc(set->target_count + 1, sizeof(*fake->shadows));
	if (fake->servers == NULL || fake->shadows == NULL) {
		fake_haproxy_free(fake);
		return NULL;
	}
	add_servers(fake, set);
	process_begin(fake, now);
	return fake;
}

void fake_haproxy_free(struct fake_haproxy *fake)
{
	int i;

	if (fake == NULL)
		return;
	for (i = 0; i < CONNS_MAX; i++)
		fake_haproxy_close(fake, i);
	free(fake->servers);
	free(fake->shadows);
	free(fake);
}

bool fake_haproxy_has(const struct fake_server *s)
{
	return s->added || (!s->absent && !s->deleted);
}

struct fake_server *fake_haproxy_server(struct fake_haproxy *fake,
					const char *backend, const char *name)
{
	struct fake_server *s;

	for (s = fake->servers; s < fake->servers + fake->count; s++)
		if (strcmp(s->backend, backend) == 0 &&
		    strcmp(s->name, name) == 0)
			return s;
	return NULL;
}

void fake_haproxy_agents(struct fake_haproxy *fake, unsigned port)
{
	struct fake_server *s;

	for (s = fake->servers; s < fake->servers + fake->count; s++)
		s->agent_port = port;
}

void fake_haproxy_reload(struct fake_haproxy *fake, struct instant now)
{
	unsigned i;

	for (i = 0; i < fake->count; i++)
		fake->shadows[i] = (struct shadow){ fake->servers[i].admin,
						    fake->servers[i].weight };
	process_begin(fake, now);
}

void fake_haproxy_kill(struct fake_haproxy *fake)
{
	int i;

	fake->runs = false;
	for (i = 0; i < CONNS_MAX; i++)
		fake->conns[i].quit = fake->conns[i].open;
}

void fake_haproxy_start(struct fake_haproxy *fake, struct instant now)
{
	process_begin(fake, now);
}

void fake_haproxy_forbid(struct fake_haproxy *fake, bool forbids)
{
	fake->forbids = forbids;
}

/* --- connections --------------------------------------------------------- */

int fake_haproxy_connect(struct fake_haproxy *fake)
{
	int i;

	if (!fake->runs)
		return -ECONNREFUSED;
	for (i = 0; i < CONNS_MAX; i++) {
		if (fake->conns[i].open)
			continue;
		fake->conns[i].open = true;
		fake->conns[i].process = fake->process;
		return i;
	}
	return -EAGAIN;
}

void fake_haproxy_close(struct fake_haproxy *fake, int conn)
{
	struct conn *c = &fake->conns[conn];

	text_drop(&c->asked);
	text_drop(&c->said);
	*c = (struct conn){ 0 };
}

static void conn_work(struct fake_haproxy *fake, struct instant now,
		      struct conn *conn)
{
	struct text *asked = &conn->asked;
	const char *line, *end;

	while (!fake->hangs && !conn->quit && asked->size > 0) {
		line = asked->bytes + asked->taken;
		end = memchr(line, '\n', asked->size - asked->taken);
		if (end == NULL)
			return;
		cli_answer(fake, now, conn, line, (size_t)(end - line));
		text_take(asked, (size_t)(end - line) + 1);
	}
}

void fake_haproxy_write(struct fake_haproxy *fake, struct instant now, int conn,
			const char *data, size_t size)
{
	text_add(&fake->conns[conn].asked, data, size);
	conn_work(fake, now, &fake->conns[conn]);
}

size_t fake_haproxy_read(struct fake_haproxy *fake, int conn, char *data,
			 size_t size, bool *ret_eof)
{
	struct conn *c = &fake->conns[conn];
	size_t left = c->said.size - c->said.taken;

	if (size > left)
		size = left;
	if (size > 0)
		memcpy(data, c->said.bytes + c->said.taken, size);
	text_take(&c->said, size);
	*ret_eof = c->quit && size == left;
	return size;
}

void fake_haproxy_hang(struct fake_haproxy *fake, struct instant now,
		       bool hangs)
{
	int i;

	fake->hangs = hangs;
	for (i = 0; i < CONNS_MAX; i++)
		conn_work(fake, now, &fake->conns[i]);
}

void fake_haproxy_operate(struct fake_haproxy *fake, struct instant now,
			  const char *command)
{
	int conn = fake_haproxy_connect(fake);

	if (conn < 0)
		return;
	fake_haproxy_write(fake, now, conn, command, strlen(command));
	fake_haproxy_write(fake, now, conn, "\n", 1);
	fake_haproxy_close(fake, conn);
}
