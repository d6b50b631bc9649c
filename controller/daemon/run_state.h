/* The driver from the inside: shared by run*.c and reload.c alone. */
#ifndef BASCULE_DAEMON_RUN_STATE_H
#define BASCULE_DAEMON_RUN_STATE_H

#include "checks/checks_io.h"
#include "controller/core/ctl.h"
#include "controller/daemon/alone.h"
#include "controller/daemon/cluster.h"
#include "controller/daemon/doors.h"
#include "controller/daemon/group_hooks.h"
#include "controller/daemon/local.h"
#include "controller/daemon/log.h"
#include "controller/daemon/orphans.h"
#include "controller/daemon/responder.h"
#include "controller/daemon/run.h"
#include "controller/daemon/self_watch.h"
#include "controller/daemon/service.h"
#include "controller/daemon/shared.h"
#include "controller/daemon/store.h"
#include "controller/daemon/tell.h"
#include "controller/daemon/views.h"
#include "controller/io/loop.h"
#include "controller/io/resolver.h"
#include "databases/databases_io.h"
#include "haproxy/leavers_io.h"
#include "haproxy/runtime_io.h"

/* A step of the controller says at most one of each of a group. */
#define RUN_WORDS_MAX (4 * DOCUMENT_GROUPS_MAX)

/* What the controller says of a group's document, until its step is over. */
struct run_word {
	bool decide; /* else an order to route is carried out, or not */
	uint64_t id;
	bool done;
	struct document_group group;
};

struct run {
	const char *file;       /* borrowed */
	struct settings *set;   /* owned: those in force */
	struct settings *first; /* owned: the cluster's, for life */
	struct loop *loop;      /* owned, as are all below */
	struct ctl *ctl;
	struct log *log;
	struct store *store;
	struct tell *tell;
	struct checks *checks;
	struct resolver *resolver; /* of the databases */
	struct databases *databases;
	struct local *local; /* NULL: no target names its process */
	struct haproxies *haproxies;
	struct responder *responder;
	struct masters *masters;
	struct self_watch *self;
	struct cluster *cluster; /* NULL: a cluster of one */
	struct doors *doors;     /* likewise */
	struct group_hooks *hooks;
	struct alone *alone;   /* ... that has databases; or NULL */
	struct views *views;   /* likewise */
	struct shared *shared; /* likewise */
	bool stopping;
	struct instant stop_by;    /* while it leaves office */
	struct instant late_until; /* the loop was late: not eligible */
	bool leaves;               /* the cluster is asked for @leave */
	struct admin leave;
	struct service_manager *manager;
	struct orphans orphans;
	struct actions actions; /* of the step under way */
	bool carrying;          /* they are being carried out */
	struct run_word words[RUN_WORDS_MAX];
	unsigned word_count;
	struct run_word held[RUN_WORDS_MAX]; /* until masters_clear() */
	unsigned held_count;
	ev_signal hup, term, intr;
};

/* Step the controller with @ev (its time is filled in), carry out what it
 * wants, and so on until nothing is due. */
void run_feed(struct run *run, struct event *ev);

/* Carry out one action; must not feed the controller. */
void run_carry_out(struct run *run, const struct action *act);

/* What the responder is to say (responder.h). */
void run_agent_word(void *run, unsigned haproxy, unsigned target,
		    enum agent_word *ret_word, const char **ret_why);

/* For the settings @set, which may be the next ones; NULL: out of memory. */
struct masters *run_masters(struct run *run, const struct settings *set);

/* A target was seen without being asked; @arg is the run. */
void run_hint(void *arg, const struct hint *hint);
/* Find out how this node is. */
int run_watch_self(struct run *run, struct err *err);

/* An action with an id is done, or @failed says why not. */
void run_answered(struct run *run, uint64_t id, const char *failed);

/* run_groups.c: for cluster_parts and alone_parts. */
void run_document(void *arg, const struct document *doc);
void run_withdrawn(void *arg, const char *group);
void run_route(void *arg, const struct route_order *order);

/* Make what carries the orders to databases. */
int run_databases(struct run *run, struct err *err);

/* Keep the document of a node without a cluster, if @set has groups and it is
 * not kept yet. */
int run_stand_alone(struct run *run, const struct settings *set,
		    struct err *err);

/* ACTION_DECIDE and ACTION_ROUTED are kept until the step is over, and then
 * told to whoever keeps the document. */
void run_keep_word(struct run *run, const struct action *act);
void run_say_words(struct run *run);

/* What a killed rejoin hook left behind, in the state folder, is told. */
void run_take_up(struct run *run);
/* ACTION_HOOK. */
void run_hook(struct run *run, const struct action *act);
/* NULL: out of memory. */
struct group_hooks *run_hooks(struct run *run);

/* Set the timer to whatever is due first. */
void run_arm(struct run *run);

/* A daemon that is asked to end leaves office first, if that can be. */
void run_look_at_stop(struct run *run);

/* Have servers removed that were added to a HAProxy and are no longer in the
 * configuration, and say which others stay withdrawn: those that an earlier
 * daemon left, at the start, and those that a reload leaves. */
void run_find_removals(struct run *run);
void run_tend_orphans(struct run *run);

/* Read the file again: apply it whole, or keep everything and say why. */
void run_reload(struct run *run);

#endif
