/* Self-doubt at work: what the controller does when it may be this node that
 * is ill (self.h). */
#include "controller/core/ctl_state.h"

/* How many others are asked when a target falls silent. */
#define WITNESSES 3
/* So many failures of its row apart. */
#define WITNESS_EVERY 4

void doubt_learn(struct ctl *ctl, const struct self_facts *facts)
{
	self_learn(ctl->self, facts, ctl->now);
}

void doubt_carry(struct ctl *ctl, const struct ctl *old)
{
	self_carry(ctl->self, old->self);
	ctl->doubt = old->doubt;
	ctl->doubt_spent = old->doubt_spent;
	ctl->doubt_told = old->doubt_told;
	ctl->doubt_since = old->doubt_since;
}

/* Whether others answer shows whether it is our network that is silent. */
static void ask_witnesses(struct ctl *ctl, unsigned target)
{
	unsigned i, k;

	for (i = 0; i < WITNESSES; i++) {
		k = self_witness(ctl->self, target);
		if (k == NOTE_NONE)
			return;
		if (ctl->targets[k].check == 0 && !ctl->targets[k].waiting)
			schedule_set(ctl->schedule, slot_of(SLOT_CHECK, k),
				     ctl->now);
	}
}

static enum self_others others_say(const struct ctl *ctl, unsigned target,
				   enum self_sign sign)
{
	struct instant since = INSTANT_NONE;

	if (ctl->set->cluster == NULL || ctl->set->cluster->node_count == 1)
		return SELF_ALONE;
	if (!quorum_in_touch(ctl->quorum))
		return SELF_CUT;
	if (sign != SELF_SILENT)
		since = ctl->targets[target].health.first_bad;
	switch (quorum_worst(ctl->quorum, target, since, ctl->now)) {
	case FINDING_NONE:
		return SELF_ALONE;
	case FINDING_WELL:
		return SELF_WELL;
	default:
		return SELF_SAME;
	}
}

static enum self_sign sign_of(const struct ctl *ctl, unsigned target,
			      const struct result *res)
{
	const struct health *h = &ctl->targets[target].health;

	if (h->state == HEALTH_MAINT ||
	    (h->state == HEALTH_DOWN &&
	     instant_diff_us(h->since, ctl->now) > SELF_MOMENT_US))
		return SELF_NONE;
	return self_sign_of(res);
}

static bool is_condemned(const struct ctl *ctl, unsigned target,
			 enum self_sign sign)
{
	const struct health *h = &ctl->targets[target].health;
	enum self_accused accused;

	if (sign == SELF_NONE || h->state == HEALTH_DOWN)
		return true;
	accused = self_judge(ctl->self, target, sign, h->first_bad,
			     others_say(ctl, target, sign), ctl->now);
	return accused == SELF_TARGET;
}

enum health_input doubt_temper(struct ctl *ctl, unsigned target,
			       enum health_input in, const struct result *res)
{
	const struct health *h = &ctl->targets[target].health;
	enum self_sign sign = sign_of(ctl, target, res);

	self_seen(ctl->self, target, sign, ctl->now);
	/* Again and again: what was cut a moment ago answered before. */
	if (sign == SELF_SILENT && h->bad % WITNESS_EVERY == 1)
		ask_witnesses(ctl, target);
	if (in != HEALTH_FALL &&
	    (in != HEALTH_FAIL || h->state != HEALTH_RECOVERING))
		return in;
	if (is_condemned(ctl, target, sign))
		return in;
	ask_witnesses(ctl, target);
	/* The others are to know at once that it fails from here, too. */
	if (ctl->set->cluster != NULL)
		ctl_emit(ctl, ACTION_OBSERVE, 0)->observe.target = target;
	return HEALTH_DOUBT;
}

/* What was counted in doubt condemns nobody: it must be seen again. */
static void forget(struct ctl *ctl)
{
	unsigned i;

	for (i = 0; i < ctl->set->target_count; i++)
		if (ctl->targets[i].health.state != HEALTH_DOWN &&
		    ctl->targets[i].health.bad > 0)
			health_forget(&ctl->targets[i].health);
}

static void say(struct ctl *ctl, enum note_kind kind)
{
	struct note *note = ctl_note(ctl, kind);

	note->span_us = instant_diff_us(ctl->doubt_since, ctl->now);
	self_why(ctl->self, ctl->now, note->text, sizeof(note->text));
}

/* A stall was told as such; that the loop was late, and a question to
 * ourselves waited for so long, is the same. */
static bool is_news(const struct ctl *ctl)
{
	struct instant since = self_since(ctl->self, ctl->now);

	if (self_blamed(ctl->self, ctl->now) || instant_is_none(ctl->stall_at))
		return true;
	return instant_diff_us(ctl->stall_at, ctl->now) > SELF_SETTLE_US &&
	       instant_before(ctl->stall_at, since);
}

static void set_level(struct ctl *ctl, enum self_doubt level)
{
	bool was_sick = ctl->doubt == SELF_SICK;

	ctl->doubt = level;
	if (was_sick && !ctl->doubt_spent)
		forget(ctl);
	if (was_sick && ctl->doubt_told)
		say(ctl, NOTE_DOUBT_OVER);
	ctl->doubt_told = false;
	ctl->doubt_spent = false;
	ctl->doubt_since = ctl->now;
	/* It praises nobody either, until it is over. */
	if ((was_sick || level == SELF_SICK) && ctl->set->cluster != NULL)
		ctl_emit(ctl, ACTION_OBSERVE, 0)->observe.target = NOTE_NONE;
}

void doubt_look(struct ctl *ctl)
{
	enum self_doubt level = self_level(ctl->self, ctl->now);
	bool spent = self_spent(ctl->self, ctl->now);

	if (level != ctl->doubt)
		set_level(ctl, level);
	if (level == SELF_SICK && !ctl->doubt_told && is_news(ctl)) {
		ctl->doubt_told = true;
		say(ctl, NOTE_DOUBT_BEGUN);
	}
	if (spent && !ctl->doubt_spent)
		say(ctl, NOTE_DOUBT_SPENT);
	ctl->doubt_spent = spent;
}
