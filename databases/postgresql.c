#include "databases/postgresql.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How the codes begin that a server has which ends. */
#define SHUTDOWN "57P"

/* The statements; `at` of a dialogue is the one that was sent last. */
enum statement {
	STATE,
	PROMOTE_IT,
	SET_READ_ONLY,
	RESET_READ_ONLY,
	RELOAD,
	END_SESSIONS,
	REPLAYED,
	COMMIT_LOCALLY,
	UPSERT,
	CREATE_TABLE,
	REPLICATION,
	CREATE_SLOT,
	SET_CONNINFO,
	RECEIVER,
	WHERE_IT_STANDS,
	SOURCE_STANDS,
	SOURCE_HISTORY
};

static const char *const statements[] = {
	[STATE] = "select pg_is_in_recovery(), "
		  "current_setting('default_transaction_read_only'), "
		  "extract(epoch from clock_timestamp())",
	[PROMOTE_IT] = "select pg_promote(false)",
	[SET_READ_ONLY] = "alter system set default_transaction_read_only = on",
	[RESET_READ_ONLY] = "alter system reset default_transaction_read_only",
	[RELOAD] = "select pg_reload_conf()",
	[REPLAYED] = "select pg_is_in_recovery(), "
		     "pg_last_wal_replay_lsn() - '0/0'::pg_lsn",
	/* What is asked is whether this one writes, not whether it has
	 * replicas yet: these follow later. */
	[COMMIT_LOCALLY] = "set synchronous_commit = local",
	[CREATE_TABLE] = "create table if not exists bascule_canary "
			 "(id int primary key, epoch bigint, at timestamptz)",
	[REPLICATION] = "select pg_is_in_recovery(), "
			"current_setting('primary_conninfo'), "
			"current_setting('primary_slot_name')",
	[RECEIVER] = "select status, sender_host, sender_port "
		     "from pg_stat_wal_receiver",
	/* The timeline is that of its newest log; see the check. */
	[WHERE_IT_STANDS] = "select (select max(left(name, 8)) "
			    "from pg_ls_waldir() "
			    "where name ~ '^[0-9A-F]{24}$'), "
			    "greatest(pg_last_wal_receive_lsn(), "
			    "pg_last_wal_replay_lsn()) - '0/0'::pg_lsn",
	[SOURCE_STANDS] = "IDENTIFY_SYSTEM",
};

static void fail(struct postgresql_step *step, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void fail(struct postgresql_step *step, const char *fmt, ...)
{
	va_list ap;

	step->kind = POSTGRESQL_FAILED;
	va_start(ap, fmt);
	vsnprintf(step->why, sizeof(step->why), fmt, ap);
	va_end(ap);
}

static void wait_for(struct postgresql_step *step, const char *what)
{
	step->kind = POSTGRESQL_PAUSE;
	snprintf(step->why, sizeof(step->why), "%s", what);
}

/* Append @text as a literal, quotes doubled. */
static void append_literal(char *buf, size_t size, const char *text)
{
	size_t used = strlen(buf);

	if (used + 3 > size)
		return;
	buf[used++] = '\'';
	for (; *text != '\0' && used + 4 < size; text++) {
		if (*text == '\'')
			buf[used++] = '\'';
		buf[used++] = *text;
	}
	buf[used++] = '\'';
	buf[used] = '\0';
}

static void append(char *buf, size_t size, const char *text)
{
	size_t used = strlen(buf);

	snprintf(buf + used, size - used, "%s", text);
}

static void write_statement(struct postgresql_talk *talk, enum statement which,
			    struct postgresql_step *step)
{
	step->sql[0] = '\0';
	switch (which) {
	case END_SESSIONS:
		/* Those that began later cannot write.  Ours stay, and other
		 * nodes' of the same user. */
		snprintf(step->sql, sizeof(step->sql),
			 "select count(pg_terminate_backend(pid)) "
			 "from pg_stat_activity "
			 "where backend_type = 'client backend' "
			 "and backend_start <= to_timestamp(%s) "
			 "and pid <> pg_backend_pid() and not "
			 "(application_name = 'bascule' "
			 "and usename = current_user)",
			 talk->since);
		break;
	case UPSERT:
		snprintf(step->sql, sizeof(step->sql),
			 "insert into bascule_canary values (1, %" PRIu64
			 ", now()) on conflict (id) do update "
			 "set epoch = excluded.epoch, at = excluded.at",
			 talk->order.epoch);
		break;
	case CREATE_SLOT:
		append(step->sql, sizeof(step->sql),
		       "select pg_create_physical_replication_slot(");
		append_literal(step->sql, sizeof(step->sql), talk->slot);
		append(step->sql, sizeof(step->sql),
		       ") where not exists (select from pg_replication_slots "
		       "where slot_name = ");
		append_literal(step->sql, sizeof(step->sql), talk->slot);
		append(step->sql, sizeof(step->sql), ")");
		break;
	case SET_CONNINFO:
		append(step->sql, sizeof(step->sql),
		       "alter system set primary_conninfo = ");
		append_literal(step->sql, sizeof(step->sql), talk->conninfo);
		break;
	case SOURCE_HISTORY:
		snprintf(step->sql, sizeof(step->sql),
			 "TIMELINE_HISTORY %" PRIu64, talk->source_timeline);
		break;
	default:
		snprintf(step->sql, sizeof(step->sql), "%s", statements[which]);
	}
}

static bool is_of_source(enum statement which)
{
	return which == CREATE_SLOT || which == SOURCE_STANDS ||
	       which == SOURCE_HISTORY;
}

static void ask(struct postgresql_talk *talk, enum statement which,
		struct postgresql_step *step)
{
	talk->at = which;
	step->kind =
		is_of_source(which) ? POSTGRESQL_ASK_SOURCE : POSTGRESQL_ASK;
	write_statement(talk, which, step);
}

static bool cell_is(const struct postgresql_reply *reply, unsigned i,
		    const char *text)
{
	return reply->rows > 0 && i < reply->columns &&
	       reply->cells[i] != NULL && strcmp(reply->cells[i], text) == 0;
}

static const char *cell(const struct postgresql_reply *reply, unsigned i)
{
	const char *text = "";

	if (reply->rows > 0 && i < reply->columns && reply->cells[i] != NULL)
		text = reply->cells[i];
	return text;
}

/* --- each order ------------------------------------------------------------
 */

static void promote(struct postgresql_talk *talk,
		    const struct postgresql_reply *reply,
		    struct postgresql_step *step)
{
	switch (talk->at) {
	case STATE:
		if (cell_is(reply, 0, "t") && !talk->told) {
			talk->told = true;
			ask(talk, PROMOTE_IT, step);
		} else if (cell_is(reply, 0, "t")) {
			wait_for(step, "it was told to promote itself, and "
				       "still recovers");
		} else if (cell_is(reply, 1, "on")) {
			ask(talk, RESET_READ_ONLY, step);
		} else {
			step->kind = POSTGRESQL_DONE;
		}
		break;
	case RESET_READ_ONLY:
		ask(talk, RELOAD, step);
		break;
	default:
		wait_for(step, "it is promoted, and still read-only: look for "
			       "default_transaction_read_only in its files");
	}
}

/* @now: by the server's clock, when it was seen to be read-only. */
static void end_sessions(struct postgresql_talk *talk, const char *now,
			 struct postgresql_step *step)
{
	if (talk->since[0] == '\0' && now[strspn(now, "0123456789.")] == '\0')
		snprintf(talk->since, sizeof(talk->since), "%s", now);
	ask(talk, END_SESSIONS, step);
}

static void fence(struct postgresql_talk *talk,
		  const struct postgresql_reply *reply,
		  struct postgresql_step *step)
{
	switch (talk->at) {
	case STATE:
		if (cell_is(reply, 0, "t"))
			step->kind = POSTGRESQL_DONE;
		else if (cell_is(reply, 1, "on"))
			end_sessions(talk, cell(reply, 2), step);
		else if (!talk->told)
			ask(talk, SET_READ_ONLY, step);
		else
			wait_for(step, "it does not become read-only");
		break;
	case SET_READ_ONLY:
		talk->told = true;
		ask(talk, RELOAD, step);
		break;
	case END_SESSIONS:
		if (cell_is(reply, 0, "0"))
			step->kind = POSTGRESQL_DONE;
		else
			wait_for(step, "sessions of clients do not end");
		break;
	default:
		wait_for(step, "it does not become read-only");
	}
}

static void unfence(struct postgresql_talk *talk,
		    const struct postgresql_reply *reply,
		    struct postgresql_step *step)
{
	switch (talk->at) {
	case STATE:
		if (cell_is(reply, 1, "off"))
			step->kind = POSTGRESQL_DONE;
		else if (!talk->told)
			ask(talk, RESET_READ_ONLY, step);
		else
			wait_for(step, "it stays read-only: look for "
				       "default_transaction_read_only in its "
				       "files");
		break;
	case RESET_READ_ONLY:
		talk->told = true;
		ask(talk, RELOAD, step);
		break;
	default:
		wait_for(step, "it stays read-only");
	}
}

static void catch_up(struct postgresql_talk *talk,
		     const struct postgresql_reply *reply,
		     struct postgresql_step *step)
{
	uint64_t at = strtoull(cell(reply, 1), NULL, 10);
	uint64_t to = talk->order.position.offset;

	if (!cell_is(reply, 0, "t"))
		fail(step, "it is not a replica");
	else if (at >= to)
		step->kind = POSTGRESQL_DONE;
	else {
		wait_for(step, "");
		snprintf(step->why, sizeof(step->why),
			 "it lacks %" PRIu64 " bytes of what was written",
			 to - at);
	}
}

static void canary(struct postgresql_talk *talk,
		   const struct postgresql_reply *reply,
		   struct postgresql_step *step)
{
	bool missing = !reply->done && strcmp(reply->state, "42P01") == 0;

	if (talk->at == UPSERT && reply->done) {
		step->kind = POSTGRESQL_DONE;
	} else if (talk->at == UPSERT && missing && !talk->told) {
		talk->told = true;
		ask(talk, CREATE_TABLE, step);
	} else if (!reply->done) {
		fail(step, "it takes no writes: %s", reply->why);
	} else {
		ask(talk, UPSERT, step);
	}
}

/* What it has as its source now becomes what it is to have. */
static void exchange_source(struct postgresql_talk *talk,
			    const struct postgresql_reply *reply,
			    struct postgresql_step *step)
{
	if (!cell_is(reply, 0, "t")) {
		fail(step, "it runs as a primary, which PostgreSQL cannot make "
			   "a replica: that needs the rejoin hook");
		step->kind = POSTGRESQL_PARTED;
		return;
	}
	if (!postgresql_conninfo(cell(reply, 1), &talk->terms, talk->conninfo,
				 sizeof(talk->conninfo))) {
		fail(step, "its primary_conninfo is not of the form "
			   "keyword=value, or too long");
		return;
	}
	snprintf(talk->slot, sizeof(talk->slot), "%s", cell(reply, 2));
	ask(talk, talk->slot[0] != '\0' ? CREATE_SLOT : SET_CONNINFO, step);
}

/* "0/4027D48" */
static uint64_t lsn(const char *text)
{
	char *end;
	uint64_t high = strtoull(text, &end, 16);

	return *end == '/' ? high << 32 | strtoull(end + 1, NULL, 16) : 0;
}

/* Where the source's history leaves @timeline: lines of a timeline, a tab, the
 * position of its end and more.  0: it never was on it. */
static uint64_t end_of(uint64_t timeline, const char *history)
{
	char *end;

	for (; *history != '\0'; history += history[0] == '\n') {
		if (strtoull(history, &end, 10) == timeline && *end == '\t')
			return lsn(end + 1);
		history += strcspn(history, "\n");
	}
	return 0;
}

static void parted(struct postgresql_step *step, uint64_t more)
{
	fail(step,
	     "its history has parted from the primary's, which lacks %" PRIu64
	     " bytes of it: that needs the rejoin hook",
	     more);
	step->kind = POSTGRESQL_PARTED;
}

/* Whether what the replica has is a part of the source's history. */
static void compare(struct postgresql_talk *talk, uint64_t end,
		    struct postgresql_step *step)
{
	if (talk->offset > end)
		parted(step, talk->offset - end);
	else
		wait_for(step, "it was pointed to the primary and receives "
			       "nothing: its log says why");
}

static void compare_histories(struct postgresql_talk *talk,
			      const struct postgresql_reply *reply,
			      struct postgresql_step *step)
{
	switch (talk->at) {
	case WHERE_IT_STANDS:
		talk->timeline = strtoull(cell(reply, 0), NULL, 16);
		talk->offset = strtoull(cell(reply, 1), NULL, 10);
		ask(talk, SOURCE_STANDS, step);
		break;
	case SOURCE_STANDS:
		talk->source_timeline = strtoull(cell(reply, 1), NULL, 10);
		if (talk->source_timeline == talk->timeline)
			compare(talk, lsn(cell(reply, 2)), step);
		else if (talk->source_timeline < talk->timeline)
			compare(talk, 0, step);
		else
			ask(talk, SOURCE_HISTORY, step);
		break;
	default:
		compare(talk, end_of(talk->timeline, cell(reply, 1)), step);
	}
}

static void follow(struct postgresql_talk *talk,
		   const struct postgresql_reply *reply,
		   struct postgresql_step *step)
{
	switch (talk->at) {
	case REPLICATION:
		exchange_source(talk, reply, step);
		break;
	case CREATE_SLOT:
		ask(talk, SET_CONNINFO, step);
		break;
	case SET_CONNINFO:
		ask(talk, RELOAD, step);
		break;
	case WHERE_IT_STANDS:
	case SOURCE_STANDS:
	case SOURCE_HISTORY:
		/* Where it may not be asked, it is only waited. */
		if (reply->done)
			compare_histories(talk, reply, step);
		else
			wait_for(step, reply->why);
		break;
	case RECEIVER:
		if (cell_is(reply, 0, "streaming") &&
		    atoi(cell(reply, 2)) == talk->terms.source_port) {
			step->kind = POSTGRESQL_DONE;
			break;
		}
		if (talk->looks++ == POSTGRESQL_LOOKS) {
			ask(talk, WHERE_IT_STANDS, step);
			break;
		}
		/* fall through */
	default:
		wait_for(step, "it was pointed to the primary and receives "
			       "nothing: its log says why");
	}
}

static const enum statement first[DATABASE_ORDERS] = {
	[DATABASE_PROMOTE] = STATE,     [DATABASE_FOLLOW] = REPLICATION,
	[DATABASE_FENCE] = STATE,       [DATABASE_UNFENCE] = STATE,
	[DATABASE_CATCH_UP] = REPLAYED, [DATABASE_CANARY] = COMMIT_LOCALLY,
};

void postgresql_begin(struct postgresql_talk *talk,
		      const struct database_order *order,
		      struct postgresql_step *ret_step)
{
	talk->order = *order;
	ret_step->why[0] = '\0';
	ask(talk, first[order->kind], ret_step);
}

/* After a pause the same is looked at once more. */
void postgresql_resume(struct postgresql_talk *talk,
		       struct postgresql_step *ret_step)
{
	ask(talk,
	    talk->order.kind == DATABASE_FOLLOW ? RECEIVER
						: first[talk->order.kind],
	    ret_step);
}

/* What a refusal is about, where its own words do not tell.  A replica whose
 * disk is full ends when it begins a timeline. */
static const char *context(const struct postgresql_talk *talk,
			   const struct postgresql_reply *reply)
{
	if (talk->at == CREATE_SLOT)
		return "no slot on the primary: ";
	if (talk->order.kind == DATABASE_PROMOTE && talk->told &&
	    (reply->state[0] == '\0' ||
	     strncmp(reply->state, SHUTDOWN, strlen(SHUTDOWN)) == 0))
		return "it ended when it was told to (disk full? its log says "
		       "why): ";
	return "";
}

void postgresql_next(struct postgresql_talk *talk,
		     const struct postgresql_reply *reply,
		     struct postgresql_step *ret_step)
{
	ret_step->why[0] = '\0';
	if (!reply->done && talk->order.kind != DATABASE_CANARY &&
	    talk->at < WHERE_IT_STANDS) {
		fail(ret_step, "%s%s", context(talk, reply), reply->why);
		return;
	}
	switch (talk->order.kind) {
	case DATABASE_PROMOTE:
		promote(talk, reply, ret_step);
		break;
	case DATABASE_FOLLOW:
		follow(talk, reply, ret_step);
		break;
	case DATABASE_FENCE:
		fence(talk, reply, ret_step);
		break;
	case DATABASE_UNFENCE:
		unfence(talk, reply, ret_step);
		break;
	case DATABASE_CATCH_UP:
		catch_up(talk, reply, ret_step);
		break;
	case DATABASE_CANARY:
		canary(talk, reply, ret_step);
		break;
	case DATABASE_ORDERS:
		break;
	}
}
