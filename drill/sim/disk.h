/* The disk of the simulated node: what a daemon stored and the next one finds,
 * by name, and the store in front of it.
 *
 * Orders wait in a queue that dies with the daemon; a commit takes them all.
 * A disk that is full answers with an error and a hung one not at all (the
 * store says so after a second); both write what is queued when they are well
 * again, as the real store does.
 */
#ifndef BASCULE_DRILL_SIM_DISK_H
#define BASCULE_DRILL_SIM_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/core/event.h"
#include "controller/core/settings.h"

#define DISK_PATIENCE_US (1 * SECOND)

enum disk_health { DISK_WELL, DISK_FULL, DISK_HUNG };

struct disk_name {
	char haproxy[SETTINGS_NAME_MAX + 1];
	char service[SETTINGS_NAME_MAX + 1];
	char target[SETTINGS_NAME_MAX + 1];
};

struct disk_claim {
	struct disk_name name;
	bool weight_only, added;
};

struct disk_incident {
	struct disk_name name;
	struct incident incident; /* its indices mean nothing */
};

struct disk_maintenance {
	struct disk_name name; /* empty: the node */
	struct maintenance maintenance;
};

struct disk_fall {
	struct disk_name name;
	struct fall fall;
};

struct disk_order {
	uint64_t id;
	struct instant since;
	bool answered;
	struct disk_name name;
	struct store_order order;
};

struct disk {
	enum disk_health health;
	int64_t takes_us; /* a commit */
	bool writing;     /* a commit is under way */
	size_t in_commit; /* how many of the queue are in it */
	struct disk_claim *claims;
	struct disk_incident *incidents;
	struct disk_maintenance *maintenances;
	struct disk_fall *falls;
	struct disk_order *queue;
	size_t claim_count, incident_count, maintenance_count, queue_count;
	size_t fall_count, fall_room;
	size_t claim_room, incident_room, maintenance_room, queue_room;
	uint32_t last_incident;
	const char *wrong; /* a rule that was broken; or NULL */
};

void disk_init(struct disk *disk);
void disk_done(struct disk *disk);

/* Queue an order of a daemon that runs under @set. */
void disk_order(struct disk *disk, uint64_t id, const struct store_order *order,
		const struct settings *set, struct instant now);

/* The daemon is gone: what was not committed is lost. */
void disk_lose_queue(struct disk *disk);

/* Write what is in the commit. */
void disk_commit(struct disk *disk);

/* What is stored, in terms of @set; with @queued as if all that is queued had
 * been written.  An open incident of a service that is gone is closed.
 * disk_forget() frees it. */
struct stored disk_stored(struct disk *disk, const struct settings *set,
			  bool queued);
void disk_forget(struct stored *stored);

bool disk_has_claim(const struct disk *disk, const struct settings *set,
		    unsigned haproxy, unsigned target, bool *ret_weight_only);
unsigned disk_open_incidents(const struct disk *disk);

#endif
