#include "controller/daemon/group_hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "controller/daemon/hooks.h"

#define PATH_BYTES_MAX 4096
#define LINES_MAX      5 /* of what a failed one has printed */

/* One kind of hook for one target. */
struct place {
	struct place *next;
	struct group_hooks *hooks; /* borrowed */
	char *name;                /* owned: "GROUP/TARGET" */
	enum database_hook what;
	struct hook *hook; /* owned; NULL: it does not run */
	uint64_t id;       /* 0: nobody waits */
	bool hosted;       /* it runs whoever is in office */
	char *note;        /* owned: the file that says that it was begun */
	char *said;        /* owned: what it printed when it failed last */
	char text[HOOK_TEXT_MAX + 64]; /* why it failed, or "" */
};

struct group_hooks {
	struct group_hooks_parts parts;
	struct place *list; /* owned */
};

struct group_hooks *group_hooks_new(const struct group_hooks_parts *parts)
{
	struct group_hooks *hooks = calloc(1, sizeof(*hooks));

	if (hooks != NULL)
		hooks->parts = *parts;
	return hooks;
}

static void report(void *arg);

static void end(struct place *place)
{
	loop_after_cancel(place->hooks->parts.loop, report, place);
	hook_free(place->hook);
	place->hook = NULL;
	place->id = 0;
}

void group_hooks_end(struct group_hooks *hooks)
{
	struct place *place;

	for (place = hooks->list; place != NULL; place = place->next)
		end(place);
}

void group_hooks_leave_office(struct group_hooks *hooks)
{
	struct place *place;

	for (place = hooks->list; place != NULL; place = place->next)
		if (!place->hosted)
			end(place);
}

static void place_free(struct place *place)
{
	if (place == NULL)
		return;
	free(place->name);
	free(place->note);
	free(place->said);
	free(place);
}

void group_hooks_free(struct group_hooks *hooks)
{
	struct place *place;

	if (hooks == NULL)
		return;
	group_hooks_end(hooks);
	while ((place = hooks->list) != NULL) {
		hooks->list = place->next;
		place_free(place);
	}
	free(hooks);
}

static void report(void *arg)
{
	struct place *place = arg;
	const struct group_hooks_parts *parts = &place->hooks->parts;
	uint64_t id = place->id;

	end(place);
	parts->done(parts->arg, id,
		    place->text[0] != '\0' ? place->text : NULL);
}

static const char *name_of(enum database_hook what)
{
	return what == DATABASE_HOOK_FENCE ? "fence" : "rejoin";
}

static void fail(struct place *place, const char *why)
{
	snprintf(place->text, sizeof(place->text), "the %s hook: %.*s",
		 name_of(place->what), HOOK_TEXT_MAX, why);
}

/* --- what is noted ----------------------------------------------------------
 */

static bool note_path(const struct settings *set, unsigned target, char *buf)
{
	const struct target_settings *t = &set->targets[target];
	int n = snprintf(buf, PATH_BYTES_MAX, "%s/rejoin.%s.%s", set->state_dir,
			 set->services[t->service].name, t->name);

	return n > 0 && n < PATH_BYTES_MAX;
}

bool group_hooks_began(const struct settings *set, unsigned target)
{
	char path[PATH_BYTES_MAX];

	return set->services[set->targets[target].service].failover != NULL &&
	       note_path(set, target, path) && access(path, F_OK) == 0;
}

void group_hooks_rejoined(const struct settings *set, unsigned target)
{
	char path[PATH_BYTES_MAX];

	if (note_path(set, target, path))
		unlink(path);
}

/* Without the file it is run all the same: it only makes up for a daemon that
 * dies now. */
static void note_begun(const struct place *place)
{
	int fd = -1;

	if (place->note != NULL)
		fd = open(place->note, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
}

/* --- running ----------------------------------------------------------------
 */

/* The last lines, when there are more than the one that is told anyhow. */
static void say_last(struct place *place, const char *output)
{
	const struct group_hooks_parts *parts = &place->hooks->parts;
	const char *last[LINES_MAX];
	char line[HOOK_TEXT_MAX];
	unsigned i, count = 0;
	size_t length;

	if (place->said != NULL && strcmp(place->said, output) == 0)
		return;
	free(place->said);
	place->said = strdup(output);
	for (; *output != '\0'; output += length) {
		length = strcspn(output, "\n");
		if (length > 0)
			last[count++ % LINES_MAX] = output;
		length += output[length] == '\n';
	}
	for (i = count > LINES_MAX ? count - LINES_MAX : 0;
	     count > 1 && i < count; i++) {
		snprintf(line, sizeof(line), "the %s hook of %s: %.*s",
			 name_of(place->what), place->name,
			 (int)strcspn(last[i % LINES_MAX], "\r\n"),
			 last[i % LINES_MAX]);
		parts->say(parts->arg, line);
	}
}

static void on_ended(void *arg, const struct hook_outcome *outcome)
{
	struct place *place = arg;

	if (outcome->error != 0) {
		fail(place,
		     outcome->text[0] != '\0' ? outcome->text : "failed");
		say_last(place, outcome->output);
	} else if (place->note != NULL) {
		unlink(place->note);
	}
	report(place);
}

static struct place *place_new(struct group_hooks *hooks, const char *name,
			       enum database_hook what)
{
	struct place *place = calloc(1, sizeof(*place));

	if (place == NULL)
		return NULL;
	place->hooks = hooks;
	place->what = what;
	place->name = strdup(name);
	if (place->name == NULL) {
		free(place);
		return NULL;
	}
	place->next = hooks->list;
	hooks->list = place;
	return place;
}

static struct place *place_for(struct group_hooks *hooks,
			       const struct settings *set,
			       const struct action *act)
{
	const struct target_settings *target = &set->targets[act->hook.target];
	char name[2 * SETTINGS_NAME_MAX + 2], path[PATH_BYTES_MAX];
	struct place *place = hooks->list;

	snprintf(name, sizeof(name), "%s/%s",
		 set->services[target->service].name, target->name);
	while (place != NULL && (place->what != act->hook.hook ||
				 strcmp(place->name, name) != 0))
		place = place->next;
	if (place == NULL)
		place = place_new(hooks, name, act->hook.hook);
	if (place == NULL)
		return NULL;
	end(place);
	place->hosted = act->hook.hook == DATABASE_HOOK_REJOIN &&
			settings_text_same(target->node, set->node);
	free(place->note);
	place->note = act->hook.hook == DATABASE_HOOK_REJOIN &&
				      note_path(set, act->hook.target, path)
			      ? strdup(path)
			      : NULL;
	return place;
}

void group_hooks_start(struct group_hooks *hooks, const struct settings *set,
		       const struct action *act,
		       const struct group_hooks_why *why)
{
	const struct target_settings *target = &set->targets[act->hook.target];
	const struct service_settings *svc = &set->services[target->service];
	bool fences = act->hook.hook == DATABASE_HOOK_FENCE;
	struct hook_call call = {
		.command =
			fences ? svc->failover->fence : svc->failover->rejoin,
		.node = set->node,
		.reason = why->reason,
		.term = why->term,
		.epoch = act->hook.epoch,
		.group = svc->name,
		.target = target,
		.timeout_us = svc->failover->hook_timeout_us,
		.not_after = INSTANT_NEVER,
	};
	struct place *place = place_for(hooks, set, act);
	struct err err = { 0 };

	if (place == NULL)
		return; /* the group asks again after the next document */
	place->id = act->id;
	place->text[0] = '\0';
	if (act->hook.source != NOTE_NONE)
		call.source = &set->targets[act->hook.source];
	note_begun(place);
	if (call.command == NULL)
		err_set(&err, -ENOENT, "is not configured");
	else
		hook_start(&place->hook, hooks->parts.loop, hooks->parts.guard,
			   &call, on_ended, place, &err);
	if (place->hook != NULL)
		return;
	fail(place, err.text);
	loop_after(hooks->parts.loop, report, place);
}
