#include "controller/daemon/store_db.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DB_SCHEMA      2
#define DB_BUSY_MS     500
#define DB_CHECK_PAGES 8192 /* 32 MiB, 50 ms */

static const char schema[] =
	"CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
	"CREATE TABLE events (id INTEGER PRIMARY KEY, wall_us INTEGER,"
	" instant_us INTEGER, boot_id TEXT, kind TEXT, level INTEGER,"
	" service TEXT, target TEXT, haproxy TEXT, incident INTEGER,"
	" text TEXT, json TEXT);"
	"CREATE INDEX events_wall ON events (wall_us);"
	"CREATE TABLE incidents (number INTEGER PRIMARY KEY, service TEXT,"
	" target TEXT, boot_id TEXT, severity INTEGER, cause_code TEXT,"
	" cause_status INTEGER, cause_latency_us INTEGER,"
	" cause_cert_days INTEGER, cause_text TEXT, targets_down_max INTEGER,"
	" total INTEGER, held INTEGER, maintenance INTEGER,"
	" onset_min_us INTEGER, onset_max_us INTEGER, detected_us INTEGER,"
	" acted_us INTEGER, recovered_us INTEGER, onset_min_wall_us INTEGER,"
	" onset_max_wall_us INTEGER, detected_wall_us INTEGER,"
	" acted_wall_us INTEGER, recovered_wall_us INTEGER,"
	" outage_us INTEGER, outage_since_us INTEGER,"
	" term INTEGER, revision INTEGER, merged_into INTEGER, nodes TEXT);"
	"CREATE INDEX incidents_recovered ON incidents (recovered_wall_us);"
	"CREATE TABLE claims (haproxy TEXT, backend TEXT, target TEXT,"
	" service TEXT, kind INTEGER,"
	" PRIMARY KEY (haproxy, backend, target)) WITHOUT ROWID;"
	"CREATE TABLE maintenance (service TEXT, target TEXT, drain INTEGER,"
	" until_wall_us INTEGER, reason TEXT, since_wall_us INTEGER,"
	" PRIMARY KEY (service, target)) WITHOUT ROWID;";

/* What a file of the second schema may lack, and who wrote it leaves alone. */
static const char falls_table[] =
	"CREATE TABLE IF NOT EXISTS falls (service TEXT, target TEXT,"
	" boot_id TEXT, penalty INTEGER, count INTEGER, at_us INTEGER,"
	" wall_us INTEGER, PRIMARY KEY (service, target)) WITHOUT ROWID;";

/* What a file of the first schema lacks. */
static const char second_schema[] =
	"ALTER TABLE incidents ADD COLUMN term INTEGER;"
	"ALTER TABLE incidents ADD COLUMN revision INTEGER;"
	"ALTER TABLE incidents ADD COLUMN merged_into INTEGER;"
	"ALTER TABLE incidents ADD COLUMN nodes TEXT;"
	"PRAGMA user_version = 2;";

static const char *const statement_text[DB_STATEMENTS] = {
	[PUT_CLAIM] = "INSERT OR REPLACE INTO claims VALUES (?,?,?,?,?)",
	[DROP_CLAIM] = "DELETE FROM claims WHERE haproxy = ? AND backend = ?"
		       " AND target = ?",
	/* A name that is not known any more stays what it was. */
	[PUT_INCIDENT] =
		"INSERT OR REPLACE INTO incidents VALUES (?1,"
		"coalesce(nullif(?2,''), (SELECT service FROM incidents"
		" WHERE number = ?1), ''),"
		"coalesce(nullif(?3,''), (SELECT target FROM incidents"
		" WHERE number = ?1), ''),"
		"?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,"
		"?21,?22,?23,?24,?25,?26,"
		"?27,?28,?29,?30)",
	[PUT_LAST_INCIDENT] =
		"INSERT INTO meta VALUES ('last_incident', ?1)"
		" ON CONFLICT (key) DO UPDATE SET value = max(value, ?1)",
	[PUT_MAINTENANCE] =
		"INSERT OR REPLACE INTO maintenance VALUES (?,?,?,?,?,?)",
	[DROP_MAINTENANCE] =
		"DELETE FROM maintenance WHERE service = ? AND target = ?",
	[PUT_FALL] = "INSERT OR REPLACE INTO falls VALUES (?,?,?,?,?,?,?)",
	[PUT_EVENT] = "INSERT OR IGNORE INTO events VALUES"
		      " (?,?,?,?,?,?,?,?,?,?,?,?)",
};

int db_fail(struct db *db, struct err *err)
{
	int code = sqlite3_errcode(db->sql);
	int system = sqlite3_system_errno(db->sql);

	switch (code & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return err_set(err, -EUCLEAN, "the file is damaged (%s)",
			       sqlite3_errmsg(db->sql));
	case SQLITE_FULL:
		return err_set(err, -ENOSPC, "the disk is full");
	case SQLITE_READONLY:
		return err_set(err, -EROFS, "the disk is read-only");
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
		return err_set(err, -EIO, "%s%s%s", sqlite3_errmsg(db->sql),
			       system != 0 ? ": " : "",
			       system != 0 ? strerror(system) : "");
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return err_set(err, -EBUSY, "another process holds the file");
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
	case SQLITE_TOOBIG:
	case SQLITE_RANGE:
		return err_set(err, -EINVAL, "%s", sqlite3_errmsg(db->sql));
	default:
		return err_set(err, -EIO, "%s", sqlite3_errmsg(db->sql));
	}
}

static int db_exec(struct db *db, const char *sql, struct err *err)
{
	if (sqlite3_exec(db->sql, sql, NULL, NULL, NULL) != SQLITE_OK)
		return db_fail(db, err);
	return 0;
}

int db_number(struct db *db, const char *sql, int64_t dflt, int64_t *ret_value,
	      struct err *err)
{
	sqlite3_stmt *stmt = NULL;
	int r;

	if (sqlite3_prepare_v2(db->sql, sql, -1, &stmt, NULL) != SQLITE_OK)
		return db_fail(db, err);
	r = sqlite3_step(stmt);
	if (r == SQLITE_ROW && sqlite3_column_type(stmt, 0) != SQLITE_NULL)
		*ret_value = sqlite3_column_int64(stmt, 0);
	else if (r == SQLITE_ROW || r == SQLITE_DONE)
		*ret_value = dflt;
	else
		r = SQLITE_ERROR;
	r = r == SQLITE_ERROR ? db_fail(db, err) : 0;
	sqlite3_finalize(stmt);
	return r;
}

/* ---- opening ---- */

static int db_create(struct db *db, int64_t wall_us, struct err *err)
{
	char began[120];
	int r;

	snprintf(began, sizeof(began),
		 "INSERT INTO meta VALUES ('began_wall_us', %lld);"
		 "PRAGMA user_version = %d;",
		 (long long)wall_us, DB_SCHEMA);
	r = db_exec(db, "BEGIN IMMEDIATE", err);
	if (r == 0)
		r = db_exec(db, schema, err);
	if (r == 0)
		r = db_exec(db, began, err);
	if (r == 0)
		r = db_exec(db, "COMMIT", err);
	if (r < 0)
		db_rollback(db);
	return r;
}

static int db_upgrade(struct db *db, struct err *err)
{
	int r = db_exec(db, "BEGIN IMMEDIATE", err);

	if (r == 0)
		r = db_exec(db, second_schema, err);
	if (r == 0)
		r = db_exec(db, "COMMIT", err);
	if (r < 0)
		db_rollback(db);
	return r;
}

/* A file that SQLite can open may still be damaged further inside.  A large
 * one would take seconds to read through, and a daemon that starts must know
 * soon what it withdrew: there, damage shows when it is met. */
static int db_check(struct db *db, struct err *err)
{
	sqlite3_stmt *stmt = NULL;
	const unsigned char *text;
	int64_t pages = 0;
	int r = db_number(db, "PRAGMA page_count", 0, &pages, err);

	if (r < 0 || pages > DB_CHECK_PAGES)
		return r;
	if (sqlite3_prepare_v2(db->sql, "PRAGMA quick_check(1)", -1, &stmt,
			       NULL) != SQLITE_OK)
		return db_fail(db, err);
	if (sqlite3_step(stmt) != SQLITE_ROW) {
		r = db_fail(db, err);
	} else {
		text = sqlite3_column_text(stmt, 0);
		if (text == NULL || strcmp((const char *)text, "ok") != 0)
			r = err_set(err, -EUCLEAN, "the file is damaged (%s)",
				    text != NULL ? (const char *)text : "?");
	}
	sqlite3_finalize(stmt);
	return r;
}

/* Check, and create what a new file lacks. */
static int db_prepare(struct db *db, int64_t wall_us, struct err *err)
{
	int64_t version;
	int r;

	sqlite3_busy_timeout(db->sql, DB_BUSY_MS);
	r = db_exec(db,
		    "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
		    "PRAGMA journal_size_limit = 16777216;",
		    err);
	if (r == 0)
		r = db_check(db, err);
	if (r == 0)
		r = db_number(db, "PRAGMA user_version", 0, &version, err);
	if (r < 0)
		return r;
	if (version > DB_SCHEMA)
		return err_set(err, -ENOTSUP,
			       "it was written by a newer version of bascule"
			       " (schema %lld, this one knows %d)",
			       (long long)version, DB_SCHEMA);
	if (version == 0)
		r = db_create(db, wall_us, err);
	else if (version == 1)
		r = db_upgrade(db, err);
	return r < 0 ? r : db_exec(db, falls_table, err);
}

static struct db *db_new(void)
{
	return calloc(1, sizeof(struct db));
}

int db_open(struct db **ret_db, const char *path, int64_t wall_us,
	    struct err *err)
{
	struct db *db = db_new();
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
		    SQLITE_OPEN_NOMUTEX;
	int r = 0;

	if (db == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	if (sqlite3_open_v2(path, &db->sql, flags, NULL) != SQLITE_OK)
		r = db_fail(db, err);
	else if (sqlite3_db_readonly(db->sql, "main") == 1)
		r = err_set(err, -EROFS, "the file is read-only");
	else
		r = db_prepare(db, wall_us, err);
	if (r < 0) {
		db_close(db);
		return r;
	}
	*ret_db = db;
	return 0;
}

/* Without a writable folder SQLite cannot share the log beside the file, so
 * the second try takes the file as it stands. */
int db_open_readonly(struct db **ret_db, const char *path, struct err *err)
{
	static const char *const forms[] = { "file:%s?mode=ro",
					     "file:%s?immutable=1" };
	char uri[PATH_MAX + 32];
	int64_t version = 0;
	struct db *db;
	size_t i;
	int r = 0;

	for (i = 0; i < 2; i++) {
		db = db_new();
		if (db == NULL)
			return err_set(err, -ENOMEM, "out of memory");
		snprintf(uri, sizeof(uri), i == 0 ? forms[0] : forms[1], path);
		r = 0;
		if (sqlite3_open_v2(uri, &db->sql,
				    SQLITE_OPEN_READONLY | SQLITE_OPEN_URI |
					    SQLITE_OPEN_NOMUTEX,
				    NULL) != SQLITE_OK)
			r = db_fail(db, err);
		if (r == 0)
			r = db_number(db, "PRAGMA user_version", 0, &version,
				      err);
		if (r == 0 && version >= 1 && version <= DB_SCHEMA) {
			*ret_db = db;
			return 0;
		}
		db_close(db);
	}
	return r < 0 ? r : err_set(err, -ENOENT, "nothing is stored");
}

void db_close(struct db *db)
{
	unsigned i;

	if (db == NULL)
		return;
	for (i = 0; i < DB_STATEMENTS; i++)
		sqlite3_finalize(db->prepared[i]);
	sqlite3_close(db->sql);
	free(db);
}

/* ---- writing ---- */

int db_begin(struct db *db, struct err *err)
{
	return db_exec(db, "BEGIN IMMEDIATE", err);
}

int db_commit(struct db *db, struct err *err)
{
	return db_exec(db, "COMMIT", err);
}

void db_rollback(struct db *db)
{
	if (!sqlite3_get_autocommit(db->sql))
		sqlite3_exec(db->sql, "ROLLBACK", NULL, NULL, NULL);
}

/* A statement being bound from left to right. */
struct binding {
	sqlite3_stmt *stmt;
	int next;
};

static int binding_begin(struct binding *b, struct db *db,
			 enum db_statement which, struct err *err)
{
	sqlite3_stmt **stmt = &db->prepared[which];

	if (*stmt == NULL && sqlite3_prepare_v2(db->sql, statement_text[which],
						-1, stmt, NULL) != SQLITE_OK)
		return db_fail(db, err);
	b->stmt = *stmt;
	b->next = 1;
	return 0;
}

static void bind_number(struct binding *b, int64_t value)
{
	sqlite3_bind_int64(b->stmt, b->next++, value);
}

static void bind_text(struct binding *b, const char *text)
{
	sqlite3_bind_text(b->stmt, b->next++, text, -1, SQLITE_STATIC);
}

static int binding_run(struct binding *b, struct db *db, struct err *err)
{
	int r = 0;

	if (sqlite3_step(b->stmt) != SQLITE_DONE)
		r = db_fail(db, err);
	sqlite3_reset(b->stmt);
	sqlite3_clear_bindings(b->stmt);
	return r;
}

int db_put_claim(struct db *db, const struct row_claim *row, struct err *err)
{
	struct binding b = { 0 };
	int r = binding_begin(&b, db, PUT_CLAIM, err);

	if (r < 0)
		return r;
	bind_text(&b, row->haproxy);
	bind_text(&b, row->backend);
	bind_text(&b, row->target);
	bind_text(&b, row->service);
	bind_number(&b, (row->weight_only ? DB_CLAIM_WEIGHT : 0) |
				(row->added ? DB_CLAIM_ADDED : 0));
	return binding_run(&b, db, err);
}

int db_drop_claim(struct db *db, const struct row_claim *row, struct err *err)
{
	struct binding b = { 0 };
	int r = binding_begin(&b, db, DROP_CLAIM, err);

	if (r < 0)
		return r;
	bind_text(&b, row->haproxy);
	bind_text(&b, row->backend);
	bind_text(&b, row->target);
	return binding_run(&b, db, err);
}

static void bind_incident(struct binding *b, const struct row_incident *row)
{
	const struct incident *inc = &row->inc;

	bind_number(b, inc->number);
	bind_text(b, row->service);
	bind_text(b, row->target);
	bind_text(b, row->boot);
	bind_number(b, inc->severity);
	bind_text(b, result_code_name(inc->cause.code));
	bind_number(b, inc->cause.status);
	bind_number(b, inc->cause.latency_us);
	bind_number(b, inc->cause.cert_days);
	bind_text(b, inc->cause.text);
	bind_number(b, inc->targets_down_max);
	bind_number(b, inc->total);
	bind_number(b, inc->held);
	bind_number(b, inc->maintenance);
	bind_number(b, inc->onset_min.us);
	bind_number(b, inc->onset_max.us);
	bind_number(b, inc->detected.us);
	bind_number(b, inc->acted.us);
	bind_number(b, inc->recovered.us);
	bind_number(b, inc->onset_min_wall_us);
	bind_number(b, inc->onset_max_wall_us);
	bind_number(b, inc->detected_wall_us);
	bind_number(b, inc->acted_wall_us);
	bind_number(b, inc->recovered_wall_us);
	bind_number(b, inc->outage_us);
	bind_number(b, inc->outage_since.us);
	bind_number(b, (int64_t)inc->term);
	bind_number(b, inc->revision);
	bind_number(b, inc->merged_into);
	bind_text(b, row->nodes);
}

int db_put_incident(struct db *db, const struct row_incident *row,
		    struct err *err)
{
	struct binding b = { 0 };
	int r = binding_begin(&b, db, PUT_INCIDENT, err);

	if (r < 0)
		return r;
	bind_incident(&b, row);
	r = binding_run(&b, db, err);
	if (r == 0)
		r = binding_begin(&b, db, PUT_LAST_INCIDENT, err);
	if (r < 0)
		return r;
	bind_number(&b, row->inc.number);
	return binding_run(&b, db, err);
}

int db_put_maintenance(struct db *db, const struct row_maintenance *row,
		       struct err *err)
{
	struct binding b = { 0 };
	int r = binding_begin(
		&b, db, row->on ? PUT_MAINTENANCE : DROP_MAINTENANCE, err);

	if (r < 0)
		return r;
	bind_text(&b, row->service);
	bind_text(&b, row->target);
	if (row->on) {
		bind_number(&b, row->drain);
		bind_number(&b, row->until_wall_us);
		bind_text(&b, row->reason);
		bind_number(&b, row->since_wall_us);
	}
	return binding_run(&b, db, err);
}

int db_put_fall(struct db *db, const struct row_fall *row, struct err *err)
{
	struct binding b = { 0 };
	int r = binding_begin(&b, db, PUT_FALL, err);

	if (r < 0)
		return r;
	bind_text(&b, row->service);
	bind_text(&b, row->target);
	bind_text(&b, row->boot);
	bind_number(&b, row->penalty);
	bind_number(&b, row->count);
	bind_number(&b, row->at_us);
	bind_number(&b, row->wall_us);
	return binding_run(&b, db, err);
}

int db_put_event(struct db *db, const struct row_event *row, struct err *err)
{
	struct binding b = { 0 };
	int r = binding_begin(&b, db, PUT_EVENT, err);

	if (r < 0)
		return r;
	bind_number(&b, row->id);
	bind_number(&b, row->wall_us);
	bind_number(&b, row->instant_us);
	bind_text(&b, row->boot);
	bind_text(&b, row->kind);
	bind_number(&b, row->level);
	bind_text(&b, row->service);
	bind_text(&b, row->target);
	bind_text(&b, row->haproxy);
	bind_number(&b, row->incident);
	bind_text(&b, row->text);
	bind_text(&b, row->json);
	return binding_run(&b, db, err);
}
