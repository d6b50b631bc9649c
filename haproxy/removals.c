#include "haproxy/removals.h"

#include <stdlib.h>
#include <string.h>

#include "haproxy/dynamic.h"

struct leaving {
	struct removal removal;
	struct instant since; /* when it was asked for first; or NONE */
	struct instant next;
	bool told, gone;
};

struct removals {
	struct leaving *list; /* owned */
	size_t count;
	struct leaving *asked; /* in the list, or NULL */
};

struct removals *removals_new(const struct removal *list, size_t count)
{
	struct removals *rem = calloc(1, sizeof(*rem));
	size_t i;

	if (rem == NULL)
		return NULL;
	rem->list = calloc(count + 1, sizeof(*rem->list));
	if (rem->list == NULL) {
		removals_free(rem);
		return NULL;
	}
	rem->count = count;
	for (i = 0; i < count; i++)
		rem->list[i] = (struct leaving){ .removal = list[i],
						 .since = INSTANT_NONE,
						 .next = INSTANT_NONE };
	return rem;
}

void removals_free(struct removals *rem)
{
	if (rem == NULL)
		return;
	free(rem->list);
	free(rem);
}

static struct leaving *foremost(const struct removals *rem)
{
	struct leaving *first = NULL;
	size_t i;

	for (i = 0; i < rem->count; i++)
		if (!rem->list[i].gone &&
		    (first == NULL ||
		     instant_before(rem->list[i].next, first->next)))
			first = &rem->list[i];
	return first;
}

struct instant removals_due(const struct removals *rem)
{
	const struct leaving *first = foremost(rem);

	return rem->asked != NULL || first == NULL ? INSTANT_NEVER
						   : first->next;
}

const struct removal *removals_next(struct removals *rem, struct instant now,
				    bool *ret_end_sessions)
{
	struct leaving *first = foremost(rem);

	if (rem->asked != NULL || first == NULL ||
	    instant_before(now, first->next))
		return NULL;
	if (instant_is_none(first->since))
		first->since = now;
	rem->asked = first;
	*ret_end_sessions =
		instant_diff_us(first->since, now) >= first->removal.grace_us;
	return &first->removal;
}

void removals_answered(struct removals *rem, struct instant now,
		       const char *answer, removals_fn fn, void *arg)
{
	struct leaving *l = rem->asked;

	if (l == NULL)
		return;
	rem->asked = NULL;
	switch (dynamic_deleted(answer)) {
	case DYNAMIC_GONE:
		l->gone = true;
		fn(arg, &l->removal, NULL);
		return;
	case DYNAMIC_BUSY:
		l->next = instant_add(now, REMOVALS_AGAIN_US);
		return;
	case DYNAMIC_REFUSED:
		break;
	}
	l->next = instant_add(now, REMOVALS_REFUSE_US);
	if (!l->told)
		fn(arg, &l->removal, answer);
	l->told = true;
}

void removals_forget(struct removals *rem)
{
	rem->asked = NULL;
}

void removals_gone(struct removals *rem, removals_fn fn, void *arg)
{
	size_t i;

	rem->asked = NULL;
	for (i = 0; i < rem->count; i++) {
		if (rem->list[i].gone)
			continue;
		rem->list[i].gone = true;
		fn(arg, &rem->list[i].removal, NULL);
	}
}
