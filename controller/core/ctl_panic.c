/* Panic: more targets of a service are bad than may leave. */
#include "controller/core/ctl_state.h"

#include "controller/core/governor.h"

static void follow(struct ctl *ctl, unsigned service)
{
	const struct service_settings *svc = &ctl->set->services[service];
	unsigned i;

	for (i = svc->first_target; i < svc->first_target + svc->target_count;
	     i++)
		rotation_dirty(ctl, i);
}

static void say(struct ctl *ctl, unsigned service)
{
	static const char *const what[] = {
		[PANIC_HOLD] = "those in rotation stay",
		[PANIC_OPEN] = "all are put back in rotation",
		[PANIC_CLOSED] = "they leave all the same",
	};
	const struct service_settings *svc = &ctl->set->services[service];
	const struct service *n = &ctl->services[service];
	struct note *note =
		ctl_note(ctl, n->panic ? NOTE_PANIC : NOTE_PANIC_OVER);

	note->service = service;
	note->incident = n->incident.number;
	note->count = n->bad;
	if (n->panic)
		note_say(note, "more than may leave: %s", what[svc->on_panic]);
}

void panic_look(struct ctl *ctl, unsigned service)
{
	const struct service_settings *svc = &ctl->set->services[service];
	struct service *n = &ctl->services[service];
	bool panic = svc->backend != NULL &&
		     governor_panics(svc, n->serving, n->bad, n->drained);

	if (n->panic == panic)
		return;
	n->panic = panic;
	say(ctl, service);
	follow(ctl, service);
}

bool panic_opens(const struct ctl *ctl, unsigned target)
{
	unsigned service = ctl->set->targets[target].service;

	return ctl->services[service].panic &&
	       ctl->set->services[service].on_panic == PANIC_OPEN;
}

const char *panic_keeps(const struct ctl *ctl, unsigned target)
{
	if (!panic_opens(ctl, target) || !ctl->targets[target].part.bad)
		return NULL;
	return "too few are well, and on_panic is open";
}
