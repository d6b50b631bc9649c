/* A process that a pidfile names: its end is told, and whom the file names
 * then is watched from there on. */
#ifndef BASCULE_DAEMON_LOCAL_PROCESS_H
#define BASCULE_DAEMON_LOCAL_PROCESS_H

#include <stdbool.h>

#include "controller/core/err.h"
#include "controller/io/loop.h"

/* The process has ended. */
typedef void (*process_gone_fn)(void *arg);

/* Whether it is watched has changed; @why not, when it is not. */
typedef void (*process_say_fn)(void *arg, int pid, const char *why);

struct process_watch {
	struct loop *loop;    /* borrowed */
	const char *pidfile;  /* borrowed */
	process_gone_fn gone; /* may not end the watch */
	process_say_fn say;
	void *arg;
	ev_io io;
	ev_timer retry;
	int fd; /* owned: of the process; -1 while none is watched */
	int pid;
	bool told;
};

/* Begin, with the four fields filled in above; the rest is zero. */
void process_watch_start(struct process_watch *watch);
void process_watch_stop(struct process_watch *watch);

/* A descriptor of the process that @pidfile names, which becomes readable when
 * it ends.  A process that is younger than the file is another one, with a
 * number used again.  Returns it, or -errno and @err. */
int process_open(const char *pidfile, int *ret_pid, struct err *err);

#endif
