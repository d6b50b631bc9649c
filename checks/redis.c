#include "checks/redis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELD_MAX 128

/* The value of @key in an INFO text into @buf; false: it is not there. */
static bool field(const char *text, const char *key, char buf[FIELD_MAX])
{
	size_t length = strlen(key), size;
	const char *at = text;

	while (*at != '\0') {
		if (strncmp(at, key, length) == 0 && at[length] == ':') {
			at += length + 1;
			size = strcspn(at, "\r\n");
			if (size >= FIELD_MAX)
				size = FIELD_MAX - 1;
			memcpy(buf, at, size);
			buf[size] = '\0';
			return true;
		}
		at += strcspn(at, "\n");
		at += *at == '\n';
	}
	return false;
}

static bool field_is(const char *text, const char *key, const char *value)
{
	char buf[FIELD_MAX];

	return field(text, key, buf) && strcmp(buf, value) == 0;
}

/* 0 also for what is negative: an offset that is not known. */
static uint64_t field_number(const char *text, const char *key)
{
	char buf[FIELD_MAX];

	if (!field(text, key, buf) || buf[0] == '-')
		return 0;
	return strtoull(buf, NULL, 10);
}

/* FNV-1a. */
static uint64_t hash(const char *text)
{
	uint64_t sum = UINT64_C(14695981039346656037);

	for (; *text != '\0'; text++)
		sum = (sum ^ (unsigned char)*text) * UINT64_C(1099511628211);
	return sum != 0 ? sum : 1;
}

/* "a=1,b=2": the value of @key into @buf. */
static bool part(const char *text, const char *key, char *buf, size_t max)
{
	size_t length = strlen(key), size;

	while (*text != '\0') {
		size = strcspn(text, ",");
		if (strncmp(text, key, length) == 0 && text[length] == '=') {
			text += length + 1;
			size = strcspn(text, ",");
			if (size >= max)
				size = max - 1;
			memcpy(buf, text, size);
			buf[size] = '\0';
			return true;
		}
		text += size;
		text += *text == ',';
	}
	return false;
}

static void take_replica(struct database_facts *facts, const char *text)
{
	char host[DATABASE_NAME_MAX - 8], port[8] = "", word[24] = "";
	struct database_replica *replica;

	if (facts->replica_count == DATABASE_REPLICAS_MAX ||
	    !part(text, "ip", host, sizeof(host)))
		return;
	replica = &facts->replicas[facts->replica_count++];
	*replica = (struct database_replica){ 0 };
	part(text, "port", port, sizeof(port));
	snprintf(replica->name, sizeof(replica->name), "%s:%s", host, port);
	replica->streaming = part(text, "state", word, sizeof(word)) &&
			     strcmp(word, "online") == 0;
	if (part(text, "offset", word, sizeof(word)) && word[0] != '-')
		replica->acknowledged.offset = strtoull(word, NULL, 10);
}

static void take_primary(struct database_facts *facts, const char *text)
{
	char buf[FIELD_MAX], key[16];
	unsigned i, count;

	facts->role = DATABASE_PRIMARY;
	facts->writable = true;
	facts->received.offset = field_number(text, "master_repl_offset");
	facts->applied = facts->received;
	count = (unsigned)field_number(text, "connected_slaves");
	for (i = 0; i < count && i < DATABASE_REPLICAS_MAX; i++) {
		snprintf(key, sizeof(key), "slave%u", i);
		if (field(text, key, buf))
			take_replica(facts, buf);
	}
	facts->replica_count = count;
}

static void take_copy(struct database_facts *facts, const char *text)
{
	char buf[FIELD_MAX];

	facts->role = DATABASE_REPLICA;
	facts->applied.offset = field_number(text, "slave_repl_offset");
	facts->received.offset = field_number(text, "slave_read_repl_offset");
	/* Before 7.0 there was but one. */
	if (facts->received.offset < facts->applied.offset)
		facts->received = facts->applied;
	if (field(text, "master_host", buf))
		snprintf(facts->source_host, sizeof(facts->source_host), "%.*s",
			 DATABASE_NAME_MAX - 1, buf);
	facts->source_port = (uint16_t)field_number(text, "master_port");
	facts->source_up = field_is(text, "master_link_status", "up");
	/* It takes in a whole copy, and has nothing until that is there. */
	facts->unready = field_is(text, "master_sync_in_progress", "1");
}

void redis_take_replication(struct database_facts *facts, const char *text)
{
	char id[FIELD_MAX] = "", second[FIELD_MAX] = "";

	facts->lag_us = -1;
	if (field_is(text, "role", "master"))
		take_primary(facts, text);
	else if (field_is(text, "role", "slave"))
		take_copy(facts, text);
	if (!field(text, "master_replid", id))
		return;
	/* Who has followed a server has its id; one that was filled from
	 * another one has that one's. */
	facts->system = hash(id);
	field(text, "second_repl_offset", second);
	snprintf(facts->history, sizeof(facts->history), "%.40s:%.20s", id,
		 second);
}

void redis_take_server(struct database_facts *facts, const char *text,
		       uint16_t *ret_port)
{
	char id[FIELD_MAX];

	if (field(text, "run_id", id))
		facts->start = hash(id);
	*ret_port = (uint16_t)field_number(text, "tcp_port");
}

int64_t redis_good_replicas(const char *text)
{
	char good[FIELD_MAX];

	return field(text, "min_slaves_good_slaves", good)
		       ? strtoll(good, NULL, 10)
		       : -1;
}

static bool starts(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

struct result redis_judge_error(const char *error, int64_t latency_us)
{
	/* It lives, and we may not look: a person must mend that, and nobody
	 * is to be withdrawn for it. */
	static const char *const rights[] = {
		"NOAUTH",   "WRONGPASS",      "NOPERM",
		"ERR AUTH", "ERR invalid DB", "ERR DB index"
	};
	/* It does what it is told to, or what its primary's absence makes it
	 * do. */
	static const char *const terms[] = { "MASTERDOWN", "READONLY",
					     "NOREPLICAS", "OOM" };
	size_t i;

	for (i = 0; i < sizeof(rights) / sizeof(rights[0]); i++)
		if (starts(error, rights[i]))
			return result_make(RESULT_L7OKC, 0, latency_us, error);
	for (i = 0; i < sizeof(terms) / sizeof(terms[0]); i++)
		if (starts(error, terms[i]))
			return result_make(RESULT_L7OKC, 0, latency_us, error);
	return result_make(RESULT_L7STS, 0, latency_us, error);
}

const char *redis_concern(const struct database_facts *facts)
{
	if (facts->role == DATABASE_PRIMARY && !facts->writable)
		return "primary, refuses writes (min-replicas-to-write)";
	if (facts->role == DATABASE_REPLICA && facts->unready)
		return "replica, takes in a whole copy";
	if (facts->role == DATABASE_REPLICA && !facts->source_up)
		return "replica, its primary is not connected";
	return NULL;
}
