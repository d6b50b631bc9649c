#include "checks/mysql.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/core/instant.h"

/* The longest time that a commit may wait for a replica before semi-synchronous
 * replication lets it through: shorter ones are no promise. */
#define PROMISE_MS (3600 * 1000)

#define SOURCES_MAX 16
#define UUID_MAX    40

/* The uptime and the clock of one statement are of the same second, so that
 * their difference stays the same until the server starts anew.  The aggregates
 * stand apart: beside them MariaDB shows each boolean variable as 0. */
static const char *const questions[DIALECTS][MYSQL_QUESTIONS] = {
	[DIALECT_MARIADB] = {
		"SELECT @@server_id AS server_id, @@read_only AS read_only, "
		"@@gtid_domain_id AS domain, "
		"@@gtid_binlog_pos AS written, "
		"@@gtid_current_pos AS applied, "
		"@@gtid_slave_pos AS followed, "
		"@@rpl_semi_sync_master_wait_point AS wait_point, "
		"@@rpl_semi_sync_master_timeout AS wait_ms, "
		"@@rpl_semi_sync_master_wait_no_slave AS waits_alone, "
		"@@wsrep_on AS wsrep, status.* FROM ("
		"SELECT UNIX_TIMESTAMP() - MAX(IF(VARIABLE_NAME = 'UPTIME', "
		"VARIABLE_VALUE, NULL)) AS started, "
		"MAX(IF(VARIABLE_NAME = 'RPL_SEMI_SYNC_MASTER_STATUS', "
		"VARIABLE_VALUE, NULL)) AS semi_sync, "
		"MAX(IF(VARIABLE_NAME = 'WSREP_READY', "
		"VARIABLE_VALUE, NULL)) AS wsrep_ready "
		"FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME IN "
		"('UPTIME', 'RPL_SEMI_SYNC_MASTER_STATUS', 'WSREP_READY')"
		") AS status",
		"SHOW SLAVE STATUS",
		"SHOW SLAVE HOSTS",
	},
	[DIALECT_MYSQL] = {
		"SELECT @@server_id AS server_id, "
		"@@read_only OR @@super_read_only AS read_only, "
		"@@gtid_executed AS applied, variables.*, status.* FROM ("
		"SELECT MAX(IF(VARIABLE_NAME LIKE '%wait_point', "
		"VARIABLE_VALUE, NULL)) AS wait_point, "
		"MAX(IF(VARIABLE_NAME LIKE '%timeout', "
		"VARIABLE_VALUE, NULL)) AS wait_ms, "
		"MAX(IF(VARIABLE_NAME LIKE '%wait_no%', "
		"VARIABLE_VALUE, NULL)) AS waits_alone "
		"FROM performance_schema.global_variables WHERE VARIABLE_NAME "
		"LIKE 'rpl_semi_sync_source%' OR VARIABLE_NAME "
		"LIKE 'rpl_semi_sync_master%') AS variables, ("
		"SELECT UNIX_TIMESTAMP() - MAX(IF(VARIABLE_NAME = 'Uptime', "
		"VARIABLE_VALUE, NULL)) AS started, "
		"MAX(IF(VARIABLE_NAME LIKE 'Rpl_semi_sync%', "
		"VARIABLE_VALUE, NULL)) AS semi_sync "
		"FROM performance_schema.global_status WHERE VARIABLE_NAME IN "
		"('Uptime', 'Rpl_semi_sync_source_status', "
		"'Rpl_semi_sync_master_status')) AS status",
		"SHOW REPLICA STATUS",
		"SHOW REPLICAS",
	},
};

const struct mysql_columns mysql_columns[DIALECTS] = {
	[DIALECT_MARIADB] = { "Master_Host", "Master_Port", "Slave_IO_Running",
			      "Slave_SQL_Running", "Seconds_Behind_Master",
			      "Gtid_IO_Pos" },
	[DIALECT_MYSQL] = { "Source_Host", "Source_Port", "Replica_IO_Running",
			    "Replica_SQL_Running", "Seconds_Behind_Source",
			    "Retrieved_Gtid_Set" },
};

const char *mysql_question(enum mysql_dialect dialect,
			   enum mysql_question question)
{
	return questions[dialect][question];
}

/* --- positions --------------------------------------------------------------
 */

struct gtid {
	uint64_t domain, server, sequence;
};

/* One GTID of a list: "0-1-9"; moves @at behind it. */
static bool next_gtid(const char **at, struct gtid *ret_gtid)
{
	char *end;

	*at += strspn(*at, ", \n");
	ret_gtid->domain = strtoull(*at, &end, 10);
	if (end == *at || *end != '-')
		return false;
	ret_gtid->server = strtoull(end + 1, &end, 10);
	if (*end != '-')
		return false;
	ret_gtid->sequence = strtoull(end + 1, &end, 10);
	*at = end;
	return true;
}

uint64_t mysql_sequence(const char *list, uint64_t domain)
{
	struct gtid gtid;

	while (next_gtid(&list, &gtid))
		if (gtid.domain == domain)
			return gtid.sequence;
	return 0;
}

/* Of the last write in @domain, if @server made it itself; else 0. */
static uint64_t own_sequence(const char *list, uint64_t domain, uint64_t server)
{
	struct gtid gtid;

	while (next_gtid(&list, &gtid))
		if (gtid.domain == domain)
			return gtid.server == server ? gtid.sequence : 0;
	return 0;
}

/* The domain that counts: @own, if the list has it, else its first. */
static uint64_t domain_of(const char *list, uint64_t own)
{
	struct gtid first;

	if (mysql_sequence(list, own) > 0 || !next_gtid(&list, &first))
		return own;
	return first.domain;
}

struct sources {
	char uuid[SOURCES_MAX][UUID_MAX];
	uint64_t last[SOURCES_MAX];
	unsigned count;
};

static void add_source(struct sources *all, const char *uuid, size_t size,
		       uint64_t last)
{
	unsigned i;

	for (i = 0; i < all->count; i++)
		if (strlen(all->uuid[i]) == size &&
		    strncmp(all->uuid[i], uuid, size) == 0)
			break;
	if (i == SOURCES_MAX || size >= UUID_MAX)
		return;
	if (i == all->count) {
		memcpy(all->uuid[i], uuid, size);
		all->uuid[i][size] = '\0';
		all->count++;
	}
	if (last > all->last[i])
		all->last[i] = last;
}

/* "uuid:1-5:7,\nuuid:1-3". */
static void add_set(struct sources *all, const char *set)
{
	const char *uuid;
	size_t size, length;
	uint64_t last;
	char *end;

	for (;;) {
		uuid = set + strspn(set, ", \n");
		length = strcspn(uuid, ",");
		size = strcspn(uuid, ":,");
		if (length == 0)
			return;
		set = uuid + size;
		last = 0;
		/* Also those behind a tag, which is no number. */
		while (*set == ':') {
			uint64_t n = strtoull(set + 1, &end, 10);

			if (*end == '-')
				n = strtoull(end + 1, &end, 10);
			if (n > last)
				last = n;
			set = end + strcspn(end, ":,");
		}
		add_source(all, uuid, size, last);
	}
}

uint64_t mysql_set_position(const char *set, const char *other)
{
	struct sources all = { .count = 0 };
	uint64_t sum = 0;
	unsigned i;

	add_set(&all, set);
	add_set(&all, other);
	for (i = 0; i < all.count; i++)
		sum += all.last[i];
	return sum;
}

/* --- facts ------------------------------------------------------------------
 */

static bool is_on(const char *text)
{
	return strcmp(text, "1") == 0 || strcmp(text, "ON") == 0;
}

static void copy(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from);
}

void mysql_begin(struct mysql_seen *seen, enum mysql_dialect dialect)
{
	*seen = (struct mysql_seen){ .dialect = dialect };
	seen->facts.lag_us = -1;
}

static struct database_position position(const struct mysql_seen *seen,
					 const char *list)
{
	struct database_position at = { .timeline = seen->domain };

	at.offset = seen->dialect == DIALECT_MARIADB
			    ? mysql_sequence(list, seen->domain)
			    : mysql_set_position(list, "");
	return at;
}

static void take_itself(struct mysql_seen *seen, const struct row *row)
{
	struct database_facts *facts = &seen->facts;
	const char *applied = row_word(row, "applied");
	struct database_position written;

	if (seen->dialect == DIALECT_MARIADB)
		seen->domain = domain_of(applied, row_number(row, "domain"));
	facts->role = DATABASE_PRIMARY;
	facts->writable = !is_on(row_word(row, "read_only"));
	facts->unready = is_on(row_word(row, "wsrep")) &&
			 !is_on(row_word(row, "wsrep_ready"));
	facts->start = row_number(row, "started");
	facts->applied = position(seen, applied);
	written = position(seen, row_word(row, "written"));
	if (seen->dialect == DIALECT_MARIADB) {
		seen->own = own_sequence(row_word(row, "written"), seen->domain,
					 row_number(row, "server_id"));
		seen->followed =
			mysql_sequence(row_word(row, "followed"), seen->domain);
	}
	if (written.offset > facts->applied.offset)
		facts->applied = written;
	facts->received = facts->applied;
	copy(facts->history, sizeof(facts->history), applied);
	copy(facts->name, sizeof(facts->name), row_word(row, "server_id"));
	/* It waits for one of them, whichever is first. */
	facts->durable =
		is_on(row_word(row, "semi_sync")) &&
		strcmp(row_word(row, "wait_point"), "AFTER_SYNC") == 0 &&
		row_number(row, "wait_ms") >= PROMISE_MS &&
		is_on(row_word(row, "waits_alone"));
	facts->quorum = facts->durable ? 1 : 0;
}

static void take_source(struct mysql_seen *seen, const struct row *row)
{
	const struct mysql_columns *names = &mysql_columns[seen->dialect];
	struct database_facts *facts = &seen->facts;
	struct database_position received =
		position(seen, row_word(row, names->received));
	const char *lag = row_text(row, names->lag);

	/* Only the first of several channels. */
	if (facts->role == DATABASE_REPLICA)
		return;
	facts->role = DATABASE_REPLICA;
	facts->writable = false;
	facts->durable = false;
	facts->quorum = 0;
	if (seen->dialect == DIALECT_MYSQL)
		received.offset =
			mysql_set_position(row_word(row, names->received),
					   row_word(row, "Executed_Gtid_Set"));
	if (received.offset > facts->received.offset)
		facts->received = received;
	copy(facts->source_host, sizeof(facts->source_host),
	     row_word(row, names->host));
	facts->source_port = (uint16_t)row_number(row, names->port);
	facts->source_up = strcmp(row_word(row, names->io_running), "Yes") == 0;
	seen->applies = strcmp(row_word(row, names->sql_running), "Yes") == 0;
	/* An old primary's own writes are among those that it took over. */
	facts->errant = seen->own > seen->followed;
	facts->halted =
		!seen->applies && row_number(row, "Last_SQL_Errno") != 0;
	if (lag != NULL)
		facts->lag_us = strtoll(lag, NULL, 10) * SECOND;
	copy(seen->trouble, sizeof(seen->trouble),
	     row_word(row, seen->applies ? "Last_IO_Error" : "Last_SQL_Error"));
}

/* Which of them a commit waits for is not told, so all may be the one. */
static void take_replica(struct mysql_seen *seen, const struct row *row)
{
	struct database_facts *facts = &seen->facts;
	struct database_replica *it;

	facts->replica_count++;
	if (facts->replica_count > DATABASE_REPLICAS_MAX)
		return;
	it = &facts->replicas[facts->replica_count - 1];
	*it = (struct database_replica){ .streaming = true,
					 .synchronous = facts->durable };
	copy(it->name, sizeof(it->name),
	     seen->dialect == DIALECT_MARIADB ? row_word(row, "Server_id")
					      : row_word(row, "Server_Id"));
}

void mysql_take(struct mysql_seen *seen, enum mysql_question question,
		const struct row *row)
{
	if (question == MYSQL_OF_ITSELF)
		take_itself(seen, row);
	else if (question == MYSQL_OF_ITS_SOURCE)
		take_source(seen, row);
	else if (question == MYSQL_OF_ITS_REPLICAS)
		take_replica(seen, row);
}

/* --- judgement --------------------------------------------------------------
 */

static struct result concern(const char *what, const char *why,
			     int64_t latency_us)
{
	char text[RESULT_TEXT_MAX];

	snprintf(text, sizeof(text), "%s%s%.*s", what,
		 why[0] != '\0' ? ": " : "",
		 (int)(sizeof(text) - strlen(what) - 3), why);
	return result_make(RESULT_L7OKC, 0, latency_us, text);
}

struct result mysql_judge(const struct mysql_seen *seen, int64_t latency_us)
{
	const struct database_facts *facts = &seen->facts;

	if (facts->role == DATABASE_UNKNOWN)
		return result_make(RESULT_L7RSP, 0, latency_us,
				   "it says nothing of itself");
	if (facts->unready)
		return result_make(RESULT_L7STS, 0, latency_us,
				   "wsrep_ready is off");
	if (facts->role == DATABASE_PRIMARY && !facts->writable)
		return concern("primary, refuses writes (read_only)", "",
			       latency_us);
	if (facts->role == DATABASE_REPLICA && !seen->applies)
		return concern("replica, applies nothing", seen->trouble,
			       latency_us);
	if (facts->role == DATABASE_REPLICA && !facts->source_up)
		return concern("replica, its primary is not connected",
			       seen->trouble, latency_us);
	return result_make(RESULT_L7OK, 0, latency_us, NULL);
}

struct result mysql_judge_refusal(unsigned code, const char *text,
				  int64_t latency_us)
{
	/* In the order of their numbers. */
	static const struct {
		unsigned code;
		const char *what;
	} terms[] = {
		{ 1040, "too many connections" },
		{ 1044, "may not use the database" },
		{ 1045, "login refused" },
		{ 1049, "no such database" },
		{ 1129, "this host is blocked (FLUSH HOSTS)" },
		{ 1130, "this host may not connect" },
		{ 1142, "a right is missing" },
		{ 1143, "a right is missing" },
		{ 1203, "too many connections of this user" },
		{ 1226, "this user's limit is reached" },
		{ 1227, "a right is missing" },
		{ 1290, "refuses writes" },
		{ 1698, "login refused" },
		{ 1820, "the password has expired" },
		{ 1862, "the password has expired" },
		{ 2059, "login refused" },
		{ 4151, "login refused" },
	};
	char line[RESULT_TEXT_MAX];
	size_t i;

	for (i = 0; i < sizeof(terms) / sizeof(terms[0]); i++) {
		if (terms[i].code != code)
			continue;
		snprintf(line, sizeof(line), "%s: %s", terms[i].what, text);
		return result_make(RESULT_L7OKC, (int)code, latency_us, line);
	}
	return result_make(RESULT_L7STS, (int)code, latency_us, text);
}

/* --- words ------------------------------------------------------------------
 */

bool mysql_literal(const char *text, char *buf, size_t size)
{
	size_t n = 0;

	if (size < 3)
		return false;
	buf[n++] = '\'';
	for (; *text != '\0'; text++) {
		if (n + 4 > size)
			return false;
		if (*text == '\'' || *text == '\\')
			buf[n++] = '\\';
		buf[n++] = *text;
	}
	buf[n++] = '\'';
	buf[n] = '\0';
	return true;
}

/* A name of SQL. */
static void quote(const char *name, char *buf, size_t size)
{
	size_t n = 0;

	buf[n++] = '`';
	for (; *name != '\0' && n + 4 < size; name++) {
		if (*name == '`')
			buf[n++] = '`';
		buf[n++] = *name;
	}
	buf[n++] = '`';
	buf[n] = '\0';
}

bool mysql_canary(unsigned step, const char *schema, uint64_t epoch, char *buf,
		  size_t size)
{
	char name[2 * DATABASE_NAME_MAX + 4];

	quote(schema != NULL ? schema : MYSQL_SCHEMA, name, sizeof(name));
	switch (step) {
	case 0:
		snprintf(buf, size, "SET SESSION sql_log_bin = 0");
		return true;
	case 1:
		snprintf(buf, size, "CREATE DATABASE IF NOT EXISTS %s", name);
		return true;
	case 2:
		snprintf(buf, size,
			 "CREATE TABLE IF NOT EXISTS %s.canary (id TINYINT "
			 "PRIMARY KEY, epoch BIGINT UNSIGNED, at TIMESTAMP(6) "
			 "NULL) ENGINE = InnoDB",
			 name);
		return true;
	case MYSQL_CANARY_LAST:
		snprintf(buf, size,
			 "INSERT INTO %s.canary VALUES (1, %" PRIu64
			 ", NOW(6)) ON DUPLICATE KEY UPDATE "
			 "epoch = VALUES(epoch), at = VALUES(at)",
			 name, epoch);
		return true;
	default:
		return false;
	}
}
