/* The fake HAProxy from the inside: shared by its .c files alone.
 *
 * fake_haproxy.c keeps processes and connections, fake_haproxy_cli.c answers
 * commands.
 */
#ifndef BASCULE_DRILL_SIM_FAKE_HAPROXY_STATE_H
#define BASCULE_DRILL_SIM_FAKE_HAPROXY_STATE_H

#include "drill/sim/fake_haproxy.h"

#define CONNS_MAX 16
#define PID_FIRST 1000

/* Text that grows. */
struct text {
	char *bytes; /* owned */
	size_t size, room, taken;
};

struct conn {
	bool open, prompt, quit;
	unsigned process; /* with which one */
	struct text asked, said;
};

/* What a leaving process goes on showing. */
struct shadow {
	unsigned admin, weight;
};

struct fake_haproxy {
	struct fake_server *servers; /* owned */
	struct shadow *shadows;      /* owned: of the process before */
	unsigned count;
	unsigned process; /* the number of the one that runs */
	struct instant started;
	bool runs, hangs, forbids;
	struct conn conns[CONNS_MAX];
};

void text_say(struct text *text, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Answer one line, prompt included. */
void cli_answer(struct fake_haproxy *fake, struct instant now,
		struct conn *conn, const char *line, size_t size);

#endif
