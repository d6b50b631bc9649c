/* Programs, run and ended.
 *
 * A child is the leader of a process group of its own.  The whole group is
 * killed at the deadline, and also once the leader has ended by itself, so
 * that nothing it started outlives it (what makes itself a session of its own
 * gets away).  No shell and no signal handler; stdin is empty, stderr goes
 * nowhere, of stdout the first CHILD_OUTPUT_MAX bytes are kept; of one that was
 * held, when there are more, the last half of that and more.
 */
#ifndef BASCULE_IO_CHILD_H
#define BASCULE_IO_CHILD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "controller/io/loop.h"

#define CHILD_OUTPUT_MAX 4096

struct child;

enum child_end {
	CHILD_EXITED,   /* value: the exit status */
	CHILD_KILLED,   /* value: the signal; not ours */
	CHILD_TIMED_OUT /* killed at the deadline */
};

struct child_outcome {
	enum child_end end;
	int value;
	const char *output; /* NUL-terminated; borrowed for the call */
};

/* Called once, never from within child_start(). */
typedef void (*child_fn)(void *arg, const struct child_outcome *outcome);

/* Run @argv[0], looked for in PATH if it has no slash, with @envp.
 *
 * @slot: NULL before; set while the child lives, NULL again when it is gone.
 *        What cannot die at once is gone only after its report.
 * Returns 0 or -errno, also that of a program that cannot be run.
 */
int child_start(struct child **slot, struct loop *loop, const char *const *argv,
		char *const *envp, int64_t timeout_us, child_fn fn, void *arg);

/* The same, but its process waits for child_go() before it runs anything, so
 * that its group can be written down first.  Should this process die
 * meanwhile, nothing is ever run.  A program that cannot be run is reported
 * as CHILD_EXITED with 127, and its output says why. */
int child_hold(struct child **slot, struct loop *loop, const char *const *argv,
	       char *const *envp, int64_t timeout_us, child_fn fn, void *arg);
void child_go(struct child *child);

/* The number of its process group, which is its own. */
pid_t child_group(const struct child *child);

/* Kill it, if there is one, without a report; takes some milliseconds. */
void child_stop(struct child **slot);

#endif
