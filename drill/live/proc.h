/* Processes of a drill: started, signalled and ended by the id they were
 * started with, never by name. */
#ifndef BASCULE_DRILL_LIVE_PROC_H
#define BASCULE_DRILL_LIVE_PROC_H

#include <stdbool.h>
#include <sys/types.h>

#include "controller/core/err.h"

struct proc {
	pid_t pid; /* 0: not running */
	int out;   /* read end of its stdout, -1: none */
};

/* Start @argv; its standard error, and its output unless @ret->out is asked
 * for, go to the end of @log.  The child dies with this process's thread.
 */
int proc_start(const char *const argv[], const char *log, bool want_out,
	       struct proc *ret_proc, struct err *err);

/* One line of its output, without the newline, within @wait_ms. */
int proc_line(struct proc *proc, int wait_ms, char *buf, size_t size,
	      struct err *err);

/* Send @number; nothing happens when it does not run. */
void proc_signal(const struct proc *proc, int number);

/* Whether it has ended by itself; it does not run then. */
bool proc_ended(struct proc *proc);

/* Wait for its end after @number was sent; SIGKILL when that takes longer than
 * @wait_ms.  A stopped process is continued first. */
void proc_end(struct proc *proc, int number, int wait_ms);

#endif
