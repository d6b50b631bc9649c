#include "controller/daemon/group_hooks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "controller/daemon/hooks.h"

struct running {
	struct running *next;
	struct group_hooks *hooks;
	struct hook *hook; /* owned; NULL: it could not be started */
	uint64_t id;
	const char *what;              /* static */
	char text[HOOK_TEXT_MAX + 64]; /* why it failed, or "" */
};

struct group_hooks {
	struct group_hooks_parts parts;
	struct running *list; /* owned */
};

struct group_hooks *group_hooks_new(const struct group_hooks_parts *parts)
{
	struct group_hooks *hooks = calloc(1, sizeof(*hooks));

	if (hooks != NULL)
		hooks->parts = *parts;
	return hooks;
}

static void report(void *arg);

static void forget(struct running *run)
{
	struct running **at = &run->hooks->list;

	while (*at != run)
		at = &(*at)->next;
	*at = run->next;
	loop_after_cancel(run->hooks->parts.loop, report, run);
	hook_free(run->hook);
	free(run);
}

void group_hooks_end(struct group_hooks *hooks)
{
	while (hooks->list != NULL)
		forget(hooks->list);
}

void group_hooks_free(struct group_hooks *hooks)
{
	if (hooks == NULL)
		return;
	group_hooks_end(hooks);
	free(hooks);
}

static void report(void *arg)
{
	struct running *run = arg;
	const struct group_hooks_parts parts = run->hooks->parts;
	char text[sizeof(run->text)];
	uint64_t id = run->id;

	snprintf(text, sizeof(text), "%s", run->text);
	forget(run);
	parts.done(parts.arg, id, text[0] != '\0' ? text : NULL);
}

static void fail(struct running *run, const char *why)
{
	snprintf(run->text, sizeof(run->text), "the %s hook: %.*s", run->what,
		 HOOK_TEXT_MAX, why);
}

static void on_ended(void *arg, const struct hook_outcome *outcome)
{
	struct running *run = arg;

	if (outcome->error != 0)
		fail(run, outcome->text[0] != '\0' ? outcome->text : "failed");
	report(run);
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
	struct running *run = calloc(1, sizeof(*run));
	struct err err = { 0 };

	if (run == NULL)
		return; /* the group asks again after the next document */
	run->hooks = hooks;
	run->id = act->id;
	run->what = fences ? "fence" : "rejoin";
	run->next = hooks->list;
	hooks->list = run;
	if (act->hook.source != NOTE_NONE)
		call.source = &set->targets[act->hook.source];
	if (call.command == NULL)
		err_set(&err, -ENOENT, "is not configured");
	else
		hook_start(&run->hook, hooks->parts.loop, hooks->parts.guard,
			   &call, on_ended, run, &err);
	if (run->hook != NULL)
		return;
	fail(run, err.text);
	loop_after(hooks->parts.loop, report, run);
}
