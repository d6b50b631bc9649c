#include "haproxy/counters.h"

#include <stdlib.h>
#include <string.h>

#include "haproxy/unanswered.h"

/* The fields of `show stat` as far as they are needed: new ones are only ever
 * added at the end. */
static const char head[] =
	"# pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,"
	"ereq,econ,eresp,wretr,wredis,status,weight,act,bck,chkfail,chkdown,"
	"lastchg,downtime,qlimit,pid,iid,sid,throttle,lbtot,tracked,type,rate,"
	"rate_lim,rate_max,check_status,check_code,check_duration,hrsp_1xx,"
	"hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,hrsp_other,";

enum field {
	FIELD_BACKEND = 0,
	FIELD_SERVER = 1,
	FIELD_QUEUE = 2,
	FIELD_SESSIONS = 4,
	FIELD_BEGUN = 7, /* sessions in all */
	FIELD_FAILED = 13,
	FIELD_BROKEN = 14,
	FIELD_RETRIED = 15,
	FIELD_MOVED = 16,
	FIELD_STATUS = 17,
	FIELD_ANSWERS = 39, /* 1xx, and so on to others */
	FIELD_5XX = 43,
	FIELDS = 45
};

/* What a server's line says. */
struct sample {
	uint32_t failed;  /* connections, or clients that waited too long */
	uint32_t retried; /* connections */
	uint32_t broken;  /* answers that failed */
	uint32_t begun;   /* sessions */
	uint32_t answers, errors;
	bool busy, queue, maintenance, used;
};

struct counted {
	struct sample last;
	bool known;               /* there is a last one */
	bool suspect;             /* new errors in this answer */
	bool erring;              /* new 5xx in this answer */
	uint32_t begun, answered; /* new in this answer */
	uint32_t answers, errors; /* in the window */
	struct unanswered silence;
	struct instant quiet; /* no hint before it */
};

/* A service's backend at this HAProxy. */
struct group {
	unsigned backend;      /* 0: not seen yet */
	struct instant halved; /* when its windows were */
};

struct counters {
	const struct servers *servers; /* borrowed */
	const struct settings *set;    /* borrowed: of the servers */
	struct counted *targets;       /* owned */
	struct group *groups;          /* owned: for each service */
	int64_t interval_us, took_us;  /* took: by this round */
	unsigned next;                 /* service of this round */
	unsigned asked;                /* service, or SERVERS_NONE */
	bool placed;                   /* some backend is known */
	bool understood;               /* the answer has the fields we know */
	struct instant due;            /* the next question */
	struct instant wanted;         /* ... for somebody's silence */
};

struct counters *counters_new(const struct servers *servers)
{
	struct counters *cnt = calloc(1, sizeof(*cnt));

	if (cnt == NULL)
		return NULL;
	cnt->servers = servers;
	cnt->set = servers_settings(servers);
	cnt->targets =
		calloc(cnt->set->target_count + 1UL, sizeof(*cnt->targets));
	cnt->groups =
		calloc(cnt->set->service_count + 1UL, sizeof(*cnt->groups));
	if (cnt->targets == NULL || cnt->groups == NULL) {
		counters_free(cnt);
		return NULL;
	}
	counters_reset(cnt);
	return cnt;
}

void counters_free(struct counters *cnt)
{
	if (cnt == NULL)
		return;
	free(cnt->targets);
	free(cnt->groups);
	free(cnt);
}

void counters_every(struct counters *cnt, int64_t interval_us)
{
	cnt->interval_us = interval_us;
}

void counters_reset(struct counters *cnt)
{
	unsigned i;

	for (i = 0; i < cnt->set->target_count; i++) {
		cnt->targets[i] = (struct counted){ .quiet = INSTANT_NONE };
		unanswered_init(&cnt->targets[i].silence);
	}
	for (i = 0; i < cnt->set->service_count; i++)
		cnt->groups[i] = (struct group){ .halved = INSTANT_NONE };
	cnt->took_us = 0;
	cnt->next = 0;
	cnt->asked = SERVERS_NONE;
	cnt->placed = false;
	cnt->due = INSTANT_NONE;
	cnt->wanted = INSTANT_NEVER;
}

void counters_place(struct counters *cnt, unsigned target, unsigned backend)
{
	cnt->groups[cnt->set->targets[target].service].backend = backend;
	cnt->placed = cnt->placed || backend != 0;
}

struct instant counters_due(const struct counters *cnt)
{
	if (cnt->interval_us == 0 || !cnt->placed || cnt->asked != SERVERS_NONE)
		return INSTANT_NEVER;
	return cnt->due;
}

/* --- asking -------------------------------------------------------------- */

/* What was answered counts for half after each window. */
static void halve(struct counters *cnt, unsigned service, struct instant now)
{
	const struct service_settings *svc = &cnt->set->services[service];
	struct group *group = &cnt->groups[service];
	int64_t windows;
	unsigned i;

	if (instant_is_none(group->halved))
		group->halved = now;
	windows = instant_diff_us(group->halved, now) / COUNTERS_WINDOW_US;
	if (windows <= 0)
		return;
	group->halved = now;
	if (windows > 31)
		windows = 31;
	for (i = 0; i < svc->target_count; i++) {
		struct counted *t = &cnt->targets[svc->first_target + i];

		t->answers >>= windows;
		t->errors >>= windows;
	}
}

static void round_over(struct counters *cnt, struct instant now)
{
	int64_t pause_us = cnt->interval_us - cnt->took_us;

	if (!instant_is_never(cnt->wanted) &&
	    instant_diff_us(now, cnt->wanted) < pause_us)
		pause_us = instant_diff_us(now, cnt->wanted);
	cnt->wanted = INSTANT_NEVER;
	if (pause_us < (COUNTERS_SHARE - 1) * cnt->took_us)
		pause_us = (COUNTERS_SHARE - 1) * cnt->took_us;
	if (pause_us > COUNTERS_PAUSE_MAX)
		pause_us = COUNTERS_PAUSE_MAX;
	cnt->due = instant_add(now, pause_us);
	cnt->took_us = 0;
	cnt->next = 0;
}

unsigned counters_ask(struct counters *cnt, struct instant now)
{
	unsigned n = cnt->set->service_count;

	while (cnt->next < n && cnt->groups[cnt->next].backend == 0)
		cnt->next++;
	if (cnt->next == n) {
		round_over(cnt, now);
		return 0;
	}
	cnt->asked = cnt->next++;
	cnt->understood = false;
	halve(cnt, cnt->asked, now);
	return cnt->groups[cnt->asked].backend;
}

/* --- hearing ------------------------------------------------------------- */

/* Cut @line into its first fields.  Returns false when it has fewer, or was
 * cut off within them. */
static bool split(char *line, char **fields)
{
	unsigned i;

	for (i = 0; i < FIELDS; i++) {
		char *end = strchr(line, ',');

		if (end == NULL)
			return false;
		*end = '\0';
		fields[i] = line;
		line = end + 1;
	}
	return true;
}

/* Modulo 2^32, as all differences are. */
static uint32_t number(const char *text)
{
	uint32_t n = 0;

	for (; *text >= '0' && *text <= '9'; text++)
		n = n * 10 + (uint32_t)(*text - '0');
	return n;
}

static void read_sample(char *const *fields, struct sample *ret_sample)
{
	unsigned i;

	*ret_sample = (struct sample){
		.failed = number(fields[FIELD_FAILED]) +
			  number(fields[FIELD_MOVED]),
		.retried = number(fields[FIELD_RETRIED]),
		.broken = number(fields[FIELD_BROKEN]),
		.errors = number(fields[FIELD_5XX]),
		.begun = number(fields[FIELD_BEGUN]),
		.busy = number(fields[FIELD_SESSIONS]) > 0,
		.queue = number(fields[FIELD_QUEUE]) > 0,
		.maintenance = strncmp(fields[FIELD_STATUS], "MAINT", 5) == 0,
	};
	ret_sample->used = !ret_sample->maintenance &&
			   strncmp(fields[FIELD_STATUS], "DOWN", 4) != 0;
	for (i = FIELD_ANSWERS; i < FIELDS; i++)
		ret_sample->answers += number(fields[i]);
}

/* What came since; a count that fell began anew. */
static uint32_t since(uint32_t now, uint32_t before)
{
	uint32_t more = now - before;

	return more > INT32_MAX ? 0 : more;
}

static void compare(struct counted *t, const struct sample *now)
{
	bool queue = now->queue || t->last.queue;
	uint32_t errors = since(now->errors, t->last.errors);

	if (t->known) {
		t->begun = since(now->begun, t->last.begun);
		t->answered = since(now->answers, t->last.answers);
		t->answers += t->answered;
		t->errors += errors;
		t->erring = errors > 0;
		t->suspect = since(now->retried, t->last.retried) > 0 ||
			     since(now->broken, t->last.broken) > 0 ||
			     (!queue && since(now->failed, t->last.failed) > 0);
	}
	t->known = true;
	t->last = *now;
}

void counters_line(struct counters *cnt, char *line)
{
	char *fields[FIELDS];
	struct sample now;
	unsigned t = SERVERS_NONE;

	if (cnt->asked == SERVERS_NONE)
		return;
	if (!cnt->understood) {
		cnt->understood = strncmp(line, head, sizeof(head) - 1) == 0;
		return;
	}
	if (!split(line, fields))
		return;
	read_sample(fields, &now);
	while ((t = servers_find(cnt->servers, fields[FIELD_BACKEND],
				 fields[FIELD_SERVER], t)) != SERVERS_NONE)
		if (cnt->set->targets[t].service == cnt->asked)
			compare(&cnt->targets[t], &now);
}

/* --- judging ------------------------------------------------------------- */

/* Whether @t has clearly more 5xx among its answers than the rest of @total:
 * some, while its siblings have none; or at least twice the share that they
 * have, were their next two answers 5xx as well. */
static bool above_siblings(const struct counted *t, const struct counted *total)
{
	uint64_t answers = total->answers - t->answers;
	uint64_t errors = total->errors - t->errors;

	if (answers < COUNTERS_SIBLINGS_MIN)
		return false;
	return errors == 0 || (uint64_t)t->errors * (answers + 2) >=
				      2 * (uint64_t)t->answers * (errors + 2);
}

/* Whether requests stand unanswered for longer than is usual.  Servers that
 * never gave an answer that HAProxy understood may speak no HTTP. */
static bool is_silent(struct counters *cnt, struct counted *t,
		      struct instant now)
{
	bool busy = t->last.busy && t->last.answers > 0;
	bool silent;

	if (!t->last.used)
		unanswered_end(&t->silence);
	silent = unanswered_look(&t->silence, t->begun, t->answered, busy, now);
	t->begun = 0;
	t->answered = 0;
	cnt->wanted = instant_min(cnt->wanted, unanswered_due(&t->silence));
	return silent;
}

static void judge(struct counters *cnt, unsigned target,
		  const struct counted *total, struct instant now,
		  counters_hint_fn hint, void *arg)
{
	struct counted *t = &cnt->targets[target];
	struct hint says = { .target = target, .kind = HINT_HAPROXY_ERRORS };
	bool silent = is_silent(cnt, t, now);
	bool speaks = t->suspect;

	if (!speaks && silent) {
		says.kind = HINT_HAPROXY_PENDING;
		speaks = true;
	}
	if (!speaks && t->erring && above_siblings(t, total)) {
		says.kind = HINT_HAPROXY_5XX;
		speaks = true;
	}
	t->suspect = false;
	t->erring = false;
	if (!speaks || t->last.maintenance ||
	    !(instant_is_none(t->quiet) || instant_reached(now, t->quiet)))
		return;
	t->quiet = instant_add(now, COUNTERS_QUIET_US);
	hint(arg, &says);
}

void counters_answered(struct counters *cnt, struct instant now,
		       int64_t took_us, counters_hint_fn hint, void *arg)
{
	const struct service_settings *svc;
	struct counted total = { 0 };
	unsigned i;

	if (cnt->asked == SERVERS_NONE)
		return;
	svc = &cnt->set->services[cnt->asked];
	cnt->asked = SERVERS_NONE;
	cnt->took_us += took_us > 0 ? took_us : 0;
	for (i = 0; i < svc->target_count; i++) {
		total.answers += cnt->targets[svc->first_target + i].answers;
		total.errors += cnt->targets[svc->first_target + i].errors;
	}
	for (i = 0; i < svc->target_count; i++)
		judge(cnt, svc->first_target + i, &total, now, hint, arg);
}
