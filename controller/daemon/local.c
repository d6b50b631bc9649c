#include "controller/daemon/local.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "controller/daemon/local_process.h"
#include "controller/daemon/local_unit.h"
#include "controller/io/address.h"

struct known_process {
	struct local *local;
	unsigned target;
	struct process_watch watch;
};

struct local {
	struct log *log;            /* borrowed */
	const struct settings *set; /* borrowed */
	local_fn fn;
	void *arg;
	struct known_process *processes; /* owned */
	unsigned process_count;
	struct unit_watches *watches; /* owned; NULL without units */
	const char **units;           /* owned; the names are the settings' */
	unsigned *unit_targets;       /* owned: whose they are */
	unsigned unit_count;
};

/* Whether the target is on this machine: its address is ours now.  Of a name
 * that is believed. */
static bool is_here(const struct target_settings *target)
{
	struct address addr;
	bool here;
	int fd;

	if (!address_parse(target->host, 0, &addr))
		return true;
	fd = socket(addr.family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return true;
	here = bind(fd, &addr.any, address_size(&addr)) == 0;
	close(fd);
	return here;
}

static void tell(struct local *local, unsigned target, enum hint_kind kind)
{
	const struct hint hint = { .target = target, .kind = kind };

	if (is_here(&local->set->targets[target]))
		local->fn(local->arg, &hint);
}

static void on_process_gone(void *arg)
{
	struct known_process *process = arg;

	tell(process->local, process->target, HINT_PROCESS_GONE);
}

static void on_process_said(void *arg, int pid, const char *why)
{
	struct known_process *process = arg;
	const struct target_settings *target =
		&process->local->set->targets[process->target];

	if (!is_here(target))
		return;
	if (why == NULL)
		log_line(process->local->log, NOTE_INFO,
			 "target %s: process %d is watched", target->name, pid);
	else
		log_line(process->local->log, NOTE_WARNING,
			 "target %s: its process is not watched: %s; trying "
			 "again each second",
			 target->name, why);
}

static void on_unit_down(void *arg, unsigned number, const char *state)
{
	struct local *local = arg;

	(void)state;
	tell(local, local->unit_targets[number], HINT_UNIT_DOWN);
}

static void on_bus(void *arg, const char *why)
{
	struct local *local = arg;

	if (why == NULL)
		log_line(local->log, NOTE_INFO, "D-Bus: %u units are watched",
			 local->unit_count);
	else
		log_line(local->log, NOTE_WARNING,
			 "D-Bus: %s; units are not watched, trying again each "
			 "second",
			 why);
}

/* Whether any target names anything; -ENOMEM. */
static int make_room(struct local *local)
{
	unsigned processes = 0, units = 0, i;

	for (i = 0; i < local->set->target_count; i++) {
		processes += local->set->targets[i].pidfile != NULL;
		units += local->set->targets[i].unit != NULL;
	}
	local->processes = calloc(processes + 1u, sizeof(*local->processes));
	local->units = calloc(units + 1u, sizeof(*local->units));
	local->unit_targets = calloc(units + 1u, sizeof(*local->unit_targets));
	if (local->processes == NULL || local->units == NULL ||
	    local->unit_targets == NULL)
		return -ENOMEM;
	return processes + units > 0;
}

static void watch_target(struct local *local, struct loop *loop, unsigned i)
{
	const struct target_settings *target = &local->set->targets[i];
	struct known_process *process;

	if (target->unit != NULL) {
		local->units[local->unit_count] = target->unit;
		local->unit_targets[local->unit_count++] = i;
	}
	if (target->pidfile == NULL)
		return;
	process = &local->processes[local->process_count++];
	process->local = local;
	process->target = i;
	process->watch.loop = loop;
	process->watch.pidfile = target->pidfile;
	process->watch.gone = on_process_gone;
	process->watch.say = on_process_said;
	process->watch.arg = process;
	process_watch_start(&process->watch);
}

static int watch_all(struct local *local, struct loop *loop)
{
	unsigned i;

	for (i = 0; i < local->set->target_count; i++)
		watch_target(local, loop, i);
	if (local->unit_count == 0)
		return 0;
	return unit_watches_new(&local->watches, loop, local->units,
				local->unit_count, on_unit_down, on_bus, local);
}

int local_new(struct local **ret_local, struct loop *loop, struct log *log,
	      const struct settings *set, local_fn fn, void *arg)
{
	struct local *local = calloc(1, sizeof(*local));
	bool any = true;
	int r;

	if (local == NULL)
		return -ENOMEM;
	local->log = log;
	local->set = set;
	local->fn = fn;
	local->arg = arg;
	r = make_room(local);
	if (r > 0)
		r = watch_all(local, loop);
	else
		any = false;
	if (r < 0 || !any) {
		local_free(local);
		local = NULL;
	}
	if (r < 0)
		return r;
	*ret_local = local;
	return 0;
}

void local_free(struct local *local)
{
	unsigned i;

	if (local == NULL)
		return;
	for (i = 0; i < local->process_count; i++)
		process_watch_stop(&local->processes[i].watch);
	unit_watches_free(local->watches);
	free(local->processes);
	free(local->units);
	free(local->unit_targets);
	free(local);
}
