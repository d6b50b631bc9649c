#include "checks/postgresql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the question's columns are. */
enum column {
	IN_RECOVERY,
	READ_ONLY,
	SYSTEM,
	STARTED,
	TIMELINE, /* hexadecimal */
	RECEIVED,
	APPLIED,
	NAME,
	SOURCE_HOST,
	SOURCE_PORT,
	SOURCE_STATUS,
	LAG,
	SYNCHRONOUS_COMMIT,
	SYNCHRONOUS_NAMES,
	REPLICAS,
	REPLICA_NAME,
	REPLICA_STATE,
	REPLICA_FLUSHED,
	REPLICA_SYNC,
	COLUMNS
};

#define SETTING(name, word)                                                    \
	"substring(current_setting('primary_conninfo', true) from "            \
	"'(?:^|\\s)" word "\\s*=\\s*''?([^''\\s]+)')" name

/* The timeline of a standby: what it receives; once it receives nothing, the
 * newest of its own log, since the control file lags behind by a checkpoint.
 * What it has received may be less than what it has applied: after a new
 * start, or a new source, it counts from the begin of a segment. */
const char *const postgresql_question =
	"with me as (select pg_is_in_recovery() as standby),"
	"rx as (select status, sender_host, sender_port, received_tli "
	"from pg_stat_wal_receiver where pid is not null limit 1),"
	"tx as (select row_number() over (order by sync_priority = 0, "
	"sync_priority, application_name) as rank, count(*) over () as total,"
	" application_name, state, flush_lsn, sync_state "
	"from pg_stat_replication where state <> 'backup') "
	"select me.standby, current_setting('transaction_read_only'),"
	"(pg_control_system()).system_identifier,"
	"(extract(epoch from pg_postmaster_start_time()) * 1000000)::bigint,"
	"case when not me.standby "
	"then left(pg_walfile_name(pg_current_wal_lsn()), 8) "
	"else coalesce((select lpad(to_hex(received_tli), 8, '0') from rx "
	"where received_tli > 0),"
	"(select max(left(name, 8)) from pg_ls_waldir() "
	"where name ~ '^[0-9A-F]{24}$')) end,"
	"case when me.standby then greatest(pg_last_wal_receive_lsn(),"
	"pg_last_wal_replay_lsn()) else pg_current_wal_lsn() end "
	"- '0/0'::pg_lsn,"
	"case when me.standby then pg_last_wal_replay_lsn() "
	"else pg_current_wal_lsn() end - '0/0'::pg_lsn,"
	"coalesce(" SETTING(
		"",
		"application_name") ","
				    "nullif(current_setting('cluster_name'), "
				    "'')),"
				    "coalesce((select sender_host from "
				    "rx)," SETTING("", "hostaddr") "," SETTING(
					    "",
					    "host") "),"
						    "coalesce((select "
						    "sender_port::text from "
						    "rx)," SETTING(
							    "",
							    "port") ","
								    "'5432'),"
								    "(select "
								    "coalesce("
								    "status, "
								    "'') from "
								    "rx),"
								    "case when "
								    "not "
								    "me."
								    "standby "
								    "then 0 "
								    "when "
								    "pg_last_"
								    "wal_"
								    "receive_"
								    "lsn() "
								    "= "
								    "pg_last_"
								    "wal_"
								    "replay_"
								    "lsn() "
								    "then 0 "
								    "else "
								    "(extract("
								    "epoch "
								    "from "
								    "clock_"
								    "timestamp("
								    ") - "
								    "pg_last_"
								    "xact_"
								    "replay_"
								    "timestamp("
								    ")) * "
								    "1000000)"
								    "::bigint "
								    "end,"
								    "current_"
								    "setting('"
								    "synchronou"
								    "s_commit')"
								    ","
								    "current_"
								    "setting('"
								    "synchronou"
								    "s_standby_"
								    "names'),"
								    "coalesce("
								    "tx.total, "
								    "0), "
								    "tx."
								    "applicatio"
								    "n_name, "
								    "tx.state,"
								    "tx.flush_"
								    "lsn - "
								    "'0/"
								    "0'::pg_"
								    "lsn, "
								    "tx.sync_"
								    "state "
								    "from me "
								    "left join "
								    "tx on not "
								    "me."
								    "standby "
								    "and "
								    "tx.rank "
								    "<= 8 "
								    "order by "
								    "tx.rank";

static bool is_true(const char *text)
{
	return text != NULL && text[0] == 't';
}

static uint64_t number(const char *text, int base)
{
	return text != NULL ? strtoull(text, NULL, base) : 0;
}

static void copy(char *buf, size_t size, const char *text)
{
	snprintf(buf, size, "%s", text != NULL ? text : "");
}

/* --- whom commits wait for ------------------------------------------------ */

static struct database_replica *find(struct database_facts *facts,
				     const char *name)
{
	unsigned i;

	for (i = 0; i < facts->replica_count && i < DATABASE_REPLICAS_MAX; i++)
		if (strcmp(facts->replicas[i].name, name) == 0)
			return &facts->replicas[i];
	return NULL;
}

/* A named one may come, take part in a commit and go again unseen: it counts
 * whether it is there now or not. */
static void name_synchronous(struct database_facts *facts, const char *name,
			     const char *self)
{
	struct database_replica *replica = find(facts, name);

	if (strcmp(name, self) == 0 || strcmp(name, facts->name) == 0)
		return;
	if (replica == NULL) {
		if (facts->replica_count++ >= DATABASE_REPLICAS_MAX)
			return;
		replica = &facts->replicas[facts->replica_count - 1];
		memset(replica, 0, sizeof(*replica));
		copy(replica->name, sizeof(replica->name), name);
	}
	replica->synchronous = true;
}

/* The next name or number at *@at, without its quotes; "" at the end. */
static void next_word(const char **at, char *buf, size_t size)
{
	bool quoted;
	size_t used = 0;

	*at += strspn(*at, " \t,()");
	quoted = **at == '"';
	if (quoted)
		(*at)++;
	for (; **at != '\0'; (*at)++) {
		if (quoted && (*at)[0] == '"' && (*at)[1] != '"')
			break;
		if (quoted && **at == '"')
			(*at)++;
		if (!quoted && strchr(" \t,()", **at) != NULL)
			break;
		if (used + 1 < size)
			buf[used++] = **at;
	}
	buf[used] = '\0';
	if (quoted && **at == '"')
		(*at)++;
}

static bool is_word(const char *text, const char *word)
{
	return strcasecmp(text, word) == 0;
}

void postgresql_read_synchronous(struct database_facts *facts, const char *text,
				 const char *self)
{
	const char *open = strchr(text, '('), *at = text;
	char word[DATABASE_NAME_MAX];

	facts->quorum = 1;
	while (open != NULL && at < open) {
		next_word(&at, word, sizeof(word));
		if (!is_word(word, "any") && !is_word(word, "first") &&
		    word[0] != '\0')
			facts->quorum = (unsigned)number(word, 10);
		at += strspn(at, " \t");
	}
	for (;;) {
		next_word(&at, word, sizeof(word));
		if (word[0] == '\0')
			break;
		if (strcmp(word, "*") != 0)
			name_synchronous(facts, word, self);
	}
}

/* Less than "on" does not wait until a replica has it on its disk. */
static bool waits(const char *synchronous_commit)
{
	return synchronous_commit != NULL &&
	       (strcmp(synchronous_commit, "on") == 0 ||
		strcmp(synchronous_commit, "remote_apply") == 0);
}

static void read_replicas(struct database_facts *facts,
			  const char *const *cells, unsigned rows,
			  const char *self)
{
	const char *names = cells[SYNCHRONOUS_NAMES];
	unsigned i;

	facts->replica_count = (unsigned)number(cells[REPLICAS], 10);
	for (i = 0; i < rows && i < DATABASE_REPLICAS_MAX; i++) {
		const char *const *row = &cells[i * COLUMNS];
		struct database_replica *to = &facts->replicas[i];
		const char *sync = row[REPLICA_SYNC];

		if (row[REPLICA_NAME] == NULL)
			break;
		copy(to->name, sizeof(to->name), row[REPLICA_NAME]);
		to->streaming = row[REPLICA_STATE] != NULL &&
				strcmp(row[REPLICA_STATE], "streaming") == 0;
		to->synchronous = sync != NULL && (strcmp(sync, "sync") == 0 ||
						   strcmp(sync, "quorum") == 0);
		to->acknowledged.timeline = facts->applied.timeline;
		to->acknowledged.offset = number(row[REPLICA_FLUSHED], 10);
	}
	if (names == NULL || names[0] == '\0')
		return;
	facts->durable = waits(cells[SYNCHRONOUS_COMMIT]);
	postgresql_read_synchronous(facts, names, self);
}

/* --- the answer ----------------------------------------------------------- */

static void read_source(struct database_facts *facts, const char *const *cells)
{
	const char *status = cells[SOURCE_STATUS];

	copy(facts->source_host, sizeof(facts->source_host),
	     cells[SOURCE_HOST]);
	if (facts->source_host[0] != '\0')
		facts->source_port = (uint16_t)number(cells[SOURCE_PORT], 10);
	facts->source_up = status != NULL && strcmp(status, "streaming") == 0;
	facts->lag_us = cells[LAG] != NULL && facts->source_up
				? (int64_t)number(cells[LAG], 10)
				: -1;
}

bool postgresql_facts(const char *const *cells, unsigned rows, unsigned columns,
		      const char *name, struct database_facts *ret_facts)
{
	struct database_facts *facts = ret_facts;

	if (rows < 1 || columns != COLUMNS || cells[IN_RECOVERY] == NULL ||
	    cells[TIMELINE] == NULL || cells[SYSTEM] == NULL)
		return false;
	memset(facts, 0, sizeof(*facts));
	facts->role = is_true(cells[IN_RECOVERY]) ? DATABASE_REPLICA
						  : DATABASE_PRIMARY;
	facts->writable = facts->role == DATABASE_PRIMARY &&
			  cells[READ_ONLY] != NULL &&
			  strcmp(cells[READ_ONLY], "off") == 0;
	facts->system = number(cells[SYSTEM], 10);
	facts->start = number(cells[STARTED], 10);
	facts->received.timeline = number(cells[TIMELINE], 16);
	facts->applied.timeline = facts->received.timeline;
	facts->received.offset = number(cells[RECEIVED], 10);
	facts->applied.offset = number(cells[APPLIED], 10);
	snprintf(facts->history, sizeof(facts->history), "%llu",
		 (unsigned long long)facts->received.timeline);
	copy(facts->name, sizeof(facts->name),
	     cells[NAME] != NULL ? cells[NAME] : "walreceiver");
	if (facts->role == DATABASE_REPLICA)
		read_source(facts, cells);
	else
		read_replicas(facts, cells, rows, name);
	return true;
}

struct result postgresql_judge(const struct database_facts *facts,
			       int64_t latency_us)
{
	enum result_code code = RESULT_L7OK;
	char text[RESULT_TEXT_MAX];

	if (facts->role == DATABASE_PRIMARY && !facts->writable) {
		code = RESULT_L7OKC;
		snprintf(text, sizeof(text), "a primary, but read-only");
	} else if (facts->role == DATABASE_PRIMARY) {
		snprintf(text, sizeof(text), "primary");
	} else if (facts->source_host[0] == '\0') {
		snprintf(text, sizeof(text), "replica of nobody");
	} else {
		snprintf(text, sizeof(text), "replica of %.40s:%u%s",
			 facts->source_host, facts->source_port,
			 facts->source_up ? "" : ", receives nothing");
	}
	return result_make(code, 0, latency_us, text);
}

/* It lives, and we may not look, or there is no room for us: a person must mend
 * that, and nobody is to be left for it; a full one's clients would fill the
 * next.  Without facts it is not promoted either. */
static bool is_alive(const char *state)
{
	static const char *const states[] = { "28000", "28P01", "3D000",
					      "42501", "53300" };
	size_t i;

	for (i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (strcmp(state, states[i]) == 0)
			return true;
	return false;
}

struct result postgresql_judge_refusal(const char *state, const char *why,
				       int64_t latency_us, bool *loading)
{
	char text[RESULT_TEXT_MAX];

	*loading = strcmp(state, "57P03") == 0;
	snprintf(text, sizeof(text), "%s%.*s",
		 strcmp(state, "42501") == 0 ? "grant pg_monitor to the user: "
					     : "",
		 (int)sizeof(text) - 32, why);
	return result_make(is_alive(state) ? RESULT_L7OKC : RESULT_L7STS, 0,
			   latency_us, text);
}

const char *const postgresql_canary =
	"with mode as (select set_config('synchronous_commit', 'local', true))"
	" insert into bascule_canary select 1, 0, now() from mode "
	"on conflict (id) do update set at = excluded.at";

struct result postgresql_judge_canary(const char *state, const char *why,
				      int64_t latency_us)
{
	bool ours = strcmp(state, "42501") == 0 || strcmp(state, "42P01") == 0;
	char text[RESULT_TEXT_MAX];

	snprintf(text, sizeof(text), "no canary: %.*s", (int)sizeof(text) - 16,
		 why);
	return result_make(ours ? RESULT_L7OKC : RESULT_L7STS, 0, latency_us,
			   text);
}
