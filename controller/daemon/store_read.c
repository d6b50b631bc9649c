#include "controller/daemon/store_db.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A growing array of rows of one size. */
struct rows {
	void *list; /* owned */
	size_t size, count, room;
};

static void *rows_add(struct rows *rows)
{
	size_t room = rows->room != 0 ? 2 * rows->room : 16;
	char *list = rows->list;

	if (rows->count == rows->room) {
		list = realloc(list, room * rows->size);
		if (list == NULL)
			return NULL;
		rows->list = list;
		rows->room = room;
	}
	list += rows->count++ * rows->size;
	memset(list, 0, rows->size);
	return list;
}

/* A row being read from left to right. */
struct reading {
	sqlite3_stmt *stmt;
	int next;
};

static int64_t read_number(struct reading *in)
{
	return sqlite3_column_int64(in->stmt, in->next++);
}

static void read_text(struct reading *in, char *buf, size_t size)
{
	const unsigned char *text = sqlite3_column_text(in->stmt, in->next++);

	snprintf(buf, size, "%s", text != NULL ? (const char *)text : "");
}

static void read_claim(struct reading *in, void *row)
{
	struct row_claim *claim = row;
	int64_t kind;

	read_text(in, claim->haproxy, sizeof(claim->haproxy));
	read_text(in, claim->backend, sizeof(claim->backend));
	read_text(in, claim->target, sizeof(claim->target));
	read_text(in, claim->service, sizeof(claim->service));
	kind = read_number(in);
	claim->weight_only = (kind & DB_CLAIM_WEIGHT) != 0;
	claim->added = (kind & DB_CLAIM_ADDED) != 0;
}

static void read_maintenance(struct reading *in, void *row)
{
	struct row_maintenance *maint = row;

	read_text(in, maint->service, sizeof(maint->service));
	read_text(in, maint->target, sizeof(maint->target));
	maint->on = true;
	maint->drain = read_number(in) != 0;
	maint->until_wall_us = read_number(in);
	read_text(in, maint->reason, sizeof(maint->reason));
	maint->since_wall_us = read_number(in);
}

static void read_fall(struct reading *in, void *row)
{
	struct row_fall *fall = row;

	read_text(in, fall->service, sizeof(fall->service));
	read_text(in, fall->target, sizeof(fall->target));
	read_text(in, fall->boot, sizeof(fall->boot));
	fall->penalty = read_number(in);
	fall->count = read_number(in);
	fall->at_us = read_number(in);
	fall->wall_us = read_number(in);
}

static void read_cause(struct reading *in, struct result *cause)
{
	char code[32];

	read_text(in, code, sizeof(code));
	cause->code = result_code_find(code);
	if (cause->code >= RESULT_CODES)
		cause->code = RESULT_SOCKERR;
	cause->status = (int)read_number(in);
	cause->latency_us = read_number(in);
	cause->cert_days = (int32_t)read_number(in);
	read_text(in, cause->text, sizeof(cause->text));
}

/* In the order of the table's columns, as bind_incident() writes them. */
static void read_incident(struct reading *in, void *row)
{
	struct row_incident *to = row;
	struct incident *inc = &to->inc;

	inc->number = (uint32_t)read_number(in);
	read_text(in, to->service, sizeof(to->service));
	read_text(in, to->target, sizeof(to->target));
	read_text(in, to->boot, sizeof(to->boot));
	inc->severity = (enum severity)read_number(in);
	read_cause(in, &inc->cause);
	inc->targets_down_max = (unsigned)read_number(in);
	inc->total = read_number(in) != 0;
	inc->held = read_number(in) != 0;
	inc->maintenance = read_number(in) != 0;
	inc->onset_min.us = read_number(in);
	inc->onset_max.us = read_number(in);
	inc->detected.us = read_number(in);
	inc->acted.us = read_number(in);
	inc->recovered.us = read_number(in);
	inc->onset_min_wall_us = read_number(in);
	inc->onset_max_wall_us = read_number(in);
	inc->detected_wall_us = read_number(in);
	inc->acted_wall_us = read_number(in);
	inc->recovered_wall_us = read_number(in);
	inc->outage_us = read_number(in);
	inc->outage_since.us = read_number(in);
	/* A file that cannot be written may be of the first schema. */
	if (sqlite3_column_count(in->stmt) <= in->next)
		return;
	inc->term = (uint64_t)read_number(in);
	inc->revision = (uint32_t)read_number(in);
	inc->merged_into = (uint32_t)read_number(in);
	read_text(in, to->nodes, sizeof(to->nodes));
}

/* What a query may ask by: bound as ?1, ?2, ?3 where its text has them. */
struct wanted {
	int64_t number;
	int64_t limit;
	const char *name;
};

static int db_select(struct db *db, const char *sql,
		     const struct wanted *wanted,
		     void (*read)(struct reading *in, void *row),
		     struct rows *rows, struct err *err)
{
	struct reading in = { 0 };
	void *row;
	int r;

	if (sqlite3_prepare_v2(db->sql, sql, -1, &in.stmt, NULL) != SQLITE_OK)
		return db_fail(db, err);
	if (sqlite3_bind_parameter_count(in.stmt) >= 1)
		sqlite3_bind_int64(in.stmt, 1, wanted->number);
	if (sqlite3_bind_parameter_count(in.stmt) >= 2)
		sqlite3_bind_int64(in.stmt, 2, wanted->limit);
	if (sqlite3_bind_parameter_count(in.stmt) >= 3)
		sqlite3_bind_text(in.stmt, 3, wanted->name, -1, SQLITE_STATIC);
	while ((r = sqlite3_step(in.stmt)) == SQLITE_ROW) {
		row = rows_add(rows);
		if (row == NULL)
			break;
		in.next = 0;
		read(&in, row);
	}
	if (r == SQLITE_ROW)
		r = err_set(err, -ENOMEM, "out of memory");
	else
		r = r == SQLITE_DONE ? 0 : db_fail(db, err);
	sqlite3_finalize(in.stmt);
	return r;
}

static int load_numbers(struct db *db, struct db_contents *to, struct err *err)
{
	int64_t last = 0;
	int r = db_number(db,
			  "SELECT max(coalesce((SELECT value FROM meta WHERE"
			  " key = 'last_incident'), 0), coalesce((SELECT"
			  " max(number) FROM incidents), 0))",
			  0, &last, err);

	to->last_incident = (uint32_t)last;
	if (r == 0)
		r = db_number(db, "SELECT max(id) FROM events", 0,
			      &to->last_event, err);
	if (r == 0)
		r = db_number(db,
			      "SELECT value FROM meta WHERE"
			      " key = 'began_wall_us'",
			      0, &to->began_wall_us, err);
	return r;
}

/* A file that cannot be written may be of a version that had none. */
static int load_falls(struct db *db, struct rows *rows, struct err *err)
{
	const struct wanted all = { 0 };
	int64_t there = 0;
	int r = db_number(db,
			  "SELECT count(*) FROM sqlite_master WHERE"
			  " name = 'falls'",
			  0, &there, err);

	if (r < 0 || there == 0)
		return r;
	return db_select(db,
			 "SELECT service, target, boot_id, penalty, count,"
			 " at_us, wall_us FROM falls",
			 &all, read_fall, rows, err);
}

int db_load(struct db *db, int64_t since_wall_us, size_t incidents_max,
	    struct db_contents *ret_contents, struct err *err)
{
	struct rows claims = { .size = sizeof(struct row_claim) };
	struct rows maints = { .size = sizeof(struct row_maintenance) };
	struct rows incidents = { .size = sizeof(struct row_incident) };
	struct rows falls = { .size = sizeof(struct row_fall) };
	struct wanted wanted = { since_wall_us, (int64_t)incidents_max, NULL };
	struct db_contents contents = { 0 };
	int r;

	r = db_select(db, "SELECT * FROM claims", &wanted, read_claim, &claims,
		      err);
	if (r == 0)
		r = db_select(db,
			      "SELECT service, target, drain, until_wall_us,"
			      " reason, since_wall_us FROM maintenance",
			      &wanted, read_maintenance, &maints, err);
	if (r == 0)
		r = db_select(db,
			      "SELECT * FROM incidents WHERE"
			      " recovered_wall_us = 0 OR"
			      " recovered_wall_us >= ?1 ORDER BY"
			      " recovered_wall_us != 0, number DESC LIMIT ?2",
			      &wanted, read_incident, &incidents, err);
	if (r == 0)
		r = load_falls(db, &falls, err);
	if (r == 0)
		r = load_numbers(db, &contents, err);
	contents.claims = claims.list;
	contents.claim_count = claims.count;
	contents.maintenances = maints.list;
	contents.maintenance_count = maints.count;
	contents.falls = falls.list;
	contents.fall_count = falls.count;
	contents.incidents = incidents.list;
	contents.incident_count = incidents.count;
	if (r < 0)
		db_contents_done(&contents);
	else
		*ret_contents = contents;
	return r;
}

void db_contents_done(struct db_contents *contents)
{
	free(contents->claims);
	free(contents->maintenances);
	free(contents->falls);
	free(contents->incidents);
	memset(contents, 0, sizeof(*contents));
}

/* ---- what the API asks ---- */

struct event_row {
	int64_t id;
	char *json; /* owned */
};

static void read_event(struct reading *in, void *row)
{
	struct event_row *event = row;
	const unsigned char *text;

	event->id = read_number(in);
	text = sqlite3_column_text(in->stmt, in->next++);
	event->json = strdup(text != NULL ? (const char *)text : "null");
}

/* The rows parted by ",\n"; with @backwards, the last one first. */
static char *events_join(const struct event_row *rows, size_t count,
			 bool backwards)
{
	size_t i, size = 1;
	char *text, *end;

	for (i = 0; i < count; i++) {
		if (rows[i].json == NULL)
			return NULL;
		size += strlen(rows[i].json) + 2;
	}
	text = malloc(size);
	if (text == NULL)
		return NULL;
	end = text;
	for (i = 0; i < count; i++) {
		if (i > 0)
			end = stpcpy(end, ",\n");
		end = stpcpy(end, rows[backwards ? count - 1 - i : i].json);
	}
	*end = '\0';
	return text;
}

int db_events(struct db *db, int64_t since_wall_us, int64_t after, size_t limit,
	      char **ret_json, int64_t *ret_last, bool *ret_more,
	      struct err *err)
{
	bool newest = after < 0;
	struct wanted wanted = { newest ? since_wall_us : after,
				 (int64_t)limit + 1, NULL };
	struct rows rows = { .size = sizeof(struct event_row) };
	struct event_row *list;
	char *json = NULL;
	size_t i, count;
	int r;

	r = db_select(db,
		      newest ? "SELECT id, json FROM events WHERE wall_us >= ?1"
			       " ORDER BY id DESC LIMIT ?2"
			     : "SELECT id, json FROM events WHERE id > ?1"
			       " ORDER BY id LIMIT ?2",
		      &wanted, read_event, &rows, err);
	list = rows.list;
	count = rows.count < limit ? rows.count : limit;
	if (r == 0) {
		json = events_join(list, count, newest);
		if (json == NULL)
			r = err_set(err, -ENOMEM, "out of memory");
	}
	if (r == 0) {
		*ret_json = json;
		*ret_more = rows.count > limit;
		*ret_last = newest ? 0 : after;
		if (count > 0)
			*ret_last = list[newest ? 0 : count - 1].id;
	}
	for (i = 0; i < rows.count; i++)
		free(list[i].json);
	free(list);
	return r;
}

int db_incidents(struct db *db, int64_t since_wall_us, const char *service,
		 size_t limit, struct row_incident **ret_rows,
		 size_t *ret_count, bool *ret_more, struct err *err)
{
	struct wanted wanted = { since_wall_us, (int64_t)limit + 1, service };
	struct rows rows = { .size = sizeof(struct row_incident) };
	int r = db_select(db,
			  "SELECT * FROM incidents WHERE (recovered_wall_us = 0"
			  " OR recovered_wall_us >= ?1) AND"
			  " (?3 = '' OR service = ?3) AND"
			  " coalesce(merged_into, 0) = 0"
			  " ORDER BY number DESC LIMIT ?2",
			  &wanted, read_incident, &rows, err);

	if (r < 0) {
		free(rows.list);
		return r;
	}
	*ret_rows = rows.list;
	*ret_count = rows.count < limit ? rows.count : limit;
	*ret_more = rows.count > limit;
	return 0;
}

int db_prune(struct db *db, int64_t before_wall_us, int64_t events_max,
	     unsigned limit, struct err *err)
{
	static const char text[] =
		"DELETE FROM events WHERE id IN (SELECT id FROM events"
		" WHERE wall_us < %lld LIMIT %u);"
		"DELETE FROM events WHERE id IN (SELECT id FROM events"
		" ORDER BY id LIMIT min(%u, max(0, (SELECT count(*) FROM"
		" events) - %lld)));"
		"DELETE FROM incidents WHERE number IN (SELECT number FROM"
		" incidents WHERE recovered_wall_us > 0 AND"
		" recovered_wall_us < %lld LIMIT %u);"
		"DELETE FROM falls WHERE wall_us < %lld;";
	int before = sqlite3_total_changes(db->sql);
	char sql[720];

	snprintf(sql, sizeof(sql), text, (long long)before_wall_us, limit,
		 limit, (long long)events_max, (long long)before_wall_us, limit,
		 (long long)before_wall_us);
	if (sqlite3_exec(db->sql, sql, NULL, NULL, NULL) != SQLITE_OK)
		return db_fail(db, err);
	return sqlite3_total_changes(db->sql) - before;
}
