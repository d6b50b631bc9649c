/* What HAProxy's side doors ask of the driver: agent checks, and the sessions
 * of leaving workers. */
#include "controller/daemon/run_state.h"

void run_agent_word(void *arg, unsigned haproxy, unsigned target,
		    enum agent_word *ret_word, const char **ret_why)
{
	const struct run *run = arg;

	*ret_word = ctl_agent(run->ctl, haproxy, target, ret_why);
}

static bool on_asked_ends(void *arg, unsigned haproxy, unsigned target)
{
	const struct run *run = arg;

	return ctl_ends_sessions(run->ctl, haproxy, target);
}

static void on_leavers_ended(void *arg, unsigned haproxy, long pid,
			     unsigned sessions)
{
	struct run *run = arg;

	log_line(run->log, NOTE_NOTICE,
		 "haproxy %s: ended %u sessions of leaving worker %ld to "
		 "withdrawn servers",
		 run->set->haproxies[haproxy].name, sessions, pid);
}

static void on_leavers_failed(void *arg, unsigned haproxy, const char *why)
{
	const struct run *run = arg;
	const char *name = run->set->haproxies[haproxy].name;

	if (why != NULL)
		log_line(run->log, NOTE_WARNING,
			 "haproxy %s: leaving workers cannot be reached: %s",
			 name, why);
	else
		log_line(run->log, NOTE_NOTICE,
			 "haproxy %s: leaving workers can be reached again",
			 name);
}

static void on_leavers_cleared(void *arg)
{
	run_say_words(arg);
}

struct masters *run_masters(struct run *run, const struct settings *set)
{
	const struct masters_doors doors = { .arg = run,
					     .ends = on_asked_ends,
					     .ended = on_leavers_ended,
					     .failed = on_leavers_failed,
					     .cleared = on_leavers_cleared };

	return masters_new(run->loop, set, &doors);
}
