#include "haproxy/leavers.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "haproxy/servers.h"

#define PROMPT      "master> "
#define PROMPT_SIZE (sizeof(PROMPT) - 1)
#define LINE_MAX_   1024 /* kept of a line; more is of no interest */
#define ID_MAX      24   /* "0x", 16 digits */
#define PORTION     32   /* sessions ended by one write */
#define OUTPUT_MAX  4096
#define WHY_MAX     120
/* Listing sessions may take one part in so many of a worker's time. */
#define SHARE 20

enum stage {
	STAGE_IDLE,
	STAGE_CONNECTING,
	STAGE_PROMPT,   /* asked for prompts */
	STAGE_WORKERS,  /* who leaves? */
	STAGE_SESSIONS, /* which sessions has the worker? */
	STAGE_ENDING    /* ending them */
};

struct leavers {
	struct leavers_doors doors;
	enum stage stage;
	bool close_first, poked, told, clear;
	bool rest;              /* more sessions than a round can end */
	struct instant failing; /* since then; NONE: no */
	struct instant due;     /* of the next round, while idle */
	struct instant since;   /* connecting, or the last answer came */
	struct instant begun;   /* the round */
	int64_t pause_us;

	long pids[LEAVERS_WORKERS_MAX];
	unsigned pid_count, pid_next;
	bool old; /* the lines are of workers that leave */
	char ids[LEAVERS_SESSIONS_MAX][ID_MAX];
	unsigned id_count, id_next, unanswered;

	char line[LINE_MAX_];
	size_t length;
	char output[OUTPUT_MAX];
	size_t output_size;
};

struct leavers *leavers_new(const struct leavers_doors *doors)
{
	struct leavers *lv = calloc(1, sizeof(*lv));

	if (lv == NULL)
		return NULL;
	lv->doors = *doors;
	lv->due = INSTANT_NEVER;
	lv->failing = INSTANT_NONE;
	return lv;
}

void leavers_free(struct leavers *lv)
{
	free(lv);
}

/* --- rounds --------------------------------------------------------------- */

void leavers_poke(struct leavers *lv, struct instant now)
{
	lv->poked = true;
	lv->clear = false;
	lv->pause_us = LEAVERS_PAUSE_US_MIN;
	if (lv->stage == STAGE_IDLE)
		lv->due = now;
}

bool leavers_clear(const struct leavers *lv)
{
	return lv->clear;
}

bool leavers_failing(const struct leavers *lv)
{
	return !instant_is_none(lv->failing);
}

static void set_clear(struct leavers *lv)
{
	if (lv->clear || lv->poked)
		return;
	lv->clear = true;
	lv->doors.cleared(lv->doors.arg);
}

static void end_round(struct leavers *lv)
{
	lv->close_first = lv->stage != STAGE_CONNECTING;
	lv->stage = STAGE_IDLE;
	lv->output_size = 0;
}

/* All was done.  Whoever still leaves is looked at again while that is of any
 * use, less and less often; whoever comes or is withdrawn pokes. */
static void finish(struct leavers *lv, struct instant now)
{
	int64_t share_us = SHARE * instant_diff_us(lv->begun, now);

	end_round(lv);
	if (lv->told)
		lv->doors.failed(lv->doors.arg, NULL);
	lv->told = false;
	lv->failing = INSTANT_NONE;
	if (!lv->rest)
		set_clear(lv);
	if (lv->poked || lv->rest)
		lv->due = now;
	else if (lv->pid_count == 0 || !lv->doors.any(lv->doors.arg))
		lv->due = INSTANT_NEVER;
	else
		lv->due = instant_add(
			now, share_us > lv->pause_us ? share_us : lv->pause_us);
	lv->pause_us *= 2;
	if (lv->pause_us > LEAVERS_PAUSE_US_MAX)
		lv->pause_us = LEAVERS_PAUSE_US_MAX;
}

static void fail(struct leavers *lv, struct instant now, const char *why)
{
	bool late;

	end_round(lv);
	if (instant_is_none(lv->failing))
		lv->failing = now;
	late = instant_reached(now,
			       instant_add(lv->failing, LEAVERS_PATIENCE_US));
	lv->due = instant_add(now, late ? LEAVERS_RETRY_US : LEAVERS_QUICK_US);
	if (late && !lv->told)
		lv->doors.failed(lv->doors.arg, why);
	lv->told = lv->told || late;
	if (late)
		set_clear(lv);
}

enum leavers_step leavers_next(struct leavers *lv, struct instant now)
{
	if (lv->close_first) {
		lv->close_first = false;
		return LEAVERS_CLOSE;
	}
	if (lv->stage != STAGE_IDLE || !instant_reached(now, lv->due))
		return LEAVERS_WAIT;
	lv->stage = STAGE_CONNECTING;
	lv->begun = lv->since = now;
	lv->poked = lv->rest = false;
	return LEAVERS_CONNECT;
}

static void put(struct leavers *lv, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void put(struct leavers *lv, const char *fmt, ...)
{
	size_t room = sizeof(lv->output) - lv->output_size;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(lv->output + lv->output_size, room, fmt, ap);
	va_end(ap);
	assert(n > 0 && (size_t)n < room);
	lv->output_size += (size_t)n;
}

void leavers_connected(struct leavers *lv, struct instant now)
{
	if (lv->stage != STAGE_CONNECTING)
		return;
	lv->stage = STAGE_PROMPT;
	lv->since = now;
	lv->length = 0;
	lv->pid_count = lv->pid_next = 0;
	lv->old = false;
	put(lv, "prompt\n");
}

void leavers_lost(struct leavers *lv, struct instant now, const char *why)
{
	if (lv->stage != STAGE_IDLE)
		fail(lv, now, why);
}

struct instant leavers_deadline(const struct leavers *lv)
{
	if (lv->close_first)
		return INSTANT_NONE;
	if (lv->stage == STAGE_IDLE)
		return lv->due;
	return instant_add(lv->since, LEAVERS_ANSWER_US);
}

void leavers_tick(struct leavers *lv, struct instant now)
{
	if (lv->stage != STAGE_IDLE &&
	    instant_reached(now, instant_add(lv->since, LEAVERS_ANSWER_US)))
		fail(lv, now, "the master does not answer");
}

/* --- what is heard -------------------------------------------------------- */

static void hear_worker(struct leavers *lv)
{
	long pid;

	if (lv->line[0] == '#') {
		lv->old = strcmp(lv->line, "# old workers") == 0;
		return;
	}
	pid = servers_number(lv->line, INT32_MAX);
	if (lv->old && pid > 0 && lv->pid_count < LEAVERS_WORKERS_MAX)
		lv->pids[lv->pid_count++] = pid;
}

/* The value of " KEY=" in the line, cut out of it; NULL: none. */
static char *value_of(char *line, const char *key)
{
	char *value = strstr(line, key);

	if (value == NULL)
		return NULL;
	value += strlen(key);
	value[strcspn(value, " ")] = '\0';
	return value;
}

/* "0x55d0c0ffee00: proto=tcpv4 src=... fe=fe be=be srv=s1 ts=00 ..." */
static void hear_session(struct leavers *lv)
{
	size_t id = strcspn(lv->line, ":");
	char *server, *backend;

	if (strncmp(lv->line, "0x", 2) != 0 || lv->line[id] != ':' ||
	    id >= ID_MAX || lv->id_count == LEAVERS_SESSIONS_MAX)
		return;
	server = value_of(lv->line + id, " srv=");
	backend = value_of(lv->line + id, " be=");
	if (server == NULL || backend == NULL ||
	    !lv->doors.wanted(lv->doors.arg, backend, server))
		return;
	memcpy(lv->ids[lv->id_count], lv->line, id);
	lv->ids[lv->id_count++][id] = '\0';
}

/* The next portion of the sessions listed, while there is any. */
static void end_some(struct leavers *lv)
{
	lv->unanswered = 0;
	while (lv->id_next < lv->id_count && lv->unanswered < PORTION) {
		put(lv, "@!%ld shutdown session %s\n", lv->pids[lv->pid_next],
		    lv->ids[lv->id_next++]);
		lv->unanswered++;
	}
}

static void next_worker(struct leavers *lv, struct instant now)
{
	if (lv->pid_next == lv->pid_count || !lv->doors.any(lv->doors.arg)) {
		finish(lv, now);
		return;
	}
	lv->stage = STAGE_SESSIONS;
	lv->id_count = lv->id_next = 0;
	put(lv, "@!%ld show sess\n", lv->pids[lv->pid_next]);
}

static void worker_done(struct leavers *lv, struct instant now)
{
	if (lv->id_count > 0) {
		lv->pause_us = LEAVERS_PAUSE_US_MIN;
		lv->doors.ended(lv->doors.arg, lv->pids[lv->pid_next],
				lv->id_count);
	}
	lv->rest = lv->rest || lv->id_count == LEAVERS_SESSIONS_MAX;
	lv->pid_next++;
	next_worker(lv, now);
}

static void hear_prompt(struct leavers *lv, struct instant now)
{
	lv->since = now;
	switch (lv->stage) {
	case STAGE_PROMPT:
		lv->stage = STAGE_WORKERS;
		put(lv, "show proc\n");
		break;
	case STAGE_WORKERS:
		next_worker(lv, now);
		break;
	case STAGE_SESSIONS:
		lv->stage = STAGE_ENDING;
		lv->unanswered = 1;
		/* fall through */
	case STAGE_ENDING:
		if (--lv->unanswered > 0)
			break;
		end_some(lv);
		if (lv->unanswered == 0)
			worker_done(lv, now);
		break;
	case STAGE_IDLE:
	case STAGE_CONNECTING:
		break;
	}
}

static void hear_line(struct leavers *lv)
{
	lv->line[lv->length] = '\0';
	if (lv->stage == STAGE_WORKERS)
		hear_worker(lv);
	else if (lv->stage == STAGE_SESSIONS)
		hear_session(lv);
	lv->length = 0;
}

void leavers_input(struct leavers *lv, struct instant now, const void *data,
		   size_t size)
{
	const char *bytes = data;
	size_t i;

	for (i = 0; i < size && lv->stage > STAGE_CONNECTING; i++) {
		if (bytes[i] == '\n') {
			hear_line(lv);
			continue;
		}
		if (lv->length < sizeof(lv->line) - 1)
			lv->line[lv->length++] = bytes[i];
		if (lv->length == PROMPT_SIZE &&
		    memcmp(lv->line, PROMPT, PROMPT_SIZE) == 0) {
			lv->length = 0;
			hear_prompt(lv, now);
		}
	}
}

size_t leavers_output(const struct leavers *lv, const char **ret_data)
{
	*ret_data = lv->output;
	return lv->output_size;
}

void leavers_sent(struct leavers *lv, size_t size)
{
	assert(size <= lv->output_size);
	lv->output_size -= size;
	memmove(lv->output, lv->output + size, lv->output_size);
}
