#include "controller/daemon/doors.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "controller/io/door.h"
#include "controller/io/loop.h"

#define TROUBLE_MAX 160
/* What is shut is said again: somebody may have opened it. */
#define AGAIN_US (1 * SECOND)

struct hosted {
	unsigned target;
	uint16_t port;
	struct instant until; /* as told last; NONE: shut, or nothing */
	struct instant told;  /* when; NONE: never */
	enum permit permit;
};

struct doors {
	struct log *log;            /* borrowed */
	const struct settings *set; /* borrowed: those in force */
	struct door *door;          /* owned; NULL: none is wanted */
	struct hosted list[DOOR_PLACES_MAX];
	unsigned count;
	bool guarded, lifted;
	char trouble[TROUBLE_MAX]; /* as said last */
};

static bool is_hosted(const struct settings *set, unsigned i)
{
	const struct target_settings *target = &set->targets[i];
	const struct service_settings *svc = &set->services[target->service];

	return svc->failover != NULL && svc->failover->door &&
	       svc->readers_of == 0 &&
	       settings_text_same(target->node, set->node);
}

static unsigned find(const struct settings *set, struct hosted *list)
{
	unsigned i, count = 0;

	for (i = 0; i < set->target_count; i++) {
		if (!is_hosted(set, i))
			continue;
		if (count < DOOR_PLACES_MAX)
			list[count] = (struct hosted){
				.target = i,
				.port = set->targets[i].port,
				.until = INSTANT_NONE,
				.told = INSTANT_NONE,
			};
		count++;
	}
	return count;
}

static void remove_left(struct log *log, const char *node)
{
	struct err err;
	int r = door_remove(node, &err);

	if (r > 0)
		log_line(log, NOTE_NOTICE,
			 "the door of databases here is taken away: the "
			 "configuration has none");
	else if (r < 0 && r != -EPERM)
		log_line(log, NOTE_WARNING, "a door that may be left: %s",
			 err.text);
}

static int prepare(struct doors *doors, const struct settings *set, bool guards,
		   struct err *err)
{
	struct hosted list[DOOR_PLACES_MAX];
	unsigned i, count = find(set, list);
	uint16_t ports[DOOR_PLACES_MAX];

	if (count > DOOR_PLACES_MAX)
		return err_set(err, -E2BIG,
			       "door: this node hosts %u instances: %d are the "
			       "limit",
			       count, DOOR_PLACES_MAX);
	if (count == 0 || doors->door != NULL)
		return 0;
	if (geteuid() == 0)
		log_line(doors->log, NOTE_WARNING,
			 "door: what root runs on this machine passes it, "
			 "since basculed runs as root: give it a user of its "
			 "own");
	for (i = 0; i < count; i++)
		ports[i] = list[i].port;
	return door_new(&doors->door, set->node, ports, guards ? count : 0,
			err);
}

int doors_prepare(struct doors *doors, const struct settings *set,
		  struct err *err)
{
	return prepare(doors, set, false, err);
}

static bool has_port(const struct hosted *list, unsigned count, uint16_t port)
{
	unsigned i;

	for (i = 0; i < count; i++)
		if (list[i].port == port)
			return true;
	return false;
}

/* What was not guarded until now is open until @until; NONE: shut. */
static void take(struct doors *doors, const struct settings *set,
		 struct instant until)
{
	struct hosted was[DOOR_PLACES_MAX];
	unsigned i, count = doors->count;

	memcpy(was, doors->list, sizeof(was));
	doors->set = set;
	doors->count = find(set, doors->list);
	doors->guarded = false;
	for (i = 0; i < doors->count; i++)
		if (!has_port(was, count, doors->list[i].port))
			doors->list[i].until = until;
}

void doors_apply(struct doors *doors, const struct settings *set)
{
	take(doors, set,
	     instant_add(loop_clock(), set->cluster->routing_lease_us));
	if (doors->count > 0)
		return;
	if (doors->door != NULL)
		door_free(doors->door);
	doors->door = NULL;
	remove_left(doors->log, set->node);
}

int doors_new(struct doors **ret_doors, struct log *log,
	      const struct settings *set, const struct cluster *cluster,
	      struct err *err)
{
	struct doors *doors = calloc(1, sizeof(*doors));
	int r;

	if (doors == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	doors->log = log;
	r = prepare(doors, set, !cluster_keeps(cluster), err);
	if (r < 0) {
		doors_free(doors, false);
		return r;
	}
	take(doors, set, INSTANT_NONE);
	if (doors->count == 0)
		remove_left(log, set->node);
	*ret_doors = doors;
	return 0;
}

static void guard(struct doors *doors)
{
	struct door_place places[DOOR_PLACES_MAX];
	unsigned i;

	for (i = 0; i < doors->count; i++) {
		const struct hosted *it = &doors->list[i];

		places[i] = (struct door_place){
			.port = it->port,
			.keep = instant_is_none(it->told) &&
				instant_is_none(it->until),
			.until = it->until,
		};
	}
	door_guard(doors->door, places, doors->count);
	doors->guarded = true;
	doors->lifted = false;
}

static void lift(struct doors *doors)
{
	unsigned i;

	if (doors->lifted)
		return;
	door_guard(doors->door, NULL, 0);
	for (i = 0; i < doors->count; i++)
		doors->list[i].until = doors->list[i].told = INSTANT_NONE;
	doors->lifted = true;
	doors->guarded = false;
	log_line(doors->log, NOTE_NOTICE,
		 "the doors of databases here stay open: the cluster is in "
		 "maintenance");
}

static void say_shut(struct doors *doors, const struct hosted *it)
{
	log_line(doors->log, NOTE_WARNING,
		 "the door of %s is shut: it is not the primary, and may take "
		 "writes",
		 doors->set->targets[it->target].name);
}

/* A step that is worth telling the kernel. */
static bool is_due(const struct doors *doors, const struct hosted *it,
		   enum permit permit, struct instant until, struct instant now)
{
	if (instant_is_none(it->told) || permit != it->permit)
		return true;
	if (permit == PERMIT_SHUT)
		return instant_diff_us(it->told, now) >= AGAIN_US;
	return instant_diff_us(it->until, until) >=
	       doors->set->cluster->lease_us / 5;
}

static void look_at(struct doors *doors, struct hosted *it,
		    const struct ctl *ctl, const struct cluster *cluster)
{
	struct instant lease = cluster_permit(cluster), now = loop_clock();
	enum permit permit = ctl_permit(ctl, it->target,
					cluster_document(cluster), lease, now);
	struct instant until = permit == PERMIT_OPEN ? lease : INSTANT_NONE;

	if (permit == PERMIT_KEEP || !is_due(doors, it, permit, until, now))
		return;
	if (permit == PERMIT_SHUT && permit != it->permit)
		say_shut(doors, it);
	it->permit = permit;
	it->until = until;
	it->told = now;
	door_set(doors->door, it->port, until);
}

static void say_trouble(struct doors *doors)
{
	char trouble[TROUBLE_MAX];

	door_trouble(doors->door, trouble, sizeof(trouble));
	if (strcmp(trouble, doors->trouble) == 0)
		return;
	memcpy(doors->trouble, trouble, sizeof(trouble));
	if (trouble[0] != '\0')
		log_line(doors->log, NOTE_ERR, "the door of databases here: %s",
			 trouble);
	else
		log_line(doors->log, NOTE_NOTICE,
			 "the door of databases here is kept again");
}

void doors_look(struct doors *doors, const struct ctl *ctl,
		const struct cluster *cluster)
{
	unsigned i;

	if (doors == NULL || doors->door == NULL)
		return;
	if (cluster_keeps(cluster)) {
		lift(doors);
		return;
	}
	/* As for routes that stayed: no lease could be over yet. */
	for (i = 0; doors->lifted && i < doors->count; i++)
		doors->list[i].until = instant_add(
			loop_clock(), doors->set->cluster->routing_lease_us);
	for (i = 0; i < doors->count; i++)
		look_at(doors, &doors->list[i], ctl, cluster);
	if (!doors->guarded)
		guard(doors);
	else
		say_trouble(doors);
}

bool doors_may_end(const struct doors *doors, const struct cluster *cluster)
{
	struct instant lease;

	if (doors == NULL || doors->door == NULL || doors->lifted)
		return true;
	lease = cluster_permit(cluster);
	return !instant_is_none(lease) &&
	       instant_diff_us(loop_clock(), lease) >
		       doors->set->cluster->routing_lease_us / 2;
}

void doors_facts(struct doors *doors, struct cluster_facts *ret_facts)
{
	unsigned i;

	ret_facts->door_count = 0;
	if (doors == NULL || doors->door == NULL)
		return;
	for (i = 0; i < doors->count && i < DOOR_FACTS_MAX; i++)
		ret_facts->doors[ret_facts->door_count++] = (struct door_fact){
			.target = doors->list[i].target,
			.guarded = !doors->lifted,
			.open_until = door_open_until(doors->door,
						      doors->list[i].port),
		};
}

int doors_shut(const struct settings *set, struct err *err)
{
	struct hosted list[DOOR_PLACES_MAX];
	int r;

	if (set->cluster == NULL || find(set, list) == 0)
		return 0;
	r = door_shut_all(set->node, err);
	if (r < 0)
		err_wrap(err, "door");
	return r < 0 ? r : 0;
}

void doors_free(struct doors *doors, bool remove)
{
	struct err err;

	if (doors == NULL)
		return;
	if (doors->door != NULL) {
		door_free(doors->door);
		if (remove && door_remove(doors->set->node, &err) < 0)
			log_line(doors->log, NOTE_ERR, "%s", err.text);
	}
	free(doors);
}
