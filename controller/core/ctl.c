#include "controller/core/ctl_state.h"

#include "controller/core/group.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* An id: kind in 4 bits, HAProxy in 8, target in 20, sequence in 32. */
uint64_t ctl_id(struct ctl *ctl, enum id_kind kind, unsigned haproxy,
		unsigned target)
{
	uint64_t sequence = ++ctl->sequence & 0xffffffffu;

	return (uint64_t)kind << 60 | (uint64_t)(haproxy & 0xffu) << 52 |
	       (uint64_t)(target & 0xfffffu) << 32 | sequence;
}

enum id_kind id_kind(uint64_t id)
{
	return (enum id_kind)(id >> 60);
}

unsigned id_haproxy(uint64_t id)
{
	return (unsigned)(id >> 52) & 0xffu;
}

unsigned id_target(uint64_t id)
{
	return (unsigned)(id >> 32) & 0xfffffu;
}

bool id_carried(const struct ctl *ctl, uint64_t id)
{
	return (id & 0xffffffffu) <= ctl->carried;
}

unsigned slot_retry(const struct ctl *ctl, unsigned haproxy)
{
	return ctl->set->target_count * SLOT_TARGET_KINDS + haproxy;
}

unsigned slot_store(const struct ctl *ctl)
{
	return slot_retry(ctl, ctl->set->haproxy_count);
}

unsigned slot_node_expiry(const struct ctl *ctl)
{
	return slot_store(ctl) + 1;
}

unsigned slot_alone(const struct ctl *ctl)
{
	return slot_store(ctl) + 2;
}

unsigned slot_group(const struct ctl *ctl, unsigned service)
{
	return slot_alone(ctl) + 1 + service;
}

unsigned slot_count(const struct settings *set)
{
	return set->target_count * SLOT_TARGET_KINDS + set->haproxy_count + 3 +
	       set->service_count;
}

unsigned ctl_unit(const struct ctl *ctl)
{
	return 4 * ctl->set->haproxy_count + 16 +
	       (ctl->group_actions != NULL ? GROUP_ACTIONS_MAX : 0);
}

bool ctl_room(const struct ctl *ctl)
{
	return ctl->out->count + ctl_unit(ctl) <= ACTIONS_MAX;
}

struct action *ctl_emit(struct ctl *ctl, enum action_kind kind, uint64_t id)
{
	struct action *act;

	assert(ctl->out->count < ACTIONS_MAX);
	act = &ctl->out->list[ctl->out->count++];
	act->kind = kind;
	act->id = id;
	return act;
}

struct note *ctl_note(struct ctl *ctl, enum note_kind kind)
{
	struct note *note = &ctl_emit(ctl, ACTION_NOTE, 0)->note;

	*note = (struct note){
		.kind = kind,
		.now = ctl->now,
		.wall_us = ctl->wall_us,
		.service = NOTE_NONE,
		.target = NOTE_NONE,
		.haproxy = NOTE_NONE,
		.onset_min = INSTANT_NONE,
		.onset_max = INSTANT_NONE,
	};
	return note;
}

struct note *ctl_note_target(struct ctl *ctl, enum note_kind kind,
			     unsigned target)
{
	unsigned service = ctl->set->targets[target].service;
	struct note *note = ctl_note(ctl, kind);

	note->target = target;
	note->service = service;
	note->incident = ctl->services[service].incident.number;
	return note;
}

void note_say(struct note *note, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(note->text, sizeof(note->text), fmt, ap);
	va_end(ap);
}

const struct service_settings *ctl_service_of(const struct ctl *ctl,
					      unsigned target)
{
	return &ctl->set->services[ctl->set->targets[target].service];
}

struct service *ctl_service_state(struct ctl *ctl, unsigned target)
{
	return &ctl->services[ctl->set->targets[target].service];
}

void ctl_store_answered(struct ctl *ctl, const char *failed)
{
	if (ctl->store_ok == (failed == NULL))
		return;
	ctl->store_ok = failed == NULL;
	if (failed == NULL)
		ctl_note(ctl, NOTE_STORE_OK);
	else
		note_say(ctl_note(ctl, NOTE_STORE_FAILED), "%s", failed);
}

/* Enough for all: at least one of each, so that nothing is ever NULL. */
static void *array_new(size_t count, size_t size)
{
	return calloc(count + 1, size);
}

struct ctl *ctl_new(const struct settings *set, uint64_t seed)
{
	struct ctl *ctl = calloc(1, sizeof(*ctl));
	size_t n = set->target_count;

	if (ctl == NULL)
		return NULL;
	ctl->set = set;
	rng_init(&ctl->rng, seed);
	ctl->targets = array_new(n, sizeof(*ctl->targets));
	ctl->services = array_new(set->service_count, sizeof(*ctl->services));
	ctl->haproxies = array_new(set->haproxy_count, sizeof(*ctl->haproxies));
	ctl->servers = array_new(n * set->haproxy_count, sizeof(*ctl->servers));
	ctl->pools = array_new((size_t)set->haproxy_count * set->service_count,
			       sizeof(*ctl->pools));
	ctl->dirty = array_new(n, sizeof(*ctl->dirty));
	ctl->schedule = schedule_new(slot_count(set));
	ctl->quorum = quorum_new(set);
	ctl->self = self_new(set);
	ctl->store_ok = true;
	ctl->stall_at = INSTANT_NONE;
	ctl->armed = INSTANT_NEVER;
	ctl->primary = NOTE_NONE;
	if (ctl->targets == NULL || ctl->services == NULL ||
	    ctl->haproxies == NULL || ctl->servers == NULL ||
	    ctl->pools == NULL || ctl->dirty == NULL || ctl->schedule == NULL ||
	    ctl->quorum == NULL || ctl->self == NULL || groups_new(ctl) < 0) {
		ctl_free(ctl);
		return NULL;
	}
	return ctl;
}

void ctl_free(struct ctl *ctl)
{
	if (ctl == NULL)
		return;
	free(ctl->targets);
	free(ctl->services);
	free(ctl->haproxies);
	free(ctl->servers);
	free(ctl->pools);
	free(ctl->dirty);
	groups_free(ctl);
	schedule_free(ctl->schedule);
	quorum_free(ctl->quorum);
	self_free(ctl->self);
	free(ctl);
}

static void slot_due(struct ctl *ctl, unsigned slot)
{
	unsigned target = slot / SLOT_TARGET_KINDS;

	if (slot == slot_node_expiry(ctl))
		admin_expired(ctl, NOTE_NONE);
	else if (slot >= slot_group(ctl, 0))
		groups_due(ctl, slot - slot_group(ctl, 0));
	else if (slot == slot_alone(ctl))
		share_alone(ctl);
	else if (slot == slot_store(ctl))
		haproxy_store_late(ctl);
	else if (slot >= slot_retry(ctl, 0))
		haproxy_retry(ctl, slot - slot_retry(ctl, 0));
	else if (slot % SLOT_TARGET_KINDS == SLOT_CHECK)
		checks_due(ctl, target);
	else if (slot % SLOT_TARGET_KINDS == SLOT_PHASE)
		rotation_phase(ctl, target);
	else
		admin_expired(ctl, target);
}

static void work_due(struct ctl *ctl)
{
	unsigned slot;

	rotation_work(ctl);
	groups_work(ctl);
	while (ctl_room(ctl) && schedule_pop(ctl->schedule, ctl->now, &slot)) {
		slot_due(ctl, slot);
		rotation_work(ctl);
		groups_work(ctl);
	}
}

static void action_answered(struct ctl *ctl, uint64_t id, const char *failed,
			    bool parted)
{
	switch (id_kind(id)) {
	case ID_ORDER:
		haproxy_ordered(ctl, id, failed);
		break;
	case ID_CLAIM:
		ctl_store_answered(ctl, failed);
		haproxy_claimed(ctl, id);
		break;
	case ID_INCIDENT:
		ctl_store_answered(ctl, failed);
		break;
	case ID_DATABASE:
	case ID_HOOK:
		groups_answered(ctl, id, failed, parted);
		break;
	case ID_MAINTENANCE:
		ctl_store_answered(ctl, failed);
		admin_stored(ctl, id, failed);
		break;
	default:
		break;
	}
}

static void dispatch(struct ctl *ctl, const struct event *ev)
{
	switch (ev->kind) {
	case EVENT_START:
		begin_start(ctl, ev->stored);
		break;
	case EVENT_SETTINGS:
		reload(ctl, ev);
		break;
	case EVENT_EVIDENCE:
		checks_evidence(ctl, ev);
		break;
	case EVENT_HAPROXY_SEEN:
		haproxy_seen(ctl, &ev->haproxy);
		break;
	case EVENT_ACTION_DONE:
		action_answered(ctl, ev->action.id, NULL, false);
		break;
	case EVENT_ACTION_FAILED:
		action_answered(ctl, ev->action.id, ev->action.text,
				ev->action.parted);
		break;
	case EVENT_ADMIN:
		admin_event(ctl, &ev->admin);
		break;
	case EVENT_HINT:
		hints_hear(ctl, &ev->hint);
		break;
	case EVENT_OBSERVED:
		agree_observed(ctl, &ev->observed);
		break;
	case EVENT_PEERS:
		agree_peers(ctl, ev->heard);
		break;
	case EVENT_PRIMARY:
		node_primary(ctl, &ev->primary);
		groups_office(ctl);
		break;
	case EVENT_INCIDENTS:
		share_heard(ctl, &ev->incidents);
		break;
	case EVENT_SELF:
		doubt_learn(ctl, &ev->self);
		break;
	case EVENT_DATABASE:
		groups_facts(ctl, ev->database.target, ev->database.facts);
		break;
	case EVENT_DOCUMENT:
		groups_document(ctl, ev->document);
		break;
	case EVENT_WITHDRAWN:
		groups_withdrawn(ctl, ev->withdrawn);
		break;
	case EVENT_ROUTE:
		groups_route(ctl, &ev->route);
		break;
	case EVENT_INTERRUPTED:
		groups_interrupted(ctl, ev->interrupted);
		break;
	case EVENT_STOP:
		ctl_note(ctl, NOTE_STOPPING);
		ctl->running = false;
		break;
	default:
		break;
	}
}

void ctl_notice_stall(struct ctl *ctl)
{
	int64_t late_us;

	if (!ctl->running || instant_is_never(ctl->armed))
		return;
	late_us = instant_diff_us(ctl->armed, ctl->now);
	if (late_us > STALL_US)
		checks_stalled(ctl, late_us);
}

void ctl_step(struct ctl *ctl, const struct event *ev, struct actions *out)
{
	ctl->now = ev->now;
	ctl->wall_us = ev->wall_us;
	ctl->out = out;
	out->count = 0;
	ctl_notice_stall(ctl);
	dispatch(ctl, ev);
	if (ctl->running) {
		doubt_look(ctl);
		work_due(ctl);
	}
	ctl->armed = ctl_deadline(ctl);
}

struct instant ctl_deadline(const struct ctl *ctl)
{
	struct instant due;

	if (!ctl->running)
		return INSTANT_NEVER;
	if (ctl->dirty_count > 0 || ctl->groups_dirty)
		return ctl->now;
	due = schedule_next(ctl->schedule);
	due = instant_min(due, self_deadline(ctl->self, ctl->now));
	if (ctl->inflight > 0)
		due = instant_min(due, instant_add(ctl->now, PULSE_US));
	return instant_max(due, ctl->now);
}
