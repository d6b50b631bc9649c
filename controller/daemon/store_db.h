/* What the store's SQL files share and nobody else sees. */
#ifndef BASCULE_DAEMON_STORE_DB_H
#define BASCULE_DAEMON_STORE_DB_H

#include <sqlite3.h>

#include "controller/daemon/store_sql.h"

enum db_statement {
	PUT_CLAIM,
	DROP_CLAIM,
	PUT_INCIDENT,
	PUT_LAST_INCIDENT,
	PUT_MAINTENANCE,
	DROP_MAINTENANCE,
	PUT_FALL,
	PUT_EVENT,
	DB_STATEMENTS
};

struct db {
	sqlite3 *sql;                          /* owned */
	sqlite3_stmt *prepared[DB_STATEMENTS]; /* owned, made at first use */
};

/* Fill @err with what SQLite says, and the system behind it. */
int db_fail(struct db *db, struct err *err);

/* One number out of a query that gives one; @dflt when it gives none. */
int db_number(struct db *db, const char *sql, int64_t dflt, int64_t *ret_value,
	      struct err *err);

#endif
