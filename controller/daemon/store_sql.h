/* The store's file: SQLite, its tables, and rows by name.
 *
 * Blocks on the disk, so it is called from the store thread alone.  Rows hold
 * names, never indices: a name outlives a reload, an index does not.  Every
 * function returns 0 or a negative errno and fills @err; -EUCLEAN says that
 * the file is damaged, -EINVAL that this row alone is at fault.
 */
#ifndef BASCULE_DAEMON_STORE_SQL_H
#define BASCULE_DAEMON_STORE_SQL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/core/err.h"
#include "controller/core/event.h"
#include "controller/core/incident.h"
#include "controller/core/settings.h"

#define DB_NAME_MAX  128
#define DB_BOOT_MAX  40
#define DB_NODES_MAX (SETTINGS_NODES_MAX * (SETTINGS_NAME_MAX + 1) + 1)

struct db;

struct row_claim {
	char haproxy[DB_NAME_MAX], backend[DB_NAME_MAX], target[DB_NAME_MAX];
	char service[DB_NAME_MAX];
	bool weight_only; /* its weight alone is ours */
	bool added;       /* the server itself is ours */
};

/* Both in one column. */
#define DB_CLAIM_WEIGHT 1
#define DB_CLAIM_ADDED  2

/* Instants are those of the boot @boot names; indices in @inc mean nothing. */
struct row_incident {
	char service[DB_NAME_MAX], target[DB_NAME_MAX];
	char boot[DB_BOOT_MAX];
	char nodes[DB_NODES_MAX]; /* names parted by commas */
	struct incident inc;
};

/* Both names empty: the node. */
struct row_maintenance {
	char service[DB_NAME_MAX], target[DB_NAME_MAX];
	bool on, drain;
	int64_t until_wall_us, since_wall_us;
	char reason[EVENT_TEXT_MAX];
};

/* The last withdrawal of a target, at an instant of the boot @boot. */
struct row_fall {
	char service[DB_NAME_MAX], target[DB_NAME_MAX];
	char boot[DB_BOOT_MAX];
	int64_t penalty, count;
	int64_t at_us, wall_us;
};

struct row_event {
	int64_t id, wall_us, instant_us;
	int level;
	uint32_t incident;
	const char *kind, *boot;                /* borrowed, as are all below */
	const char *service, *target, *haproxy; /* NULL: none */
	const char *text, *json;
};

/* All that a new daemon wants to know. */
struct db_contents {
	struct row_claim *claims; /* owned, as are all below */
	size_t claim_count;
	struct row_maintenance *maintenances;
	size_t maintenance_count;
	struct row_fall *falls;
	size_t fall_count;
	struct row_incident *incidents; /* newest first, open ones included */
	size_t incident_count;
	uint32_t last_incident;
	int64_t last_event;    /* id */
	int64_t began_wall_us; /* when this record was begun */
};

/* Open or create the file at @path.  A file of a newer schema is refused. */
int db_open(struct db **ret_db, const char *path, int64_t wall_us,
	    struct err *err);

/* Open for reading alone: what a read-only disk still tells. */
int db_open_readonly(struct db **ret_db, const char *path, struct err *err);
void db_close(struct db *db);

/* Move a damaged file at @path aside, to PATH.damaged-DATE: @ret_aside. */
int db_set_aside(const char *path, int64_t wall_us, char *ret_aside,
		 size_t size, struct err *err);

/* Copy what can still be read of the file at @aside; returns how many rows. */
int db_salvage(struct db *db, const char *aside);

int db_begin(struct db *db, struct err *err);
int db_commit(struct db *db, struct err *err);
void db_rollback(struct db *db);

int db_put_claim(struct db *db, const struct row_claim *row, struct err *err);
int db_drop_claim(struct db *db, const struct row_claim *row, struct err *err);
int db_put_incident(struct db *db, const struct row_incident *row,
		    struct err *err);
int db_put_maintenance(struct db *db, const struct row_maintenance *row,
		       struct err *err);
int db_put_fall(struct db *db, const struct row_fall *row, struct err *err);
int db_put_event(struct db *db, const struct row_event *row, struct err *err);

/* Read everything; at most @incidents_max incidents that are open or were
 * closed since @since_wall_us. */
int db_load(struct db *db, int64_t since_wall_us, size_t incidents_max,
	    struct db_contents *ret_contents, struct err *err);
void db_contents_done(struct db_contents *contents);

/* The JSON of events, parted by ",\n", oldest first: those after @after, or
 * the newest since @since_wall_us when @after is negative.  @ret_json is the
 * caller's to free. */
int db_events(struct db *db, int64_t since_wall_us, int64_t after, size_t limit,
	      char **ret_json, int64_t *ret_last, bool *ret_more,
	      struct err *err);

/* Incidents detected or closed since @since_wall_us, newest first, without
 * those that were merged into another; of one service unless @service is "".
 * @ret_rows is the caller's to free. */
int db_incidents(struct db *db, int64_t since_wall_us, const char *service,
		 size_t limit, struct row_incident **ret_rows,
		 size_t *ret_count, bool *ret_more, struct err *err);

/* Delete at most @limit closed incidents and @limit events that are older than
 * @before_wall_us, or of the oldest beyond @events_max; returns how many went,
 * or a negative errno. */
int db_prune(struct db *db, int64_t before_wall_us, int64_t events_max,
	     unsigned limit, struct err *err);

#endif
