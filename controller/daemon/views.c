#include "controller/daemon/views.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define REFRESH_US (1 * SECOND)

/* A target by the hash of its name, sorted by it. */
struct known {
	uint32_t id;
	unsigned target;
};

struct views {
	const struct settings *set; /* borrowed */
	struct known *known;        /* owned */
	uint32_t *ids;              /* owned: by target */
	unsigned *changed;          /* owned: each at most once */
	bool *listed;               /* owned: by target */
	unsigned changed_count;
	struct instant refresh;
	struct opinion_heard heard[MESSAGE_OBSERVATIONS_MAX];
};

static int known_compare(const void *left, const void *right)
{
	const struct known *a = left, *b = right;

	return (a->id > b->id) - (a->id < b->id);
}

static void free_tables(struct views *views)
{
	free(views->known);
	free(views->ids);
	free(views->changed);
	free(views->listed);
}

static int make_tables(struct views *views, const struct settings *set)
{
	char name[2 * SETTINGS_NAME_MAX + 2];
	size_t n = set->target_count + 1u;
	unsigned i;

	views->set = set;
	views->known = calloc(n, sizeof(*views->known));
	views->ids = calloc(n, sizeof(*views->ids));
	views->changed = calloc(n, sizeof(*views->changed));
	views->listed = calloc(n, sizeof(*views->listed));
	if (views->known == NULL || views->ids == NULL ||
	    views->changed == NULL || views->listed == NULL)
		return -ENOMEM;
	for (i = 0; i < set->target_count; i++) {
		const struct target_settings *t = &set->targets[i];

		snprintf(name, sizeof(name), "%s/%s",
			 set->services[t->service].name, t->name);
		views->ids[i] = message_id(name);
		views->known[i] = (struct known){ views->ids[i], i };
	}
	qsort(views->known, set->target_count, sizeof(*views->known),
	      known_compare);
	return 0;
}

struct views *views_new(const struct settings *set)
{
	struct views *views = calloc(1, sizeof(*views));

	if (views == NULL)
		return NULL;
	views->refresh = INSTANT_NONE;
	if (make_tables(views, set) == 0)
		return views;
	views_free(views);
	return NULL;
}

void views_free(struct views *views)
{
	if (views == NULL)
		return;
	free_tables(views);
	free(views);
}

int views_reload(struct views *views, const struct settings *set)
{
	struct views next = { .refresh = INSTANT_NONE };

	if (make_tables(&next, set) < 0) {
		free_tables(&next);
		return -ENOMEM;
	}
	free_tables(views);
	*views = next;
	return 0;
}

void views_changed(struct views *views, unsigned target)
{
	if (target == NOTE_NONE)
		views->refresh = INSTANT_NONE;
	if (target == NOTE_NONE || views->listed[target])
		return;
	views->listed[target] = true;
	views->changed[views->changed_count++] = target;
}

/* A verdict of DOWN stands: none is reached in doubt. */
static uint8_t state_told(const struct ctl *ctl, unsigned target, bool doubted)
{
	const struct health *h = ctl_target(ctl, target).health;
	unsigned state = h->state;

	if (ctl_instance_rejoins(ctl, target))
		state |= OBSERVATION_REJOINS;
	if (h->state == HEALTH_DOWN && ctl_instance_held_back(ctl, target))
		state |= OBSERVATION_HELD_BACK;
	if (h->state == HEALTH_DOWN)
		return (uint8_t)state;
	if (h->bad > 0)
		state |= OBSERVATION_FAILING;
	if (doubted)
		state |= OBSERVATION_DOUBTED;
	return (uint8_t)state;
}

static struct observation look(const struct views *views, const struct ctl *ctl,
			       unsigned target, bool doubted,
			       struct instant now)
{
	const struct health *h = ctl_target(ctl, target).health;
	int64_t age_ms = instant_diff_us(h->since, now) / MS;

	return (struct observation){
		.target = views->ids[target],
		.state = state_told(ctl, target, doubted),
		.result = (uint8_t)h->last.code,
		.age_ms = age_ms > UINT32_MAX ? UINT32_MAX : (uint32_t)age_ms,
	};
}

struct instant views_deadline(const struct views *views)
{
	if (views->changed_count > 0)
		return INSTANT_NONE;
	return views->refresh;
}

void views_tell(struct views *views, const struct ctl *ctl, struct instant now,
		views_send_fn send, void *arg)
{
	struct observation list[MESSAGE_OBSERVATIONS_MAX];
	bool all = instant_is_none(views->refresh) ||
		   instant_reached(now, views->refresh);
	bool doubted = ctl_doubt(ctl).level == SELF_SICK;
	unsigned i, n, count = 0;

	n = all ? views->set->target_count : views->changed_count;
	for (i = 0; i < n; i++) {
		unsigned target = all ? i : views->changed[i];

		list[count++] = look(views, ctl, target, doubted, now);
		if (count == MESSAGE_OBSERVATIONS_MAX || i + 1 == n) {
			send(arg, list, count);
			count = 0;
		}
	}
	for (i = 0; i < views->changed_count; i++)
		views->listed[views->changed[i]] = false;
	views->changed_count = 0;
	if (all)
		views->refresh = instant_add(now, REFRESH_US);
}

static enum finding finding_of(const struct observation *obs)
{
	unsigned state = obs->state & OBSERVATION_STATE;

	if (state == HEALTH_DOWN)
		return FINDING_DOWN;
	if ((obs->state & OBSERVATION_FAILING) != 0)
		return FINDING_FAILING;
	if ((obs->state & OBSERVATION_DOUBTED) != 0 || state >= HEALTH_STATES ||
	    !health_serving((enum health_state)state))
		return FINDING_NONE;
	return FINDING_WELL;
}

struct observed views_hear(struct views *views, unsigned node,
			   const struct message *msg)
{
	unsigned i, count = 0;

	for (i = 0; i < msg->observation.count; i++) {
		struct observation obs = observation_get(msg, i);
		unsigned state = obs.state & OBSERVATION_STATE;
		const struct known key = { .id = obs.target };
		const struct known *found =
			bsearch(&key, views->known, views->set->target_count,
				sizeof(key), known_compare);

		if (found != NULL)
			views->heard[count++] = (struct opinion_heard){
				.target = found->target,
				.down = state == HEALTH_DOWN,
				.held_back = state == HEALTH_DOWN &&
					     (obs.state &
					      OBSERVATION_HELD_BACK) != 0,
				.whole = state != HEALTH_DOWN &&
					 state != HEALTH_RECOVERING,
				.rejoins =
					(obs.state & OBSERVATION_REJOINS) != 0,
				.finding = finding_of(&obs),
			};
	}
	return (struct observed){ node, views->heard, count };
}
