#include "controller/core/self.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/core/message.h"

#define NOWHERE   UINT32_MAX /* loopback */
#define NO_TARGET UINT32_MAX
#define TRIES_MAX 64
#define LATE_US   (200 * MS) /* of loop or canary: sick */

/* Why it doubts. */
enum cause {
	CAUSE_NONE,
	CAUSE_LAG,
	CAUSE_CANARY,
	CAUSE_CPU,
	CAUSE_MEMORY,
	CAUSE_IO,
	CAUSE_LOSS,
	CAUSE_STALL,
	CAUSE_SILENCE, /* shared fate */
	CAUSE_CUT,
	CAUSE_SEEN_WELL
};

/* One level: until when, why, and how much. */
struct level {
	struct instant until; /* NONE: not at all */
	enum cause cause;
	int64_t amount; /* us, percent or targets */
};

/* What is counted for a host and for a service. */
struct tally {
	uint32_t watched, silent, failing;
};

struct self {
	const struct settings *set; /* borrowed */
	uint32_t *host;             /* owned: by target */
	uint8_t *sign;              /* owned: by target, enum self_sign */
	struct tally *hosts;        /* owned */
	struct tally *services;     /* owned */
	struct tally all;
	unsigned hosts_watched, hosts_silent, hosts_failing, services_failing;
	/* The newest answers of two different hosts, the newer one first. */
	uint32_t heard_host[2];
	struct instant heard_at[2];
	unsigned turn; /* of witnesses */
	struct level strained, sick;
	unsigned patience;
	bool carrier_lost;
	bool endless;           /* nothing answers and nobody is heard */
	int64_t used_us;        /* of doubt, from sign to sign of trouble */
	struct instant counted; /* the last one */
	struct instant rested;  /* sick again before then: the same doubt */
};

/* ---- who is where ---- */

static bool is_loopback(const char *host)
{
	return strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0 ||
	       strcmp(host, "localhost") == 0;
}

/* The target that stands for the host of @target in @table, which has a free
 * place. */
static uint32_t stands_for(const struct settings *set, uint32_t *table,
			   uint32_t size, uint32_t target)
{
	const char *host = set->targets[target].host;
	uint32_t at = message_id(host) % size;

	while (table[at] != NOWHERE &&
	       strcmp(set->targets[table[at]].host, host) != 0)
		at = (at + 1) % size;
	if (table[at] == NOWHERE)
		table[at] = target;
	return table[at];
}

/* Number the hosts.  What has no address is somewhere of its own. */
static void number_hosts(struct self *self, uint32_t *table, uint32_t size)
{
	const struct settings *set = self->set;
	uint32_t i, same, next = 0;

	memset(table, 0xff, size * sizeof(*table));
	for (i = 0; i < set->target_count; i++) {
		const char *host = set->targets[i].host;

		same = i;
		if (host != NULL && host[0] != '\0')
			same = stands_for(set, table, size, i);
		if (host != NULL && is_loopback(host))
			self->host[i] = NOWHERE;
		else
			self->host[i] = same == i ? next++ : self->host[same];
	}
}

struct self *self_new(const struct settings *set)
{
	struct self *self = calloc(1, sizeof(*self));
	uint32_t n = set->target_count + 1u;
	uint32_t *table;

	if (self == NULL)
		return NULL;
	self->set = set;
	self->host = calloc(n, sizeof(*self->host));
	self->sign = calloc(n, sizeof(*self->sign));
	self->hosts = calloc(n, sizeof(*self->hosts));
	self->services =
		calloc(set->service_count + 1u, sizeof(*self->services));
	self->heard_host[0] = self->heard_host[1] = NOWHERE;
	self->heard_at[0] = self->heard_at[1] = INSTANT_NONE;
	self->strained.until = self->sick.until = INSTANT_NONE;
	self->counted = self->rested = INSTANT_NONE;
	self->patience = 1;
	table = calloc(2u * n, sizeof(*table));
	if (self->host == NULL || self->sign == NULL || self->hosts == NULL ||
	    self->services == NULL || table == NULL) {
		free(table);
		self_free(self);
		return NULL;
	}
	number_hosts(self, table, 2 * n);
	free(table);
	return self;
}

void self_free(struct self *self)
{
	if (self == NULL)
		return;
	free(self->host);
	free(self->sign);
	free(self->hosts);
	free(self->services);
	free(self);
}

void self_carry(struct self *self, const struct self *was)
{
	self->strained = was->strained;
	self->sick = was->sick;
	self->patience = was->patience;
	self->carrier_lost = was->carrier_lost;
	self->endless = was->endless;
	self->used_us = was->used_us;
	self->counted = was->counted;
	self->rested = was->rested;
}

/* ---- signs ---- */

/* What does not know better has at least connected before it asked. */
static bool is_acknowledged(const struct result *res)
{
	if (res->reach == REACH_UNKNOWN)
		return res->code == RESULT_L7TOUT || res->code == RESULT_L6TOUT;
	return res->reach == REACH_ACKNOWLEDGED;
}

enum self_sign self_sign_of(const struct result *res)
{
	switch (result_verdict(res->code)) {
	case VERDICT_NONE:
		return SELF_NONE;
	case VERDICT_PASS:
	case VERDICT_WARN:
		return SELF_ANSWERED;
	default:
		break;
	}
	if (result_is_silence(res->code))
		return is_acknowledged(res) ? SELF_HANGS : SELF_SILENT;
	/* Our own kernel's words, or a router's. */
	if (res->code == RESULT_L4CON && result_is_unreachable(res->status))
		return SELF_SILENT;
	return SELF_BAD;
}

/* Count @sign in, or out again. */
static void count(struct tally *tally, enum self_sign sign, bool in)
{
	uint32_t by = in ? 1 : UINT32_MAX;

	if (sign == SELF_NONE)
		return;
	tally->watched += by;
	tally->silent += sign == SELF_SILENT ? by : 0;
	tally->failing += sign != SELF_ANSWERED ? by : 0;
}

static void count_at(struct self *self, unsigned target, enum self_sign sign,
		     bool in)
{
	struct tally *host = &self->hosts[self->host[target]];
	struct tally *svc = &self->services[self->set->targets[target].service];

	self->hosts_watched -= host->watched > 0;
	self->hosts_silent -= host->silent > 0;
	self->hosts_failing -= host->failing > 0;
	self->services_failing -= svc->failing > 0;
	count(host, sign, in);
	count(svc, sign, in);
	count(&self->all, sign, in);
	self->hosts_watched += host->watched > 0;
	self->hosts_silent += host->silent > 0;
	self->hosts_failing += host->failing > 0;
	self->services_failing += svc->failing > 0;
}

static void heard(struct self *self, uint32_t host, struct instant now)
{
	if (host != self->heard_host[0]) {
		self->heard_host[1] = self->heard_host[0];
		self->heard_at[1] = self->heard_at[0];
		self->heard_host[0] = host;
	}
	self->heard_at[0] = now;
}

void self_seen(struct self *self, unsigned target, enum self_sign sign,
	       struct instant now)
{
	enum self_sign was = (enum self_sign)self->sign[target];

	if (self->host[target] == NOWHERE)
		return;
	if (sign == SELF_ANSWERED || sign == SELF_BAD)
		heard(self, self->host[target], now);
	if (sign == was)
		return;
	count_at(self, target, was, false);
	count_at(self, target, sign, true);
	self->sign[target] = (uint8_t)sign;
}

unsigned self_witness(struct self *self, unsigned target)
{
	unsigned n = self->set->target_count, i, k;
	uint32_t host = self->host[target];

	if (host == NOWHERE)
		return NO_TARGET;
	for (i = 0; i < n && i < TRIES_MAX; i++) {
		k = self->turn = (self->turn + 1) % n;
		if (self->host[k] != NOWHERE && self->host[k] != host &&
		    self->sign[k] == SELF_ANSWERED)
			return k;
	}
	return NO_TARGET;
}

/* Whether another host than @host has answered after @since. */
static bool another_answered(const struct self *self, uint32_t host,
			     struct instant since)
{
	unsigned i = self->heard_host[0] == host;

	return !instant_is_none(self->heard_at[i]) &&
	       instant_before(since, self->heard_at[i]);
}

/* ---- the table ---- */

static const uint8_t silent_table[SELF_FATES][SELF_OTHERS] = {
	[SELF_FEW] = {
		[SELF_ALONE] = SELF_TARGET,
		[SELF_CUT] = SELF_TARGET,
		[SELF_WELL] = SELF_TARGET,
		[SELF_SAME] = SELF_TARGET,
	},
	[SELF_ASKING] = {
		[SELF_ALONE] = SELF_WAIT,
		[SELF_CUT] = SELF_WAIT,
		[SELF_WELL] = SELF_WAIT,
		[SELF_SAME] = SELF_TARGET,
	},
	[SELF_MOST] = {
		[SELF_ALONE] = SELF_TARGET,
		[SELF_CUT] = SELF_NODE,
		[SELF_WELL] = SELF_NODE,
		[SELF_SAME] = SELF_TARGET,
	},
	[SELF_ALL] = {
		[SELF_ALONE] = SELF_NODE,
		[SELF_CUT] = SELF_NODE,
		[SELF_WELL] = SELF_NODE,
		[SELF_SAME] = SELF_TARGET,
	},
};

enum self_accused self_table(enum self_sign sign, enum self_fate fate,
			     enum self_others others)
{
	if (sign == SELF_SILENT)
		return (enum self_accused)silent_table[fate][others];
	if (sign != SELF_NONE && fate == SELF_MOST && others == SELF_WELL)
		return SELF_NODE;
	return SELF_TARGET;
}

/* When somebody else must have answered to show that the network worked while
 * the target was silent: in the second half of its silence.  An answer right
 * after its beginning says nothing of what was cut a moment later. */
static struct instant shows_since(struct instant onset, struct instant now)
{
	return instant_add(onset, instant_diff_us(onset, now) / 2);
}

static enum self_fate fate_of(const struct self *self, unsigned target,
			      enum self_sign sign, struct instant onset,
			      enum self_others others, struct instant now)
{
	uint32_t host = self->host[target];

	if (host == NOWHERE)
		return SELF_FEW;
	/* Nobody is there to compare with, not even another node. */
	if (sign == SELF_SILENT && others == SELF_CUT &&
	    self->all.silent == self->all.watched)
		return SELF_ALL;
	if (self->hosts_watched < 2)
		return SELF_FEW;
	if (sign != SELF_SILENT)
		return self->all.failing * 2 > self->all.watched &&
				       self->hosts_failing > 1 &&
				       self->services_failing > 1
			       ? SELF_MOST
			       : SELF_FEW;
	if (!another_answered(self, host, shows_since(onset, now))) {
		if (self->hosts_silent > 1)
			return SELF_ALL;
		return instant_diff_us(onset, now) < SELF_ASKING_US
			       ? SELF_ASKING
			       : SELF_FEW;
	}
	return self->all.silent * 2 > self->all.watched &&
			       self->hosts_silent > 1
		       ? SELF_MOST
		       : SELF_FEW;
}

/* ---- levels ---- */

static bool lasts(const struct level *level, struct instant now)
{
	return !instant_is_none(level->until) &&
	       instant_before(now, level->until);
}

static void fall_sick(struct self *self, enum cause cause, int64_t amount,
		      struct instant now)
{
	if (self->set->doubt_us == 0 && cause != CAUSE_CUT)
		return;
	if (lasts(&self->sick, now) && !self->endless)
		self->used_us += instant_diff_us(self->counted, now);
	else if (!instant_is_none(self->rested) &&
		 instant_reached(now, self->rested))
		self->used_us = 0;
	self->counted = now;
	self->endless = false;
	self->sick.until = instant_add(now, SELF_SETTLE_US);
	self->sick.cause = cause;
	self->sick.amount = amount;
	self->rested = instant_add(self->sick.until, self->set->doubt_us);
}

bool self_spent(const struct self *self, struct instant now)
{
	return !self->endless && lasts(&self->sick, now) &&
	       self->used_us >= self->set->doubt_us;
}

bool self_blamed(const struct self *self, struct instant now)
{
	return lasts(&self->sick, now) && self->sick.cause >= CAUSE_SILENCE;
}

struct instant self_since(const struct self *self, struct instant now)
{
	const struct level *sick = &self->sick;

	if (!lasts(sick, now))
		return INSTANT_NONE;
	if (sick->cause == CAUSE_LAG || sick->cause == CAUSE_CANARY ||
	    sick->cause == CAUSE_STALL)
		return instant_add(self->counted, -sick->amount);
	return self->counted;
}

void self_stalled(struct self *self, int64_t late_us, struct instant now)
{
	fall_sick(self, CAUSE_STALL, late_us, now);
}

/* Up to 4 for what is @amount, twice as much for each doubling. */
static unsigned patience_for(int64_t amount, int64_t least)
{
	unsigned patience = 1;

	for (; amount >= least && patience < SELF_PATIENCE_MAX; least *= 2)
		patience++;
	return patience;
}

struct strain {
	enum cause cause;
	int64_t amount;
	unsigned patience;
};

static void weigh(struct strain *worst, enum cause cause, int64_t amount,
		  int64_t least)
{
	unsigned patience = patience_for(amount, least);

	if (patience > worst->patience)
		*worst = (struct strain){ cause, amount, patience };
}

/* Others may wait for what we get: it is trouble only once we are late, too.
 */
static void weigh_pressure(struct strain *worst, const struct self_facts *facts)
{
	int64_t late_us = facts->lag_us > facts->canary_us ? facts->lag_us
							   : facts->canary_us;
	struct strain pressed = { CAUSE_NONE, 0, worst->patience };

	if (facts->memory_percent >= 10)
		weigh(&pressed, CAUSE_MEMORY, late_us, 5 * MS);
	else if (facts->cpu_percent >= 40)
		weigh(&pressed, CAUSE_CPU, late_us, 5 * MS);
	else if (facts->io_percent >= 60)
		weigh(&pressed, CAUSE_IO, late_us, 5 * MS);
	if (pressed.patience == worst->patience)
		return;
	pressed.amount = pressed.cause == CAUSE_MEMORY ? facts->memory_percent
			 : pressed.cause == CAUSE_CPU  ? facts->cpu_percent
						       : facts->io_percent;
	*worst = pressed;
}

void self_learn(struct self *self, const struct self_facts *facts,
		struct instant now)
{
	struct strain worst = { CAUSE_NONE, 0, 1 };

	self->carrier_lost = facts->carrier_lost;
	weigh(&worst, CAUSE_LAG, facts->lag_us, 20 * MS);
	weigh(&worst, CAUSE_CANARY, facts->canary_us, 20 * MS);
	weigh(&worst, CAUSE_LOSS, facts->loss_percent, 5);
	weigh_pressure(&worst, facts);
	if (self->set->doubt_us == 0)
		return;
	if (facts->lag_us >= LATE_US)
		fall_sick(self, CAUSE_LAG, facts->lag_us, now);
	else if (facts->canary_us >= LATE_US)
		fall_sick(self, CAUSE_CANARY, facts->canary_us, now);
	if (worst.patience == 1 ||
	    (lasts(&self->strained, now) && worst.patience < self->patience))
		return;
	self->patience = worst.patience;
	self->strained = (struct level){ instant_add(now, SELF_STRAIN_US),
					 worst.cause, worst.amount };
}

static enum cause cause_of(enum self_others others)
{
	return others == SELF_WELL  ? CAUSE_SEEN_WELL
	       : others == SELF_CUT ? CAUSE_CUT
				    : CAUSE_SILENCE;
}

enum self_accused self_judge(struct self *self, unsigned target,
			     enum self_sign sign, struct instant onset,
			     enum self_others others, struct instant now)
{
	enum self_accused accused;
	enum self_fate fate;

	if (self->carrier_lost && others != SELF_SAME && sign == SELF_SILENT)
		others = SELF_CUT;
	fate = fate_of(self, target, sign, onset, others, now);
	accused = self_table(sign, fate, others);
	if (accused == SELF_NODE) {
		fall_sick(self, cause_of(others),
			  sign == SELF_SILENT ? self->all.silent
					      : self->all.failing,
			  now);
		self->endless = fate == SELF_ALL && others == SELF_CUT;
	} else if (accused == SELF_TARGET && others != SELF_SAME &&
		   sign != SELF_BAD && lasts(&self->sick, now)) {
		accused = SELF_NODE;
	}
	if (accused == SELF_NODE &&
	    (!lasts(&self->sick, now) || self_spent(self, now)))
		return SELF_TARGET;
	return self->set->doubt_us == 0 && accused == SELF_WAIT ? SELF_TARGET
								: accused;
}

enum self_doubt self_level(const struct self *self, struct instant now)
{
	if (lasts(&self->sick, now))
		return SELF_SICK;
	return lasts(&self->strained, now) ? SELF_STRAINED : SELF_FINE;
}

struct instant self_deadline(const struct self *self, struct instant now)
{
	struct instant due = INSTANT_NEVER;

	if (lasts(&self->sick, now))
		due = self->sick.until;
	if (lasts(&self->strained, now))
		due = instant_min(due, self->strained.until);
	return due;
}

unsigned self_patience(const struct self *self, struct instant now)
{
	return lasts(&self->strained, now) ? self->patience : 1;
}

/* ---- words ---- */

const char *self_doubt_name(enum self_doubt doubt)
{
	static const char *const names[] = { "none", "strained", "sick" };

	return names[doubt];
}

static const char *const causes[] = {
	[CAUSE_NONE] = "",
	[CAUSE_LAG] = "its loop was %" PRId64 " ms late",
	[CAUSE_CANARY] = "its question to itself took %" PRId64 " ms",
	[CAUSE_CPU] = "work waits for a processor %" PRId64 " %% of the time",
	[CAUSE_MEMORY] = "work waits for memory %" PRId64 " %% of the time",
	[CAUSE_IO] = "work waits for disks %" PRId64 " %% of the time",
	[CAUSE_LOSS] = "%" PRId64 " %% of the other nodes' datagrams are lost",
	[CAUSE_STALL] = "it stood still for %" PRId64 " ms",
	[CAUSE_SILENCE] =
		"nothing answers: %" PRId64 " targets fell silent together",
	[CAUSE_CUT] = "it is cut off: %" PRId64 " targets fell silent together",
	[CAUSE_SEEN_WELL] =
		"%" PRId64 " targets fail from here alone, other nodes see "
		"them well",
};

const char *self_why(const struct self *self, struct instant now, char *buf,
		     size_t size)
{
	const struct level *level =
		lasts(&self->sick, now) ? &self->sick : &self->strained;
	int64_t amount = level->amount;

	if (level->cause == CAUSE_LAG || level->cause == CAUSE_CANARY ||
	    level->cause == CAUSE_STALL)
		amount /= MS;
	if (size > 0)
		buf[0] = '\0';
	if (!lasts(level, now))
		return buf;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(buf, size, causes[level->cause], amount);
#pragma GCC diagnostic pop
	return buf;
}
