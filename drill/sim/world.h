/* The simulated world: one node with its daemon, its disk and its clock,
 * targets, HAProxies and operators, on a virtual clock.
 *
 * All that happens comes from one queue; the same settings, seed and faults
 * give the same story, to the byte.  After each step of the daemon the rules
 * are checked (rules.h); the first one broken ends the story.
 */
#ifndef BASCULE_DRILL_SIM_WORLD_H
#define BASCULE_DRILL_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/core/ctl.h"
#include "drill/sim/disk.h"
#include "drill/sim/fake_haproxy.h"
#include "drill/sim/fake_target.h"

struct world;

/* One line of the story: an event, an action, or what befell the world. */
typedef void (*world_line_fn)(void *arg, struct instant now, const char *line);

/* Something to do at its time. */
typedef void (*world_call_fn)(struct world *world, void *arg);

/* A world with everything well and the daemon started.
 *
 * @set: borrowed, as are later settings, until world_free().
 * @haproxy_set: what the HAProxies are configured with: the servers that they
 *	will ever have.
 */
struct world *world_new(const struct settings *set,
			const struct settings *haproxy_set, uint64_t seed);
void world_free(struct world *world);

/* The HAProxies have agent checks, which ask the daemon every @inter_us; 0:
 * they have none.  Before it runs. */
void world_agents(struct world *world, int64_t inter_us);

/* Whether the server is out by what its agent check heard, and by that alone.
 */
bool world_by_agent(const struct world *world, unsigned haproxy,
		    unsigned target);

/* Hear every line; costs time. */
void world_listen(struct world *world, world_line_fn fn, void *arg);

/* Be called after all that happens. */
void world_watch(struct world *world, world_call_fn fn, void *arg);

/* Live until @until, or until a rule is broken.  Returns false then. */
bool world_run(struct world *world, struct instant until);

/* Do @fn at @at, before what else happens at that instant later on. */
void world_call(struct world *world, struct instant at, world_call_fn fn,
		void *arg);

struct instant world_now(const struct world *world);
uint64_t world_random(struct world *world, uint64_t bound);

/* What was broken first, as a sentence; "" if nothing. */
const char *world_broken(const struct world *world);
void world_break(struct world *world, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* FNV-1a over all lines so far, and how many steps were made. */
uint64_t world_hash(const struct world *world);
uint64_t world_steps(const struct world *world);

/* --- faults -------------------------------------------------------------- */

/* Target @name of the settings in force, or NOTE_NONE. */
unsigned world_target(const struct world *world, const char *name);
unsigned world_haproxy(const struct world *world, const char *name);

void world_fail(struct world *world, unsigned target, enum fake_fault fault);
void world_slow(struct world *world, unsigned target, int64_t latency_us);
/* Lose so many packets of a hundred, each way. */
void world_lose(struct world *world, unsigned target, unsigned percent);
/* Close connections that were idle for so long; 0: never. */
void world_idle(struct world *world, unsigned target, int64_t span_us);
/* Fail with @fault and heal, each so long; 0 ends it. */
void world_flap(struct world *world, unsigned target, enum fake_fault fault,
		int64_t period_us);

enum world_haproxy_fault {
	HAPROXY_RELOAD,
	HAPROXY_KILL,
	HAPROXY_START,
	HAPROXY_HANG,
	HAPROXY_GO_ON,
	HAPROXY_FORBID,
	HAPROXY_PERMIT
};

void world_haproxy_fault(struct world *world, unsigned haproxy,
			 enum world_haproxy_fault fault);

/* An operator at HAProxy's own socket. */
void world_operate(struct world *world, unsigned haproxy, unsigned target,
		   enum server_state state);

/* An operator looks after what he took out himself, and what nobody can know
 * to be ours because the disk did not keep it. */
void world_tidy(struct world *world, unsigned haproxy, unsigned target);

void world_disk(struct world *world, enum disk_health health, int64_t takes_us);

void world_freeze(struct world *world, int64_t span_us);
void world_kill(struct world *world);  /* -9 */
void world_stop(struct world *world);  /* as systemd does */
void world_start(struct world *world); /* if it does not run */
void world_reload(struct world *world, const struct settings *set);
void world_set_clock(struct world *world, int64_t by_us);
void world_maintain(struct world *world, const struct maintenance *m);
/* The daemon finds this out about its own node. */
void world_learn(struct world *world, const struct self_facts *facts);
/* Somebody closes its circuit by hand. */
void world_reset(struct world *w, unsigned target);

/* --- looking ------------------------------------------------------------- */

/* The daemon's controller, or NULL while there is none. */
const struct ctl *world_ctl(const struct world *world);
const struct settings *world_settings(const struct world *world);
const struct disk *world_the_disk(const struct world *world);
bool world_frozen(const struct world *world);

/* The server as it is, not as it was seen.  ABSENT without a backend. */
enum server_state world_server(const struct world *world, unsigned haproxy,
			       unsigned target, unsigned *ret_weight_percent);

/* Whether all is as it should be: what answers is UP and in use at full
 * weight, what does not is out unless it is held, nothing is left over.
 * Returns NULL, or what is not. */
const char *world_unsettled(struct world *world);

/* How many notes of that kind there were. */
unsigned world_notes(const struct world *world, enum note_kind kind);

#endif
