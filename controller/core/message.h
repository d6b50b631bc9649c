/* What nodes tell each other about the cluster: the inside of a datagram.
 *
 * The link (controller/io) seals it with the cluster key and the cluster's
 * name, so what is decoded here was written by a node; the decoder bears any
 * bytes all the same.  A newer program may append fields to the head or to a
 * body and may send kinds that this one does not know: the former are passed
 * over, the latter are refused with -EOPNOTSUPP, and both are harmless.  What
 * an older program does not say yet is 0.
 */
#ifndef BASCULE_CORE_MESSAGE_H
#define BASCULE_CORE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/core/document.h"

enum message_kind {
	MESSAGE_HEARTBEAT = 1,
	MESSAGE_PRE_VOTE,
	MESSAGE_PRE_VOTE_ANSWER,
	MESSAGE_VOTE,
	MESSAGE_VOTE_ANSWER,
	MESSAGE_DOCUMENT,
	MESSAGE_RESIGN,
	MESSAGE_OBSERVATION,
	MESSAGE_INCIDENTS, /* records: controller/core/incident_wire.h */
	MESSAGE_KINDS
};

enum message_flag {
	MESSAGE_LEADER = 1 << 0,
	MESSAGE_PRIMARY = 1 << 1,
	MESSAGE_ELIGIBLE = 1 << 2,
	MESSAGE_BLANK = 1 << 3,     /* its state is missing */
	MESSAGE_GRANTED = 1 << 4,   /* of an answer */
	MESSAGE_PROMOTING = 1 << 5, /* a primary whose promote work runs */
	MESSAGE_MAINTENANCE = 1 << 6
};

/* How office was left.  A clean stop, maintenance, a switchover and preemption
 * are planned; what an older program or a guard does not say is not. */
enum message_left {
	MESSAGE_LEFT_UNKNOWN,
	MESSAGE_LEFT_PLANNED,
	MESSAGE_LEFT_FAILED
};

/* Room for the longest one. */
#define MESSAGE_BYTES_MAX (DOCUMENT_BYTES_MAX + 512)

/* The guard numbers its own messages from here. */
#define MESSAGE_GUARD_SEQUENCE ((uint64_t)1 << 63)

#define MESSAGE_OBSERVATIONS_MAX    512
#define MESSAGE_INCIDENTS_BYTES_MAX 4096

/* In the state of one that is not DOWN. */
#define OBSERVATION_STATE   0x1fu
#define OBSERVATION_REJOINS 0x20u /* it is to be, or is being, rejoined */
#define OBSERVATION_FAILING 0x40u /* its last question was in vain */
#define OBSERVATION_DOUBTED 0x80u /* the sender doubts itself */
/* ... of one that is: it answers, and is held back. */
#define OBSERVATION_HELD_BACK 0x80u

/* One target as the sender's own probes see it. */
struct observation {
	uint32_t target; /* id of its name */
	uint8_t state;   /* enum health_state, and the bits above */
	uint8_t result;  /* of the last check: enum result_code */
	uint32_t age_ms; /* of that state */
};

/* The clock of the message that came last, and of whose boot. */
struct message_echo {
	uint64_t boot;
	int64_t clock_us;
};

/* The heartbeat of a leader that renewed the promise last. */
struct message_ack {
	uint64_t boot, term; /* boot 0: none */
	int64_t clock_us;
};

struct message {
	enum message_kind kind;
	unsigned flags;
	uint32_t from; /* node id */
	uint64_t digest, boot, sequence, term;
	int64_t clock_us; /* the sender's, comparable with its own only */
	uint64_t challenge, challenge_echo;
	struct message_echo echo;
	struct message_ack ack;
	union {
		struct {
			struct position stored;     /* on its disk */
			struct position committed;  /* of a primary; or none */
			struct position conforming; /* its routes obey it */
			int32_t priority;
			uint64_t resigned; /* the term it left last, or 0 */
			uint32_t successor;
			int64_t longest_routing_us;
			uint32_t left;       /* how: enum message_left */
			int64_t left_ago_us; /* since it began to leave */
			/* ... and since the quorum was last heard, if office
			 * was lost with it */
			int64_t whole_ago_us;
		} heartbeat;
		struct {
			uint64_t wanted; /* the term stood for */
			struct position position;
			/* Of an answer: so long a lease may still run; -1: it
			 * does not say. */
			int64_t left_us;
		} vote; /* and its answers */
		struct {
			const uint8_t *body; /* borrowed: the encoded one */
			size_t size;
		} document;
		struct {
			uint32_t successor; /* 0: nobody is named */
			uint32_t left;      /* enum message_left */
		} resign;
		struct {
			const uint8_t *body; /* borrowed */
			unsigned count;
		} observation;
		struct {
			const uint8_t *body; /* borrowed */
			size_t size;
		} incidents;
	};
};

/* The id of a node or target: a hash of its name, never 0. */
uint32_t message_id(const char *name);

/* Returns the bytes written, or 0 when @size is too small. */
size_t message_encode(const struct message *msg, uint8_t *buf, size_t size);

/* @ret_msg borrows from @buf and is written in any case.  Returns 0,
 * -EPROTONOSUPPORT for another format, -EOPNOTSUPP for a kind that is not
 * known, -EBADMSG for anything else that is wrong. */
int message_decode(const uint8_t *buf, size_t size, struct message *ret_msg);

/* Write @count observations as the body of such a message. */
size_t observation_encode(const struct observation *list, unsigned count,
			  uint8_t *buf, size_t size);

/* The observation @i, which must be below the count. */
struct observation observation_get(const struct message *msg, unsigned i);

#endif
