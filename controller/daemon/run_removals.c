/* Servers that the configuration no longer has.  Those that were added to a
 * HAProxy: from the orphans to the HAProxies, and out of the store; those that
 * stay withdrawn are said. */
#include "controller/daemon/run_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct note note_of(const struct run *run, enum note_kind kind,
			   unsigned haproxy)
{
	return (struct note){ .kind = kind,
			      .now = loop_now(run->loop),
			      .wall_us = loop_wall_us(run->loop),
			      .service = NOTE_NONE,
			      .target = NOTE_NONE,
			      .haproxy = haproxy,
			      .onset_min = INSTANT_NONE,
			      .onset_max = INSTANT_NONE };
}

static void say(struct run *run, unsigned haproxy,
		const struct removal *removal, const char *failed)
{
	struct note note = note_of(
		run, failed == NULL ? NOTE_SERVER_REMOVED : NOTE_SERVER_STAYS,
		haproxy);
	int room = NOTE_TEXT_MAX;

	room -= snprintf(note.text, sizeof(note.text), "%.40s/%.40s",
			 removal->backend, removal->name);
	if (failed != NULL)
		snprintf(note.text + NOTE_TEXT_MAX - room, (size_t)room, ": %s",
			 failed);
	tell_note(run->tell, &note);
}

static void on_removed(void *arg, unsigned haproxy,
		       const struct removal *removal, const char *failed)
{
	struct run *run = arg;
	const char *name = run->set->haproxies[haproxy].name;
	struct stored_server server = { 0 };

	say(run, haproxy, removal, failed);
	if (failed != NULL)
		return;
	orphans_drop(&run->orphans, name, removal);
	snprintf(server.haproxy, sizeof(server.haproxy), "%s", name);
	strcpy(server.backend, removal->backend);
	strcpy(server.target, removal->name);
	store_forget_server(run->store, &server);
}

static void remove_servers(struct run *run)
{
	struct removal *list;
	size_t count;
	unsigned h;
	int r;

	for (h = 0; h < run->set->haproxy_count; h++) {
		list = NULL;
		r = orphans_added(&run->orphans, run->set->haproxies[h].name,
				  &list, &count);
		if (r == 0)
			r = haproxies_remove(run->haproxies, h, list, count,
					     on_removed, run);
		if (r < 0)
			log_line(run->log, NOTE_ERR,
				 "haproxy %s: out of memory: servers that were"
				 " added to it stay until the next reload",
				 run->set->haproxies[h].name);
		free(list);
	}
}

/* What is withdrawn was dead, perhaps: nobody sends it requests unasked. */
static void say_left(struct run *run)
{
	struct orphan_left left;
	struct note note;
	unsigned h;

	while (orphans_next(&run->orphans, &left)) {
		h = settings_find_haproxy(run->set, left.haproxy);
		if (h == NOTE_NONE) {
			log_line(run->log, NOTE_WARNING,
				 "haproxy %s is no longer in the configuration:"
				 " its server %s/%s stays as we made it,"
				 " withdrawn or with another weight",
				 left.haproxy, left.backend, left.name);
			continue;
		}
		note = note_of(run, NOTE_SERVER_LEFT, h);
		note.count = left.how;
		snprintf(note.text, sizeof(note.text), "%.40s/%.40s",
			 left.backend, left.name);
		tell_note(run->tell, &note);
	}
}

void run_tend_orphans(struct run *run)
{
	remove_servers(run);
	say_left(run);
}

void run_find_removals(struct run *run)
{
	const struct stored_server *list;
	size_t count;

	list = store_left(run->store, &count);
	if (orphans_add_stored(&run->orphans, list, count) < 0)
		log_line(run->log, NOTE_ERR,
			 "out of memory: servers that were added to HAProxy"
			 " stay until the next start");
	run_tend_orphans(run);
}
