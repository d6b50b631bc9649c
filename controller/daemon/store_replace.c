#include "controller/daemon/store_db.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int salvage_table(struct db *from, struct db *to, const char *table)
{
	sqlite3_stmt *in = NULL, *out = NULL;
	char sql[2048];
	int columns, i, n = 0;

	snprintf(sql, sizeof(sql), "SELECT * FROM %s", table);
	if (sqlite3_prepare_v2(from->sql, sql, -1, &in, NULL) != SQLITE_OK)
		return 0;
	columns = sqlite3_column_count(in);
	/* By name: the file may be of an earlier schema. */
	n = snprintf(sql, sizeof(sql), "INSERT OR REPLACE INTO %s (", table);
	for (i = 0; i < columns; i++)
		n += snprintf(sql + n, sizeof(sql) - (size_t)n, "%s%s",
			      i > 0 ? "," : "", sqlite3_column_name(in, i));
	n += snprintf(sql + n, sizeof(sql) - (size_t)n, ") VALUES (?");
	for (i = 1; i < columns; i++)
		n += snprintf(sql + n, sizeof(sql) - (size_t)n, ",?");
	snprintf(sql + n, sizeof(sql) - (size_t)n, ")");
	n = 0;
	if (sqlite3_prepare_v2(to->sql, sql, -1, &out, NULL) == SQLITE_OK) {
		while (sqlite3_step(in) == SQLITE_ROW) {
			for (i = 0; i < columns; i++)
				sqlite3_bind_value(out, i + 1,
						   sqlite3_column_value(in, i));
			n += sqlite3_step(out) == SQLITE_DONE;
			sqlite3_reset(out);
		}
	}
	sqlite3_finalize(in);
	sqlite3_finalize(out);
	return n;
}

int db_salvage(struct db *db, const char *aside)
{
	/* What matters most first: each is copied up to its first bad page. */
	static const char *const tables[] = { "meta",        "claims",
					      "maintenance", "falls",
					      "incidents",   "events" };
	struct db from = { 0 };
	size_t i;
	int n = 0;

	if (sqlite3_open_v2(aside, &from.sql, SQLITE_OPEN_READWRITE, NULL) ==
	    SQLITE_OK) {
		sqlite3_exec(db->sql, "BEGIN", NULL, NULL, NULL);
		for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
			n += salvage_table(&from, db, tables[i]);
		if (sqlite3_exec(db->sql, "COMMIT", NULL, NULL, NULL) !=
		    SQLITE_OK) {
			db_rollback(db);
			n = 0;
		}
	}
	sqlite3_close(from.sql);
	return n;
}

int db_set_aside(const char *path, int64_t wall_us, char *ret_aside,
		 size_t size, struct err *err)
{
	char from[PATH_MAX], to[PATH_MAX], date[32];
	time_t t = (time_t)(wall_us / SECOND);
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(date, sizeof(date), "%Y%m%dT%H%M%SZ", &tm);
	snprintf(to, sizeof(to), "%s.damaged-%s", path, date);
	if (rename(path, to) < 0)
		return err_set(err, -errno, "cannot move it aside: %s",
			       strerror(errno));
	snprintf(ret_aside, size, "%s", to);
	snprintf(from, sizeof(from), "%s-wal", path);
	snprintf(to, sizeof(to), "%.*s-wal", PATH_MAX - 8, ret_aside);
	rename(from, to);
	snprintf(from, sizeof(from), "%s-shm", path);
	unlink(from);
	return 0;
}
