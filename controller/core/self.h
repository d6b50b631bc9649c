/* Self-doubt: is it the targets, or is it this node?
 *
 * Two things are digested here: facts about this node (how late its loop is,
 * what the kernel says of pressure, how many datagrams are lost) and every
 * answer and silence of the targets.  Out come a level of doubt with its
 * reason, a patience by which timeouts and lost trips are stretched, and for
 * each verdict that is about to fall: who is accused, the target or the node.
 *
 * STRAINED stretches.  SICK abstains: silence and hanging condemn nobody until
 * the cause has been gone for SELF_SETTLE_US, and what was counted meanwhile is
 * forgotten.  Doubt lasts at most the settings' doubt_us: after that what
 * persists counts, until this node has been well for as long.
 *
 * Who is accused, by what a target did, how many share its fate, and what the
 * other nodes say of it:
 *
 * | it            | fate   | no cluster | cut off | seen well | seen the same |
 * | ------------- | ------ | ---------- | ------- | --------- | ------------- |
 * | is silent     | FEW    | target     | target  | target    | target        |
 * | is silent     | ASKING | wait       | wait    | wait      | target        |
 * | is silent     | MOST   | target     | node    | node      | target        |
 * | is silent     | ALL    | node       | node *  | node      | target        |
 * | answers badly | FEW    | target     | target  | target    | target        |
 * | answers badly | MOST   | target     | target  | node      | target        |
 *
 * FEW: some other host answered in the second half of this target's silence, so
 * the network works; or there is no other host to compare with.  ASKING: nobody
 * else has, and nobody else is silent yet: others are being asked.
 * MOST: somebody answered, but more than half of all targets, on several
 * hosts, fail with it; for answers of several services, too.  ALL: nobody
 * answered since, and several hosts are silent, or this node is cut off and
 * whatever it watches is silent.
 *
 * An answer that refuses, resets or says 503 was given by somebody, and so was
 * the acknowledgement of a question that hangs: they are doubted only when
 * other nodes said later that they see the target well. "Cut off" is a cluster
 * of which nobody is heard, or an interface of ours that has lost its carrier.
 * The row with * has no end: nothing answers, so nothing is won by acting.
 * Targets on loopback share no fate with the network.
 */
#ifndef BASCULE_CORE_SELF_H
#define BASCULE_CORE_SELF_H

#include <stdbool.h>
#include <stddef.h>

#include "controller/core/instant.h"
#include "controller/core/result.h"
#include "controller/core/settings.h"

/* After the last sign of trouble of ours. */
#define SELF_SETTLE_US (1 * SECOND)
#define SELF_STRAIN_US (2 * SECOND)
/* How long others are asked before nobody is known to answer. */
#define SELF_ASKING_US (1 * SECOND)
/* A target that has been DOWN for so long shares nobody's fate. */
#define SELF_MOMENT_US    (5 * SECOND)
#define SELF_PATIENCE_MAX 4

enum self_doubt { SELF_FINE, SELF_STRAINED, SELF_SICK };

/* What the daemon has found out about its own node. */
struct self_facts {
	int64_t lag_us;    /* of the loop, the worst since the last facts */
	int64_t canary_us; /* of a question to ourselves; it may be waiting */
	/* Percent of the time since then in which some work waited for it. */
	unsigned cpu_percent, memory_percent, io_percent;
	unsigned loss_percent; /* of the datagrams of every other node */
	bool carrier_lost;     /* by an interface that had one */
};

/* What a target did. */
enum self_sign {
	SELF_NONE,     /* not asked, in maintenance, or DOWN for long */
	SELF_ANSWERED, /* well enough */
	SELF_BAD,      /* it refused, or said no */
	SELF_HANGS,    /* its kernel took the question, nobody answers */
	SELF_SILENT,   /* nothing came back at all */
	SELF_SIGNS
};

enum self_fate { SELF_FEW, SELF_ASKING, SELF_MOST, SELF_ALL, SELF_FATES };

/* What other nodes say of a target. */
enum self_others {
	SELF_ALONE, /* there are none */
	SELF_CUT,   /* none is heard */
	SELF_WELL,  /* nobody says that it fails */
	SELF_SAME,  /* somebody finds the same */
	SELF_OTHERS
};

enum self_accused { SELF_TARGET, SELF_WAIT, SELF_NODE };

struct self;

/* @set is borrowed.  NULL when memory is out; nothing is allocated later. */
struct self *self_new(const struct settings *set);
void self_free(struct self *self);

/* What a result says. */
enum self_sign self_sign_of(const struct result *res);

/* The table. */
enum self_accused self_table(enum self_sign sign, enum self_fate fate,
			     enum self_others others);

/* The target did @sign: to be told of each result. */
void self_seen(struct self *self, unsigned target, enum self_sign sign,
	       struct instant now);

/* A target that shows whether the network works: asked now, it would answer
 * for another host than @target's.  Different ones by turns; NOTE_NONE if
 * there is none. */
unsigned self_witness(struct self *self, unsigned target);

/* The daemon's facts; and this node stood still for @late_us. */
void self_learn(struct self *self, const struct self_facts *facts,
		struct instant now);
void self_stalled(struct self *self, int64_t late_us, struct instant now);

/* Who is to blame for the failure of @target that would condemn it.  To accuse
 * the node makes it SICK.
 *
 * @onset: when the first failure of the present row was seen.
 * @others: for a bad answer, WELL only if said after @onset.
 */
enum self_accused self_judge(struct self *self, unsigned target,
			     enum self_sign sign, struct instant onset,
			     enum self_others others, struct instant now);

/* The level at @now, and the time after which it may be another one. */
enum self_doubt self_level(const struct self *self, struct instant now);
struct instant self_deadline(const struct self *self, struct instant now);

/* Whether others are in it: targets that fell silent, and not only its own
 * lateness. */
bool self_blamed(const struct self *self, struct instant now);

/* Since when there has been what makes it SICK; NONE: it is not. */
struct instant self_since(const struct self *self, struct instant now);

/* Whether doubt has lasted too long: what persists counts. */
bool self_spent(const struct self *self, struct instant now);

/* At least 1: how many times longer to wait for an answer, and one less is
 * how many more trips must be lost. */
unsigned self_patience(const struct self *self, struct instant now);

/* Why it is not fine, as half a sentence: "its loop was 80 ms late". */
const char *self_why(const struct self *self, struct instant now, char *buf,
		     size_t size);

const char *self_doubt_name(enum self_doubt doubt);

/* After a reload: doubt goes on, signs are gathered anew. */
void self_carry(struct self *self, const struct self *was);

#endif
