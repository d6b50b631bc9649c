/* The conversation from the inside: shared by the runtime*.c files alone.
 *
 * runtime.c keeps the link and the time, runtime_hear.c understands what
 * HAProxy says, runtime_orders.c carries out orders, runtime_removals.c deletes
 * servers, runtime_counters.c reads what HAProxy counted.
 */
#ifndef BASCULE_HAPROXY_RUNTIME_STATE_H
#define BASCULE_HAPROXY_RUNTIME_STATE_H

#include <stdbool.h>

#include "haproxy/answer.h"
#include "haproxy/counters.h"
#include "haproxy/dynamic.h"
#include "haproxy/removals.h"
#include "haproxy/runtime.h"

/* Waiting: one for each target, and as many from before a reload of ours. */
#define ORDERS_MAX  (2 * SETTINGS_TARGETS_MAX)
#define BATCH_MAX   512 /* under way */
#define SENT_MAX    256 /* commands under way */
#define OUTPUT_MAX  8192
#define COMMAND_MAX DYNAMIC_COMMAND_MAX

/* A server as HAProxy showed it last and as it was told. */
struct view {
	uint8_t state;   /* enum server_state */
	uint8_t expect;  /* the state after the orders under way */
	bool batched;    /* one of them is in the batch */
	bool told;       /* since the link came up */
	bool unweighted; /* its backend knows full weight only */
	bool agent, theirs, told_agent, told_theirs; /* as in haproxy_seen */
	bool stopped, told_stopped;
	uint8_t said;     /* enum server_state: the agent's word, as pushed */
	uint16_t passing; /* its check's health while that passes; 0: ? */
	bool misplaced;   /* it is not at the target's address */
	bool told_misplaced;
	uint16_t pending; /* how many they are */
	uint16_t percent; /* as it was told */
	uint16_t asked;   /* percent that was last acknowledged, 0: none */
	uint16_t weight, configured_weight;
	uint32_t reading; /* the table that it was in last */
};

struct item {
	uint64_t id;
	struct server_order order;
	struct instant since;
	enum server_state known; /* what its giver knew */
	uint8_t left;            /* commands without an answer */
	bool answered;
};

enum sent_kind {
	SENT_PROMPT,
	SENT_TIMEOUT,
	SENT_INFO,
	SENT_TABLE, /* the whole table, for changes */
	SENT_READ,  /* the table or a part of it, for the batch */
	SENT_COUNTERS,
	SENT_REMOVAL,
	SENT_WEIGHT, /* the commands of an order */
	SENT_STATE,
	SENT_SESSIONS,
	SENT_ADD,
	SENT_MOVE
};

struct sent {
	uint8_t kind;
	bool stale;    /* asked before a reload of ours */
	uint16_t item; /* of the batch */
};

enum link_phase {
	LINK_WAITING,    /* for the next try */
	LINK_CONNECTING, /* the owner tries */
	LINK_GREETING,   /* connected; who is there? */
	LINK_UP
};

enum link_told { TOLD_NOTHING, TOLD_UP, TOLD_DOWN };

enum batch_stage { BATCH_NONE, BATCH_WANTED, BATCH_READING, BATCH_WRITING };

struct runtime {
	const struct servers *servers; /* borrowed */
	unsigned haproxy;
	runtime_seen_fn seen;
	runtime_done_fn done;
	void *arg;

	enum link_phase phase;
	enum link_told told;
	bool close_first; /* before the next connection */
	struct instant retry_at, connect_by, up_since;
	struct instant lost_at; /* NONE: so long ago that it was said */
	int64_t backoff_us;
	unsigned short_lived;

	/* The process that answers. */
	bool known;
	long pid, uptime_s;

	/* The answer under way; head_since: when it became the next. */
	struct answer answer;
	struct instant head_since;
	char text[EVENT_TEXT_MAX]; /* its first line, where that is an error */
	long info_pid, info_uptime_s;
	bool info_stopping, table_begun;
	uint32_t reading;

	struct sent sent[SENT_MAX];
	unsigned sent_first, sent_count;
	bool info_asked, table_asked, synced;
	struct instant info_due, table_due;
	char output[OUTPUT_MAX];
	size_t output_size;

	struct view *views;  /* owned: for each target */
	struct item *orders; /* owned: ring of ORDERS_MAX */
	unsigned orders_first, orders_count;
	enum batch_stage stage;
	struct item *batch; /* owned: BATCH_MAX */
	unsigned batch_count, batch_next, batch_open;

	struct dynamic_places places;
	struct removals *removals; /* owned; or NULL */
	runtime_removed_fn removed;
	void *removed_arg;

	struct counters *counters; /* owned */
	runtime_hint_fn hint;      /* NULL: nobody wants to know */
	void *hint_arg;
};

/* Append a command; the caller made sure of room. */
void runtime_put(struct runtime *rt, struct instant now, enum sent_kind kind,
		 unsigned item, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/* Whether @commands more fit into output and list. */
bool runtime_has_room(const struct runtime *rt, unsigned commands);

/* Note how a server is, and tell when that is new. */
void runtime_view(struct runtime *rt, unsigned target, enum server_state state,
		  unsigned weight, unsigned configured_weight);

/* runtime_agent.c: how a line shows a server, whose agent may be ours; and
 * another process knows nothing of what we said. */
enum server_state runtime_agent_look(const struct runtime *rt, struct view *v,
				     const struct server_line *line);
void runtime_agent_forget(struct view *v);

/* The link is up: all servers are to be told anew. */
void runtime_tell_up(struct runtime *rt, bool fresh);

/* How a link ends. */
enum link_loss {
	LOSS_BAD,    /* it hangs or talks nonsense: nothing is won by haste */
	LOSS_GONE,   /* closed or refused: another process may be near */
	LOSS_LEAVING /* its process leaves, another one is being started */
};

/* End the connection. */
void runtime_hang_up(struct runtime *rt, struct instant now,
		     enum link_loss loss, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* From now on the next answer is awaited. */
void runtime_await(struct runtime *rt, struct instant now);

/* runtime_orders.c: begin, go on with or end a batch, as far as can be. */
void orders_pump(struct runtime *rt, struct instant now);

/* The table that the batch waited for is read. */
void orders_read(struct runtime *rt, struct instant now);

/* A command of the batch is answered; @error is "" for yes. */
void orders_answered(struct runtime *rt, struct instant now, struct sent sent,
		     const char *error);

/* Fail what is under way, or what waits. */
void orders_fail_batch(struct runtime *rt, struct instant now, const char *why);
void orders_fail_waiting(struct runtime *rt, struct instant now,
			 const char *why);

/* After a reload of ours: name the targets anew. */
void orders_move(struct runtime *rt, const struct servers *from,
		 const struct servers *to);

/* runtime_removals.c: when to go on with removals; never while orders are
 * under way. */
struct instant runtime_removals_due(const struct runtime *rt);
void runtime_removals_pump(struct runtime *rt, struct instant now);
void runtime_removals_answered(struct runtime *rt, struct instant now,
			       struct sent sent);
/* The connection is lost; or another process answers. */
void runtime_removals_lost(struct runtime *rt);
void runtime_removals_gone(struct runtime *rt);

/* runtime_counters.c: when to ask for what HAProxy counted; never while orders
 * are under way, which must not wait behind it. */
struct instant runtime_counters_due(const struct runtime *rt);
void runtime_counters_pump(struct runtime *rt, struct instant now);
void runtime_counters_ended(struct runtime *rt, struct instant now);
/* Begin anew; an answer under way will be of no use. */
void runtime_counters_reset(struct runtime *rt);
/* Go over to those of a reload; @ret_old takes those used until now. */
void runtime_counters_move(struct runtime *rt, struct counters **ret_old);

#endif
