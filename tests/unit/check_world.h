/* A server on the loop of the checks that ask it, which counts its connections
 * and answers, or holds its answers back. */
#ifndef BASCULE_TESTS_CHECK_WORLD_H
#define BASCULE_TESTS_CHECK_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "checks/checks_io.h"

#define CONNS_MAX   16
#define TARGETS_MAX 4
#define KEPT_MAX    8

struct server {
	struct ev_loop *ev;
	ev_io listener;
	ev_io conns[CONNS_MAX];
	unsigned count; /* connections ever accepted */
	unsigned heard; /* questions */
	bool mute;      /* a question ends the loop */
	bool patient;   /* ... or is kept, and the loop runs on */
	uint16_t port;
};

/* Settings on the heap, to be freed as a reload frees the old ones. */
struct file {
	struct settings set;
	struct service_settings services[2];
	struct target_settings targets[TARGETS_MAX];
	struct status_range status;
	char path[16];
};

struct world {
	struct loop *loop;
	struct checks *checks;
	struct server server;
	struct file *file;
	unsigned done, wanted;
	/* Of what came, the last ones: the first is at 0. */
	unsigned target[KEPT_MAX];
	uint64_t id[KEPT_MAX];
	struct result result[KEPT_MAX];
	unsigned hints;
	struct hint hint; /* the last */
	ev_timer timer;
};

/* Two services of two targets each, all at @port. */
struct file *file_new(uint16_t port);

/* cmocka's set up and tear down; *@state is a struct world. */
int check_world_set_up(void **state);
int check_world_tear_down(void **state);

/* For checks_new(): keeps what is reported, and stops the loop at the last
 * that is wanted. */
void check_world_done(void *arg, unsigned target, uint64_t id,
		      const struct result *res);

/* Until @wanted more reports have come. */
void check_world_run(struct world *w, unsigned wanted);

/* For so long. */
void check_world_wait(struct world *w, double span_s);

/* Until the first hint. */
void check_world_wait_hint(struct world *w);

/* Start a question that is heard and not answered. */
void check_world_ask_mute(struct world *w, unsigned target);

/* The same, until it is reported as silent, after SILENT_US. */
#define SILENT_US (200 * MS)

void check_world_ask_silent(struct world *w, unsigned target, uint64_t id);

/* Answer over connection @conn. */
void server_answer(struct world *w, unsigned conn);

/* End it, in good order or by a reset. */
void server_drop(struct world *w, unsigned conn, bool reset);

/* Whether the other side has ended it. */
bool server_dropped(struct world *w, unsigned conn);

#endif
