/* The simulated world from the inside: shared by its files alone.
 *
 * world.c keeps the clock and the queue, world_faults.c what befalls; node.c is
 * the daemon's driver; asks.c carries its checks to the targets and link.c its
 * bytes to the HAProxies; agents.c are their agent checks; rules.c says what
 * may never be.
 */
#ifndef BASCULE_DRILL_SIM_WORLD_STATE_H
#define BASCULE_DRILL_SIM_WORLD_STATE_H

#include "checks/http.h"
#include "controller/core/rng.h"
#include "drill/sim/queue.h"
#include "drill/sim/world.h"
#include "haproxy/runtime.h"

#define WORLD_WALL_US     ((int64_t)1785000000 * SECOND)
#define WORLD_LINE_MAX    700
#define LINK_US           (30 * US) /* to a HAProxy, one way */
#define HAPROXY_CONNS_MAX 16

enum happening_kind {
	/* to the world */
	HAPPENS_CALL,
	HAPPENS_FLAP,    /* a: machine, token: of this flapping */
	HAPPENS_REPLY,   /* a: machine asked, token: the question */
	HAPPENS_CONNECT, /* a: haproxy, token: generation of the link */
	HAPPENS_WRITE,   /* a: haproxy, b: conn, token, data */
	HAPPENS_CLOSE,   /* a: haproxy, b: conn, token */
	HAPPENS_AGENT,   /* a: haproxy, token: 0 for once */
	HAPPENS_COMMIT,  /* the disk */
	HAPPENS_PATIENCE,
	/* to the daemon: late while it is frozen, void when it is dead */
	HAPPENS_TO_NODE,
	HAPPENS_DEADLINE = HAPPENS_TO_NODE, /* token */
	HAPPENS_ANSWER,                     /* a: machine, token */
	HAPPENS_TIMEOUT,                    /* a: machine, token */
	HAPPENS_HINT,                       /* a: machine, b: hint, token */
	HAPPENS_TICK,                       /* a: haproxy, token */
	HAPPENS_CONNECTED, /* a: haproxy, b: conn or NOTE_NONE, token */
	HAPPENS_INPUT,     /* a: haproxy, token, data */
	HAPPENS_LOST,      /* a: haproxy, token */
	HAPPENS_STORED     /* a: failed, token: id */
};

/* A target wherever the settings have it now. */
struct machine {
	char service[SETTINGS_NAME_MAX + 1];
	char name[SETTINGS_NAME_MAX + 1];
	struct fake_target fake;
	enum fake_fault flap_fault;
	uint64_t flap;           /* token */
	struct instant well;     /* since when it answers in time; or NEVER */
	struct instant heard_of; /* its last good answer came; or NONE */
	unsigned target;         /* in the settings in force, or NOTE_NONE */
	unsigned loss_percent;   /* of the packets to and from it */
	int64_t idle_us;         /* it closes idle connections then; 0: never */
	struct fake_server *servers[SETTINGS_HAPROXIES_MAX]; /* or NULL */
	/* By haproxy: an operator has it out, as far as can be told. */
	bool operated[SETTINGS_HAPROXIES_MAX];
	/* Its weight is ours, and nobody knows any more. */
	bool light[SETTINGS_HAPROXIES_MAX];
	/* It was not we who took it out last. */
	bool by_operator[SETTINGS_HAPROXIES_MAX];
	/* When the daemon heard last that it is out. */
	struct instant heard[SETTINGS_HAPROXIES_MAX];
	/* Since when it has had traffic against the rules; or NONE. */
	struct instant wrong[SETTINGS_HAPROXIES_MAX];
};

struct sim_haproxy {
	struct fake_haproxy *fake; /* owned */
	bool runs, hangs, forbids;
	struct instant excused; /* until then it may be behind */
	bool open[HAPROXY_CONNS_MAX];
	uint64_t generation[HAPROXY_CONNS_MAX];
};

/* A question. */
struct ask {
	uint64_t id; /* the core's; 0: none */
	uint64_t token;
	struct instant since;
	enum reach reach;    /* if nothing comes */
	bool dropped;        /* the network swallowed it */
	bool waits;          /* the target has it, and is stopped */
	bool replied;        /* the answer is on its way */
	struct instant here; /* when it comes */
	unsigned fault;
};

/* What a machine was asked, and the connection that is held to it. */
struct asks {
	struct ask now, late; /* late: given up, but listened to */
	bool held;
	uint64_t idle; /* the question that it carried last */
};

/* The daemon's end of a runtime socket. */
struct link {
	struct world *world;
	unsigned haproxy;
	struct runtime *rt; /* owned */
	int conn;           /* -1: none */
	uint64_t generation;
	uint64_t tick;
	struct instant tick_at;
	bool ordered; /* it has to be pumped */
};

struct node {
	bool runs;
	unsigned life; /* how many daemons there were */
	bool lost;     /* this one may have learned that trips are lost */
	struct instant frozen;
	const struct settings *set;
	struct ctl *ctl;                  /* owned */
	struct servers *servers;          /* owned */
	struct http_question **questions; /* owned, by service */
	struct asks *asks;                /* owned, by machine */
	struct link links[SETTINGS_HAPROXIES_MAX];
	uint64_t timer;
	struct instant armed;
	struct instant started;
	struct actions actions;
};

struct rules {
	struct instant next; /* when to look at all servers again */
	uint32_t *open;      /* owned, by service: incident, 0: none */
	int64_t *outage_us;  /* owned, by service: of that incident */
	struct instant *low; /* owned, by service: since when; or NONE */
	bool *judged;        /* owned, by service: outage can be compared */
	/* Owned, by HAProxy and target: its last claim was taken without
	 * waiting for a disk that did not answer. */
	bool *unawaited;
	unsigned services, targets;
	struct instant doubted; /* when the node doubted itself last */
};

struct world {
	struct instant now;
	int64_t wall_by_us;
	struct rng rng;
	struct queue queue;
	uint64_t token;
	const struct settings *set; /* what the file says */
	const struct settings *haproxy_set;
	struct machine *machines; /* owned */
	unsigned machine_count, machine_room;
	unsigned *machine_of; /* owned, by target of the node's settings */
	struct sim_haproxy haproxies[SETTINGS_HAPROXIES_MAX];
	int64_t agents_us; /* agent checks ask so often; 0: there are none */
	struct disk disk;
	struct node node;
	struct rules rules;
	char broken[300];
	uint64_t hash, steps;
	unsigned notes[NOTE_KINDS];
	world_line_fn listener;
	void *listener_arg;
	bool silent; /* nobody needs lines or their hash */
	world_call_fn watcher;
	void *watcher_arg;
};

/* --- world.c ------------------------------------------------------------- */

void world_put(struct world *w, int kind, struct instant at, unsigned a,
	       unsigned b, uint64_t token);
void world_put_data(struct world *w, int kind, struct instant at, unsigned a,
		    unsigned b, uint64_t token, const void *data, size_t size);
void world_line(struct world *w, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
unsigned world_machine(struct world *w, const char *service, const char *name);
void world_map_targets(struct world *w, const struct settings *set);

/* --- world_faults.c ------------------------------------------------------ */

/* Begin to write what is queued. */
void world_disk_pump(struct world *w);
/* The write is over, or the store's patience with it. */
void world_disk_commits(struct world *w);
void world_disk_patience(struct world *w);
/* Who answers in time, by the settings in force. */
void world_look(struct world *w);
/* Once to and fro. */
void world_flaps(struct world *w, unsigned machine);

/* --- node.c -------------------------------------------------------------- */

void node_start(struct world *w);
void node_end(struct world *w, bool kill);
void node_reload(struct world *w, const struct settings *set);
void node_feed(struct world *w, struct event *ev);
void node_hear(struct world *w, const struct happening *h);
/* Send what was ordered. */
void node_flush(struct world *w);

/* --- asks.c -------------------------------------------------------------- */

void asks_begin(struct world *w, unsigned target, uint64_t id,
		int64_t timeout_us, bool fresh);
/* The target's turn to answer. */
void asks_reply(struct world *w, const struct happening *h);
/* An answer, or none in time, reaches the daemon. */
void asks_answer(struct world *w, const struct happening *h);
void asks_timeout(struct world *w, const struct happening *h);
/* A target that was stopped goes on: what waits is answered. */
void asks_wake(struct world *w, unsigned machine);
/* Its process dies: what is connected to it is closed. */
void asks_killed(struct world *w, unsigned machine);
void asks_hint(struct world *w, const struct happening *h);

/* --- link.c -------------------------------------------------------------- */

void link_init(struct world *w, unsigned haproxy);
void link_done(struct world *w, unsigned haproxy);
/* Do what the conversation wants done. */
void link_pump(struct world *w, unsigned haproxy);
/* HAProxy's side: a connection, bytes, an end. */
void link_world(struct world *w, const struct happening *h);
/* The daemon's side. */
void link_node(struct world *w, const struct happening *h);
/* Carry what HAProxy says to the daemon. */
void link_drain(struct world *w, unsigned haproxy);

enum server_state server_is(const struct fake_server *server);
/* How all servers of a HAProxy are, to be freed: for rules_commanded(). */
struct rules_before *link_snapshot(const struct world *w, unsigned haproxy);

/* --- agents.c ------------------------------------------------------------ */

/* A HAProxy's agent checks ask; those of a new process do so soon. */
void agents_ask(struct world *w, const struct happening *h);
void agents_fresh(struct world *w, unsigned haproxy);

/* --- rules.c ------------------------------------------------------------- */

void rules_begin(struct world *w, const struct settings *set);
void rules_done(struct world *w);
/* Each 100 ms: all servers and targets. */
void rules_check(struct world *w);
/* After each step, before what came out is carried out. */
void rules_step(struct world *w);
void rules_action(struct world *w, const struct action *act);
/* Our commands have changed what @before says; @late: those of a daemon that is
 * dead by now. */
struct rules_before {
	enum server_state state;
};
void rules_commanded(struct world *w, unsigned haproxy,
		     const struct rules_before *before, bool late);

#endif
