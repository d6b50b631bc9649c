#include "databases/mysql.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What can be said; each order is a row of these. */
enum step {
	STEP_END,
	STEP_SESSION,   /* how this connection behaves */
	STEP_LOOK,      /* whom it follows, how far it is */
	STEP_STOP_IO,   /* receive no more */
	STEP_APPLY,     /* have what was received applied */
	STEP_APPLIED,   /* wait for it */
	STEP_STOP,      /* follow nobody for now */
	STEP_TAKE_OVER, /* what it has itself written counts as received */
	STEP_FORGET,    /* ... and for good */
	STEP_READ_ONLY, /* take no more writes */
	/* no-loss: a commit waits for a replica; not on a replica, where what
	 * is applied would wait for one of its own */
	STEP_WAIT,
	STEP_WAIT_NOT,
	STEP_WRITABLE,
	STEP_KILL,    /* the sessions of others */
	STEP_CHANGE,  /* whom it follows */
	STEP_START,   /* follow */
	STEP_FOLLOWS, /* look whether it does */
	STEP_POSITION,
	STEP_IS_WRITABLE,
	STEP_CANARY
};

#define STEPS_MAX 12

static const enum step rows[DATABASE_ORDERS][STEPS_MAX] = {
	[DATABASE_PROMOTE] = { STEP_SESSION, STEP_LOOK, STEP_STOP_IO, STEP_LOOK,
			       STEP_APPLY, STEP_APPLIED, STEP_STOP, STEP_FORGET,
			       STEP_WAIT, STEP_WRITABLE },
	[DATABASE_FOLLOW] = { STEP_SESSION, STEP_READ_ONLY, STEP_WAIT_NOT,
			      STEP_LOOK, STEP_STOP, STEP_TAKE_OVER, STEP_CHANGE,
			      STEP_START, STEP_FOLLOWS },
	[DATABASE_FENCE] = { STEP_SESSION, STEP_KILL, STEP_READ_ONLY,
			     STEP_KILL },
	[DATABASE_UNFENCE] = { STEP_SESSION, STEP_LOOK, STEP_WAIT,
			       STEP_WRITABLE },
	[DATABASE_CATCH_UP] = { STEP_POSITION },
	[DATABASE_CANARY] = { STEP_IS_WRITABLE, STEP_CANARY },
};

struct words {
	const char *stop_io, *apply, *stop, *start, *forget;
	const char *read_only, *writable;
	const char *semi_sync;       /* whether it is on follows */
	const char *wait, *wait_end; /* with the GTIDs in between */
	const char *take_over;       /* NULL: it needs no word */
	const char *position, *kill;
	/* A replica that acknowledges and stops says so to its source: this
	 * bounds how long it waits for one that is frozen or cut off. */
	const char *farewell;
};

/* Not our own sessions, of any node; not replication; not those that are dying
 * already. */
#define VICTIMS                                                                \
	"FROM information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID() "     \
	"AND USER <> SUBSTRING_INDEX(USER(), '@', 1) "                         \
	"AND USER NOT IN ('system user', 'event_scheduler') "                  \
	"AND COMMAND NOT IN ('Binlog Dump', 'Binlog Dump GTID', 'Daemon', "    \
	"'Killed', 'Slave_IO', 'Slave_SQL', 'Slave_worker')"

static const struct words words[DIALECTS] = {
	[DIALECT_MARIADB] = {
		.stop_io = "STOP SLAVE IO_THREAD",
		.apply = "START SLAVE SQL_THREAD",
		.stop = "STOP SLAVE",
		.start = "START SLAVE",
		.forget = "RESET SLAVE ALL",
		.read_only = "SET GLOBAL read_only = 1",
		.writable = "SET GLOBAL read_only = 0",
		.semi_sync = "SET GLOBAL rpl_semi_sync_master_enabled",
		.wait = "SELECT MASTER_GTID_WAIT(",
		.wait_end = ", 0.5) AS waited",
		.take_over = "SET GLOBAL gtid_slave_pos = @@gtid_current_pos",
		.position = "SELECT @@gtid_current_pos AS applied",
		.farewell = ", GLOBAL rpl_semi_sync_slave_kill_conn_timeout "
			    "= 1",
		.kill = "BEGIN NOT ATOMIC "
			"DECLARE CONTINUE HANDLER FOR 1094 BEGIN END; "
			"FOR victim IN (SELECT ID " VICTIMS ") DO "
			"EXECUTE IMMEDIATE CONCAT('KILL ', victim.ID); "
			"END FOR; END",
	},
	/* It has no loops outside of procedures: one session at a time. */
	[DIALECT_MYSQL] = {
		.stop_io = "STOP REPLICA IO_THREAD",
		.apply = "START REPLICA SQL_THREAD",
		.stop = "STOP REPLICA",
		.start = "START REPLICA",
		.forget = "RESET REPLICA ALL",
		.read_only = "SET GLOBAL super_read_only = 1",
		.writable = "SET GLOBAL super_read_only = 0, read_only = 0",
		.semi_sync = "SET GLOBAL rpl_semi_sync_source_enabled",
		.wait = "SELECT WAIT_FOR_EXECUTED_GTID_SET(",
		.wait_end = ", 0.5) AS waited",
		.position = "SELECT @@gtid_executed AS applied",
		.kill = "SELECT MIN(ID) AS victim " VICTIMS,
	},
};

static enum step step_of(const struct mysql_order *o)
{
	return o->step < STEPS_MAX ? rows[o->what->kind][o->step] : STEP_END;
}

static enum mysql_next fail(struct mysql_order *o, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static enum mysql_next fail(struct mysql_order *o, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(o->why, sizeof(o->why), fmt, ap);
	va_end(ap);
	return MYSQL_FAILED;
}

static enum mysql_next say(struct mysql_order *o, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static enum mysql_next say(struct mysql_order *o, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(o->sql, sizeof(o->sql), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(o->sql))
		return fail(o, "what it is to be told is too long");
	return MYSQL_SAY;
}

/* --- to follow another ------------------------------------------------------
 */

/* ", MASTER_USER='repl'" behind what is there; false: it does not fit. */
static bool add(char *sql, const char *name, const char *value)
{
	char literal[512];
	size_t n = strlen(sql);

	if (value == NULL)
		return true;
	return mysql_literal(value, literal, sizeof(literal)) &&
	       (size_t)snprintf(sql + n, MYSQL_SQL_MAX - n, "%s = %s", name,
				literal) < MYSQL_SQL_MAX - n;
}

static enum mysql_next say_change(struct mysql_order *o)
{
	bool mariadb = o->dialect == DIALECT_MARIADB;
	size_t n;

	snprintf(o->sql, sizeof(o->sql), "%s",
		 mariadb ? "CHANGE MASTER TO MASTER_CONNECT_RETRY = 1"
			 : "CHANGE REPLICATION SOURCE TO "
			   "SOURCE_CONNECT_RETRY = 1");
	if (!add(o->sql, mariadb ? ", MASTER_HOST" : ", SOURCE_HOST",
		 o->host) ||
	    !add(o->sql, mariadb ? ", MASTER_USER" : ", SOURCE_USER",
		 o->user) ||
	    !add(o->sql, mariadb ? ", MASTER_PASSWORD" : ", SOURCE_PASSWORD",
		 o->password))
		return fail(o, "what it is to be told is too long");
	n = strlen(o->sql);
	snprintf(o->sql + n, sizeof(o->sql) - n,
		 mariadb ? ", MASTER_PORT = %u, MASTER_USE_GTID = slave_pos%s"
			 : ", SOURCE_PORT = %u, SOURCE_AUTO_POSITION = 1%s",
		 o->port,
		 o->tls    ? mariadb ? ", MASTER_SSL = 1" : ", SOURCE_SSL = 1"
		 : mariadb ? ""
			   : ", GET_SOURCE_PUBLIC_KEY = 1");
	return MYSQL_SAY;
}

/* --- saying -----------------------------------------------------------------
 */

static enum mysql_next say_wait(struct mysql_order *o)
{
	char literal[MYSQL_RECEIVED_MAX + 16];

	if (!mysql_literal(o->received, literal, sizeof(literal)))
		return fail(o, "its GTIDs are too many to wait for");
	return say(o, "%s%s%s", words[o->dialect].wait, literal,
		   words[o->dialect].wait_end);
}

static enum mysql_next say_canary(struct mysql_order *o)
{
	mysql_canary(o->canary, o->schema, o->what->epoch, o->sql,
		     sizeof(o->sql));
	return MYSQL_SAY;
}

static enum mysql_next say_kill(struct mysql_order *o)
{
	if (o->victim != 0)
		return say(o, "KILL %llu", o->victim);
	return say(o, "%s", words[o->dialect].kill);
}

static enum mysql_next say_look(struct mysql_order *o)
{
	o->is_replica = false;
	return say(o, "%s", mysql_question(o->dialect, MYSQL_OF_ITS_SOURCE));
}

static enum mysql_next say_step(struct mysql_order *o)
{
	const struct words *w = &words[o->dialect];

	switch (step_of(o)) {
	case STEP_END:
		return MYSQL_DONE;
	case STEP_SESSION:
		return say(o,
			   "SET SESSION lock_wait_timeout = 1, "
			   "sql_mode = ''%s",
			   o->no_loss && w->farewell != NULL ? w->farewell
							     : "");
	case STEP_LOOK:
	case STEP_FOLLOWS:
		return say_look(o);
	case STEP_STOP_IO:
		return say(o, "%s", w->stop_io);
	case STEP_APPLY:
		return say(o, "%s", w->apply);
	case STEP_APPLIED:
		return say_wait(o);
	case STEP_STOP:
		return say(o, "%s", w->stop);
	case STEP_TAKE_OVER:
		return say(o, "%s", w->take_over);
	case STEP_FORGET:
		return say(o, "%s", w->forget);
	case STEP_READ_ONLY:
		return say(o, "%s", w->read_only);
	case STEP_WAIT:
	case STEP_WAIT_NOT:
		return say(o, "%s = %d", w->semi_sync, step_of(o) == STEP_WAIT);
	case STEP_WRITABLE:
		return say(o, "%s", w->writable);
	case STEP_KILL:
		return say_kill(o);
	case STEP_CHANGE:
		return say_change(o);
	case STEP_START:
		return say(o, "%s", w->start);
	case STEP_POSITION:
		return say(o, "%s", w->position);
	case STEP_IS_WRITABLE:
		return say(o, "SELECT @@read_only AS read_only");
	case STEP_CANARY:
		return say_canary(o);
	}
	return MYSQL_DONE;
}

/* What there is no need for. */
static bool is_needless(const struct mysql_order *o)
{
	switch (step_of(o)) {
	case STEP_APPLIED:
		return o->received[0] == '\0';
	case STEP_WAIT:
	case STEP_WAIT_NOT:
		return !o->no_loss;
	case STEP_TAKE_OVER:
		return o->is_replica || words[o->dialect].take_over == NULL;
	default:
		return false;
	}
}

static enum mysql_next next(struct mysql_order *o)
{
	do
		o->step++;
	while (is_needless(o));
	return say_step(o);
}

static enum mysql_next go_to(struct mysql_order *o, enum step step)
{
	while (step_of(o) != step && step_of(o) != STEP_END)
		o->step++;
	return is_needless(o) ? next(o) : say_step(o);
}

/* --- hearing ----------------------------------------------------------------
 */

static void take_source(struct mysql_order *o, const struct row *row)
{
	const struct mysql_columns *names = &mysql_columns[o->dialect];

	if (o->is_replica)
		return;
	o->is_replica = true;
	o->links = strcmp(row_word(row, names->io_running), "Yes") == 0;
	o->applies = strcmp(row_word(row, names->sql_running), "Yes") == 0;
	o->io_errno = (unsigned)row_number(row, "Last_IO_Errno");
	o->sql_errno = (unsigned)row_number(row, "Last_SQL_Errno");
	o->no_gtid = strcmp(row_word(row, "Using_Gtid"), "No") == 0 ||
		     strcmp(row_word(row, "Auto_Position"), "0") == 0;
	snprintf(o->source, sizeof(o->source), "%s",
		 row_word(row, names->host));
	snprintf(o->received, sizeof(o->received), "%s",
		 row_word(row, names->received));
	snprintf(o->trouble, sizeof(o->trouble), "%s",
		 row_word(row, o->sql_errno != 0 ? "Last_SQL_Error"
						 : "Last_IO_Error"));
}

void mysql_order_row(struct mysql_order *o, const struct row *row)
{
	const char *applied = row_word(row, "applied");

	switch (step_of(o)) {
	case STEP_LOOK:
	case STEP_FOLLOWS:
		take_source(o, row);
		break;
	case STEP_APPLIED:
		o->waited = row_text(row, "waited") != NULL &&
			    row_number(row, "waited") == 0;
		break;
	case STEP_POSITION:
		o->position =
			o->dialect == DIALECT_MARIADB
				? mysql_sequence(applied,
						 o->what->position.timeline)
				: mysql_set_position(applied, "");
		break;
	case STEP_IS_WRITABLE:
		o->read_only = row_number(row, "read_only") != 0;
		break;
	case STEP_KILL:
		o->victim = row_number(row, "victim");
		break;
	default:
		break;
	}
}

static enum mysql_next looked(struct mysql_order *o)
{
	switch (o->what->kind) {
	case DATABASE_PROMOTE:
		if (!o->is_replica)
			return go_to(o, STEP_WAIT);
		if (o->no_gtid)
			return fail(o, "it replicates without GTIDs");
		if (o->sql_errno != 0)
			return fail(o, "it cannot apply what it has: %s",
				    o->trouble);
		return next(o);
	case DATABASE_UNFENCE:
		if (o->is_replica)
			return fail(o, "it is a replica of %s", o->source);
		return next(o);
	case DATABASE_FOLLOW:
		if (!o->is_replica && o->user == NULL)
			return fail(o, "it has never followed anybody: set "
				       "failover.replication_user");
		return next(o);
	default:
		return next(o);
	}
}

/* Whether it follows: 1236 says that the source has not what it has. */
static enum mysql_next followed(struct mysql_order *o)
{
	if (o->io_errno == 1236 || o->io_errno == 13114) {
		fail(o,
		     "it has writes that its new primary lacks, its data must "
		     "be replaced (rejoin hook): %s",
		     o->trouble);
		return MYSQL_PARTED;
	}
	/* What it wrote itself stands where the primary's would go. */
	if (o->sql_errno == 1950) {
		fail(o,
		     "it was written to itself, its data must be replaced "
		     "(rejoin hook): %s",
		     o->trouble);
		return MYSQL_PARTED;
	}
	if (o->sql_errno != 0)
		return fail(o, "it cannot apply what it receives: %s",
			    o->trouble);
	if (o->io_errno == 1045)
		return fail(o, "its new primary refuses its login: %s",
			    o->trouble);
	return o->links && o->applies ? next(o) : MYSQL_LATER;
}

/* MySQL is told of each session by itself. */
static enum mysql_next killed(struct mysql_order *o)
{
	bool told = strncmp(o->sql, "KILL ", 5) == 0;

	if (told)
		o->victim = 0;
	return told || o->victim != 0 ? say_step(o) : next(o);
}

enum mysql_next mysql_order_begin(struct mysql_order *order)
{
	order->step = order->canary = 0;
	order->victim = 0;
	return say_step(order);
}

enum mysql_next mysql_order_again(struct mysql_order *order)
{
	return say_step(order);
}

enum mysql_next mysql_order_done(struct mysql_order *o)
{
	switch (step_of(o)) {
	case STEP_LOOK:
		return looked(o);
	case STEP_FOLLOWS:
		return followed(o);
	case STEP_APPLIED:
		if (o->waited)
			return next(o);
		/* It may have stopped. */
		o->step -= 2;
		return say_step(o);
	case STEP_KILL:
		return killed(o);
	case STEP_POSITION:
		return o->position >= o->what->position.offset ? next(o)
							       : MYSQL_LATER;
	case STEP_IS_WRITABLE:
		if (o->read_only)
			return fail(o, "it refuses writes (read_only)");
		return next(o);
	case STEP_CANARY:
		return o->canary++ == MYSQL_CANARY_LAST ? next(o) : say_step(o);
	default:
		return next(o);
	}
}

/* --- refusals ---------------------------------------------------------------
 */

/* Whoever may not write a row that is not replicated has seen at least that
 * writes are taken. */
static enum mysql_next refused_canary(struct mysql_order *o, unsigned code,
				      const char *text)
{
	switch (code) {
	case 1044:
	case 1049:
	case 1142:
	case 1143:
	case 1146:
	case 1227:
		if (o->canary == 0 || o->canary == MYSQL_CANARY_LAST)
			return next(o);
		o->canary++;
		return say_step(o);
	default:
		return fail(o, "it takes no writes: %s", text);
	}
}

static enum mysql_next refused_kill(struct mysql_order *o, const char *text)
{
	/* It has gone by itself. */
	if (strncmp(o->sql, "KILL ", 5) == 0 && strstr(text, "nknown") != NULL)
		return killed(o);
	/* First it takes no more writes. */
	if (rows[o->what->kind][o->step + 1] == STEP_READ_ONLY)
		return next(o);
	return fail(o,
		    "it takes no more writes, but the sessions may not be "
		    "ended: %s",
		    text);
}

enum mysql_next mysql_order_refused(struct mysql_order *o, unsigned code,
				    const char *text)
{
	switch (step_of(o)) {
	case STEP_CANARY:
		return refused_canary(o, code, text);
	case STEP_KILL:
		return refused_kill(o, text);
	case STEP_READ_ONLY:
		/* Somebody holds a lock. */
		if (code != 1205)
			break;
		if (o->what->kind != DATABASE_FENCE)
			return MYSQL_LATER;
		o->step--;
		return say_step(o);
	case STEP_CHANGE:
		/* The server's words may repeat the password. */
		if (code == 1064)
			return fail(o, "it does not understand whom it is to "
				       "follow");
		break;
	default:
		break;
	}
	return fail(o, "%u: %s", code, text);
}
