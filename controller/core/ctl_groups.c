/* Groups of databases within the controller: what is known goes to their
 * machines (group.h), what these want goes out; and which instance is routed.
 *
 * Whether a server of a group is in use follows from the election's orders
 * alone, not from its checks: nobody routes to an instance that the document
 * does not name, and a primary that fails is left by the plan.
 */
#include "controller/core/ctl_groups.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool groups_has(const struct ctl *ctl, unsigned target)
{
	return groups_of(ctl, ctl->set->targets[target].service) != NULL;
}

static struct ctl_group *one_new(const struct settings *set, unsigned service)
{
	const struct service_settings *svc = &set->services[service];
	struct group_settings rules = { .name = svc->name,
					.failover = svc->failover,
					.count = svc->target_count };
	struct ctl_group *grp = calloc(1, sizeof(*grp));
	unsigned i;

	if (grp == NULL)
		return NULL;
	rules.fresh_us = 3 * svc->check.interval_us + svc->check.timeout_us;
	if (rules.fresh_us < SECOND)
		rules.fresh_us = SECOND;
	for (i = 0; i < svc->target_count; i++) {
		const struct target_settings *t =
			&set->targets[svc->first_target + i];

		rules.list[i] = (struct group_instance_settings){
			.name = t->name,
			.host = t->host,
			.port = t->port,
			.priority = t->priority,
		};
		if (set->cluster == NULL || t->node == NULL)
			continue;
		rules.list[i].node = t->node;
		rules.list[i].hosted = strcmp(t->node, set->node) == 0;
	}
	grp->machine = group_new(&rules);
	if (grp->machine == NULL) {
		free(grp);
		return NULL;
	}
	grp->first = svc->first_target;
	grp->count = svc->target_count;
	grp->routed = NOTE_NONE;
	grp->readers = NOTE_NONE;
	for (i = 0; i < set->service_count; i++)
		if (set->services[i].readers_of == service + 1)
			grp->readers = set->services[i].first_target;
	return grp;
}

int groups_new(struct ctl *ctl)
{
	const struct settings *set = ctl->set;
	unsigned i;

	ctl->groups = calloc(set->service_count + 1, sizeof(*ctl->groups));
	if (ctl->groups == NULL)
		return -ENOMEM;
	for (i = 0; i < set->service_count; i++) {
		if (set->services[i].failover == NULL)
			continue;
		if (ctl->group_actions == NULL)
			ctl->group_actions =
				malloc(sizeof(*ctl->group_actions));
		ctl->groups[i] = one_new(set, i);
		if (ctl->groups[i] == NULL || ctl->group_actions == NULL)
			return -ENOMEM;
	}
	return 0;
}

void groups_free(struct ctl *ctl)
{
	unsigned i;

	for (i = 0; ctl->groups != NULL && i < ctl->set->service_count; i++)
		if (ctl->groups[i] != NULL) {
			group_free(ctl->groups[i]->machine);
			free(ctl->groups[i]);
		}
	free(ctl->groups);
	free(ctl->group_actions);
}

/* --- what the machine wants ----------------------------------------------- */

static unsigned target_of(const struct ctl_group *grp, unsigned instance)
{
	return instance < grp->count ? grp->first + instance : NOTE_NONE;
}

static void carry_order(struct ctl *ctl, struct ctl_group *grp,
			const struct group_action *want)
{
	struct member *m = &grp->members[want->order.target];
	unsigned target = target_of(grp, want->order.target);
	struct action *act;

	m->order = ctl_id(ctl, ID_DATABASE, 0, target);
	m->order_of = want->id;
	act = ctl_emit(ctl, ACTION_DATABASE, m->order);
	act->database = want->order;
	act->database.target = target;
	act->database.source = target_of(grp, want->order.source);
}

static void carry_hook(struct ctl *ctl, struct ctl_group *grp,
		       const struct group_action *want)
{
	struct member *m = &grp->members[want->hook.instance];
	unsigned target = target_of(grp, want->hook.instance);
	struct action *act;

	m->hook = ctl_id(ctl, ID_HOOK, 0, target);
	m->hook_of = want->id;
	act = ctl_emit(ctl, ACTION_HOOK, m->hook);
	act->hook.hook = want->hook.hook;
	act->hook.target = target;
	act->hook.source = target_of(grp, want->hook.source);
	act->hook.epoch = want->hook.epoch;
}

static void carry_note(struct ctl *ctl, unsigned service,
		       const struct group_note *what)
{
	const struct ctl_group *grp = ctl->groups[service];
	struct note *note;

	note = ctl_note(ctl, (enum note_kind)(NOTE_GROUP_ADOPTED +
					      (unsigned)what->kind));
	note->service = service;
	note->target =
		target_of(grp, what->to != PLAN_NOBODY ? what->to : what->from);
	note->term = what->epoch;
	note->span_us = what->routed_us;
	note->count = what->planned;
	note->group = (struct note_group){
		.from = target_of(grp, what->from),
		.to = target_of(grp, what->to),
		.withdrawn_us = what->withdrawn_us,
		.frozen_us = what->frozen_us,
		.promoted_us = what->promoted_us,
		.loss_bytes = what->loss_bytes,
		.loss_known = what->loss_known,
		.loss_most = what->loss_most,
		.loss_most_known = what->loss_most_known,
	};
	if (note->kind == NOTE_GROUP_UNFIT)
		note->result = ctl->targets[note->target].health.last;
	note_say(note, "%s", what->text);
}

static void carry_reply(struct ctl *ctl, const struct group_action *want)
{
	struct action *act = ctl_emit(ctl, ACTION_REPLY, 0);

	act->reply.token = want->reply.token;
	act->reply.error = want->reply.error;
	snprintf(act->reply.text, sizeof(act->reply.text), "%.*s",
		 EVENT_TEXT_MAX - 1, want->reply.text);
}

static void carry(struct ctl *ctl, unsigned service,
		  const struct group_action *want)
{
	struct ctl_group *grp = ctl->groups[service];

	switch (want->kind) {
	case GROUP_DECIDE:
		ctl_emit(ctl, ACTION_DECIDE, 0)->decide = want->document;
		break;
	case GROUP_ORDER:
		carry_order(ctl, grp, want);
		break;
	case GROUP_HOOK:
		carry_hook(ctl, grp, want);
		break;
	case GROUP_ASK:
		checks_ask_now(ctl, target_of(grp, want->ask));
		break;
	case GROUP_SAY:
		carry_note(ctl, service, &want->note);
		break;
	case GROUP_REPLY:
		carry_reply(ctl, want);
		break;
	}
}

/* The other nodes hear what is said of rejoining. */
static void tell_rejoins(struct ctl *ctl, struct ctl_group *grp)
{
	unsigned i;

	for (i = 0; ctl->set->cluster != NULL && i < grp->count; i++) {
		struct member *m = &grp->members[i];
		bool rejoins = group_rejoins(grp->machine, i);

		if (m->told_rejoins == rejoins)
			continue;
		m->told_rejoins = rejoins;
		ctl_emit(ctl, ACTION_OBSERVE, 0)->observe.target =
			grp->first + i;
	}
}

static void feed(struct ctl *ctl, unsigned service, struct group_event *ev)
{
	struct ctl_group *grp = ctl->groups[service];
	bool was_busy = group_look(grp->machine).busy;
	unsigned i;

	ev->now = ctl->now;
	ev->wall_us = ctl->wall_us;
	group_step(grp->machine, ev, ctl->group_actions);
	for (i = 0; i < ctl->group_actions->count; i++)
		carry(ctl, service, &ctl->group_actions->list[i]);
	tell_rejoins(ctl, grp);
	/* What the others may begin depends on it. */
	if (group_look(grp->machine).busy != was_busy)
		ctl->groups_dirty = true;
	schedule_set(ctl->schedule, slot_group(ctl, service),
		     group_deadline(grp->machine));
}

/* --- what the machine hears ----------------------------------------------- */

void groups_due(struct ctl *ctl, unsigned service)
{
	struct group_event ev = { .kind = GROUP_TICK };

	if (groups_of(ctl, service) != NULL)
		feed(ctl, service, &ev);
}

void groups_facts(struct ctl *ctl, unsigned target,
		  const struct database_facts *facts)
{
	struct group_event ev = { .kind = GROUP_FACTS };
	struct ctl_group *grp;

	if (target >= ctl->set->target_count || !groups_has(ctl, target))
		return;
	grp = groups_of(ctl, ctl->set->targets[target].service);
	ev.instance = target - grp->first;
	ev.asked = ctl->targets[target].asked;
	ev.facts = facts;
	feed(ctl, ctl->set->targets[target].service, &ev);
	if (readers_place(ctl, target) != NOTE_NONE)
		rotation_dirty(ctl, readers_place(ctl, target));
}

void groups_document(struct ctl *ctl, const struct document *doc)
{
	struct group_event ev = { .kind = GROUP_DOCUMENT };
	unsigned i;

	admin_keep(ctl, doc->maintenance);
	for (i = 0; i < ctl->set->service_count; i++) {
		if (ctl->groups[i] == NULL)
			continue;
		ev.document = document_group(doc, ctl->set->services[i].name);
		feed(ctl, i, &ev);
		readers_look(ctl, i);
	}
}

void groups_withdrawn(struct ctl *ctl, const char *group)
{
	struct group_event ev = { .kind = GROUP_WITHDRAWN };
	unsigned service = settings_find_service(ctl->set, group);

	if (groups_of(ctl, service) != NULL)
		feed(ctl, service, &ev);
}

void groups_switchover(struct ctl *ctl, const struct admin *admin)
{
	unsigned service = admin->switchover.service, to = admin->switchover.to;
	struct ctl_group *grp = groups_of(ctl, service);
	struct group_event ev = { .kind = GROUP_SWITCHOVER };

	ev.switchover.token = admin->token;
	ev.switchover.to = to == NOTE_NONE ? PLAN_NOBODY : to - grp->first;
	feed(ctl, service, &ev);
}

void groups_answered(struct ctl *ctl, uint64_t id, const char *failed,
		     bool parted)
{
	unsigned target = id_target(id), service;
	struct group_event ev = { .kind = failed == NULL ? GROUP_DONE
							 : GROUP_FAILED };
	struct ctl_group *grp;
	struct member *m;

	if (id_carried(ctl, id) || target >= ctl->set->target_count ||
	    !groups_has(ctl, target))
		return;
	service = ctl->set->targets[target].service;
	grp = groups_of(ctl, service);
	m = &grp->members[target - grp->first];
	if (m->order == id)
		ev.answer.id = m->order_of;
	else if (m->hook == id)
		ev.answer.id = m->hook_of;
	else
		return;
	ev.answer.why = failed;
	ev.answer.parted = parted;
	feed(ctl, service, &ev);
}

void groups_interrupted(struct ctl *ctl, unsigned target)
{
	struct group_event ev = { .kind = GROUP_INTERRUPTED };
	unsigned service = ctl->set->targets[target].service;

	if (!groups_has(ctl, target))
		return;
	ev.instance = target - groups_of(ctl, service)->first;
	feed(ctl, service, &ev);
}

void groups_look(struct ctl *ctl, unsigned target)
{
	struct ctl_group *grp =
		groups_of(ctl, ctl->set->targets[target].service);

	if (grp == NULL)
		return;
	grp->members[target - grp->first].dirty = true;
	grp->dirty = true;
	ctl->groups_dirty = true;
}

static void tell_health(struct ctl *ctl, unsigned service, unsigned i)
{
	struct ctl_group *grp = ctl->groups[service];
	struct group_event ev = { .kind = GROUP_HEALTH, .instance = i };

	grp->members[i].dirty = false;
	if (groups_found(ctl, grp, i, &ev))
		feed(ctl, service, &ev);
}

static bool in_office(const struct ctl *ctl)
{
	return ctl->set->cluster == NULL || share_is_primary(ctl);
}

/* One failover at a time: of two that begin together the one that is
 * configured first goes first. */
static const char *forbids(const struct ctl *ctl, unsigned service)
{
	unsigned i;

	if (ctl->keep != KEEP_OFF)
		return "the cluster is in maintenance";
	for (i = 0; i < ctl->set->service_count; i++)
		if (i != service && ctl->groups[i] != NULL &&
		    group_look(ctl->groups[i]->machine).busy)
			return "another group's failover is under way";
	return NULL;
}

static void tell_office(struct ctl *ctl, unsigned service)
{
	struct ctl_group *grp = ctl->groups[service];
	struct group_event ev = { .kind = GROUP_PERMIT };

	ev.forbids = forbids(ctl, service);
	if (ev.forbids != grp->forbids) {
		grp->forbids = ev.forbids;
		feed(ctl, service, &ev);
	}
	if (grp->office == in_office(ctl))
		return;
	grp->office = in_office(ctl);
	ev = (struct group_event){ .kind = GROUP_OFFICE };
	ev.office = grp->office;
	feed(ctl, service, &ev);
}

static void work_on(struct ctl *ctl, unsigned service)
{
	struct ctl_group *grp = ctl->groups[service];
	unsigned i;

	for (i = 0; i < grp->count; i++) {
		if (!grp->members[i].dirty)
			continue;
		if (!ctl_room(ctl))
			return;
		tell_health(ctl, service, i);
	}
	grp->dirty = false;
}

void groups_office(struct ctl *ctl)
{
	unsigned i, j;

	for (i = 0; i < ctl->set->service_count; i++)
		for (j = 0; ctl->groups[i] != NULL && j < ctl->groups[i]->count;
		     j++)
			groups_look(ctl, ctl->groups[i]->first + j);
}

void groups_work(struct ctl *ctl)
{
	unsigned i;

	if (!ctl->groups_dirty)
		return;
	ctl->groups_dirty = false;
	for (i = 0; i < ctl->set->service_count; i++) {
		if (ctl->groups[i] == NULL)
			continue;
		if (!ctl_room(ctl)) {
			ctl->groups_dirty = true;
			return;
		}
		tell_office(ctl, i);
		if (ctl->groups[i]->dirty)
			work_on(ctl, i);
		if (ctl->groups[i]->dirty)
			ctl->groups_dirty = true;
	}
}

/* --- routes -----------------------------------------------------------------
 */

void groups_route(struct ctl *ctl, const struct route_order *order)
{
	unsigned service = settings_find_service(ctl->set, order->group), i;
	struct ctl_group *grp = groups_of(ctl, service);

	if (grp == NULL) {
		/* Nobody routes to what is not configured. */
		ctl_emit(ctl, ACTION_ROUTED, order->id)->routed.done =
			order->instance[0] == '\0';
		return;
	}
	grp->told = true;
	grp->route = order->id;
	grp->routed = NOTE_NONE;
	for (i = 0; i < grp->count; i++) {
		if (strcmp(ctl->set->targets[grp->first + i].name,
			   order->instance) == 0)
			grp->routed = grp->first + i;
		rotation_dirty(ctl, grp->first + i);
	}
	groups_routed(ctl, service);
}

bool groups_wish(const struct ctl *ctl, unsigned target, struct wish *ret_wish)
{
	const struct ctl_group *grp =
		groups_of(ctl, ctl->set->targets[target].service);

	if (grp == NULL)
		return false;
	*ret_wish = (struct wish){ .state = SERVER_MAINT };
	/* Started in the cluster's maintenance: what is routed stays. */
	if (ctl->keep == KEEP_ON && !grp->told)
		ret_wish->state = SERVER_UNKNOWN;
	else if (ctl_service_of(ctl, target)->failover->mode ==
		 FAILOVER_OBSERVE)
		ret_wish->state = SERVER_UNKNOWN;
	else if (grp->routed == target)
		*ret_wish = (struct wish){ SERVER_READY, 100 };
	return true;
}

/* Whether each HAProxy that answers does what the order wants. */
static bool is_routed(const struct ctl *ctl, const struct ctl_group *grp)
{
	unsigned i, target, h, up = 0;

	for (h = 0; h < ctl->set->haproxy_count; h++)
		up += ctl->haproxies[h].up;
	if (up == 0 || ctl_service_of(ctl, grp->first)->backend == NULL)
		return true;
	for (i = 0; i < grp->count; i++) {
		target = grp->first + i;
		if (!mend_absent(ctl, target) &&
		    !mend_everywhere(ctl, target, target == grp->routed))
			return false;
	}
	return true;
}

void groups_routed(struct ctl *ctl, unsigned service)
{
	struct ctl_group *grp = groups_of(ctl, service);

	if (grp == NULL || grp->route == 0 || !is_routed(ctl, grp))
		return;
	ctl_emit(ctl, ACTION_ROUTED, grp->route)->routed.done = true;
	grp->route = 0;
}

/* --- a reload ----------------------------------------------------------------
 */

/* What is routed stays so; a machine begins anew, hears the document and asks
 * again for what it had under way: orders are safe to repeat. */
void groups_carry(struct ctl *ctl, unsigned service, const struct ctl *old,
		  unsigned from)
{
	struct ctl_group *grp = groups_of(ctl, service);
	const struct ctl_group *was = groups_of(old, from);
	struct group_event ev = { .kind = GROUP_DOCUMENT };
	unsigned i;

	if (grp == NULL || was == NULL)
		return;
	grp->route = was->route;
	grp->heard = was->heard;
	grp->told = was->told;
	group_carry(grp->machine, was->machine);
	for (i = 0; was->routed != NOTE_NONE && i < grp->count; i++)
		if (strcmp(ctl->set->targets[grp->first + i].name,
			   old->set->targets[was->routed].name) == 0)
			grp->routed = grp->first + i;
	ev.document = group_look(was->machine).document;
	feed(ctl, service, &ev);
	for (i = 0; i < grp->count; i++)
		groups_look(ctl, grp->first + i);
	ctl->groups_dirty = true;
}
