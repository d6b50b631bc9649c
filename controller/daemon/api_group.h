/* Groups of databases in our documents. */
#ifndef BASCULE_DAEMON_API_GROUP_H
#define BASCULE_DAEMON_API_GROUP_H

#include <jansson.h>

#include "controller/daemon/view.h"

/* What was decided of the group @service; null when it is none. */
json_t *api_group(const struct daemon_view *view, unsigned service);

/* What a database says of itself; null when @target is none, or when nothing
 * fresh is known. */
json_t *api_database(const struct daemon_view *view, unsigned target);

/* Why it may not succeed the primary now; null when it may, or is it. */
json_t *api_unfit(const struct daemon_view *view, unsigned target);

/* The door that this node keeps for @target, or null. */
json_t *api_door(const struct daemon_view *view, unsigned target);

/* The switchover that would be done now, to @to or to the best one (then
 * NOTE_NONE). */
json_t *api_plan(const struct daemon_view *view, unsigned service, unsigned to);

/* What an event of a group has beside what all have: from and to are names of
 * instances. */
void api_group_event(json_t *doc, const struct note *note,
		     const struct settings *set);

/* Whether this node decides for groups. */
bool api_decides(const struct daemon_view *view);

const char *api_phase_name(enum phase phase);

#endif
