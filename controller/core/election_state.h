/* The inside of an election, shared by the files that make it up. */
#ifndef BASCULE_CORE_ELECTION_STATE_H
#define BASCULE_CORE_ELECTION_STATE_H

#include "controller/core/election.h"
#include "controller/core/peer.h"
#include "controller/core/rng.h"
#include "controller/core/rule.h"

/* What the disk is known to hold. */
struct on_disk {
	uint64_t term;
	uint32_t voted_for;
	int64_t longest_lease_us, longest_routing_us;
	struct position position;
};

/* A group that is routed on this machine, or may still be. */
struct route {
	char group[DOCUMENT_NAME_MAX + 1];
	char instance[DOCUMENT_NAME_MAX + 1];
	bool withdrawing;
	bool kept;               /* without a lease: rule 13 */
	struct instant end;      /* of its lease, which withdrawing fixes */
	uint64_t id;             /* of the order under way, or 0 */
	struct instant retry_at; /* after a failure; else NEVER */
};

enum fence_stage { FENCE_NONE, FENCE_WAITING, FENCE_DONE };

/* A group that is leaving an instance: until when who may route to it. */
struct fence {
	enum fence_stage stage;
	char group[DOCUMENT_NAME_MAX + 1];
	uint64_t epoch;
	struct position position; /* which a node must obey */
	struct instant until[ELECTION_NODES_MAX];
};

struct election {
	/* Made from the settings. */
	struct election_settings set;
	uint32_t ids[ELECTION_NODES_MAX];
	uint64_t digest;
	unsigned quorum;
	int64_t budget_us;  /* R */
	int64_t promise_us; /* L (1 + drift) */

	struct rng rng;
	uint64_t boot, sequence, last_id;
	struct instant now;
	struct election_actions *out;          /* borrowed for the step */
	struct peer peers[ELECTION_NODES_MAX]; /* self's stays unused */
	struct election_heard heard;
	unsigned obstacles; /* as told */
	/* Since when it tells all that it wants to be in maintenance; or NONE
	 */
	struct instant leaving;

	/* Hard state: as it shall be, as it is being written, as it is. */
	struct hard_state hard, writing;
	struct on_disk disk;
	bool dirty, disk_failed;
	uint64_t store_id; /* 0: no write under way */
	struct instant store_since, store_retry;
	uint8_t body[DOCUMENT_BYTES_MAX]; /* the document encoded */
	size_t body_size;

	/* Following. */
	enum election_role role;
	unsigned leader; /* of the term, or NOBODY */
	bool leader_primary, leader_promoting;
	struct instant promise, boot_promise; /* until then, or NONE */
	struct instant leased; /* until then a primary's lease may run, by
				  all that is known; a RESIGN does not end it */
	struct message_ack ack;
	uint64_t resigned;  /* the term whose RESIGN was acted on last */
	uint64_t parted;    /* the highest term that a peer says it left, */
	uint32_t parted_by; /* and how: enum message_left */
	uint32_t vote_owed; /* answered when it is on disk; id or 0 */

	/* Standing. */
	struct instant stand_at;    /* or NEVER */
	struct instant attempt_end; /* of ASKING and CANDIDATE */
	struct instant ask_again;
	uint64_t wanted;
	uint32_t votes, asked; /* bit: node */
	bool skip_pre_vote;

	/* Leading. */
	struct instant won_at;
	struct instant office_at; /* o: when it became primary */
	struct instant sent;      /* s: see lease_end() */
	struct instant last_beat, next_beat;
	struct position committed;
	bool promoting; /* promote work was ordered in this office */
	bool promoted;  /* ... and is done */
	uint64_t promote_id, release_id; /* 0: none is under way */
	struct instant release_at;       /* it failed: again then */
	bool released_late;
	struct instant release_end; /* when it must be confirmed */
	enum election_reason reason;
	unsigned successor;

	/* After office. */
	uint64_t left_term; /* 0: never led */
	uint32_t left_successor;
	enum message_left left; /* how, from when stepping down began */
	struct instant left_at;
	struct instant left_whole;  /* up to then nothing was wrong */
	struct instant resigned_at; /* NONE: never led */
	unsigned resigns_left;
	struct instant resign_at;

	/* Routing. */
	struct instant routing_end;
	struct position granted; /* the document that may be routed by */
	struct position conforming;
	struct route routes[DOCUMENT_GROUPS_MAX];
	unsigned route_count;
	struct fence fences[DOCUMENT_GROUPS_MAX];
	unsigned fence_count;
	unsigned former;    /* the primary before, or NOBODY */
	uint64_t inherited; /* the term of the document that was taken over */
	struct instant leased_before; /* e->leased when the term was won */
	struct election_holds holds;
};

/* election_settings.c */
int64_t election_stretched_us(const struct election_settings *set,
			      int64_t span_us);
uint64_t election_digest(const struct election_settings *set);

/* election.c: the step, messages, terms, heartbeats */
struct election_action *election_act(struct election *e,
				     enum election_action_kind kind);
void election_note(struct election *e, enum election_note_kind kind,
		   unsigned node, enum election_reason reason);
struct message *election_send(struct election *e, unsigned to,
			      enum message_kind kind);
void election_beat(struct election *e, unsigned to);
void election_send_document(struct election *e, unsigned to);
void election_take_document(struct election *e, const struct document *doc);
void election_adopt(struct election *e, uint64_t term);

/* election_view.c: small questions that many ask */
unsigned election_find(const struct election *e, uint32_t id);
bool election_heard(const struct election *e, unsigned node, int64_t span_us);
unsigned election_obstacles(const struct election *e);

/* promise.c: rules 1, 3, 4, 5 and 9 of who follows */
bool promise_stands(const struct election *e);
void promise_renew(struct election *e, unsigned from,
		   const struct message *msg);
void standing_plan(struct election *e);
void standing_stop(struct election *e);
void standing_run(struct election *e);
void standing_answer(struct election *e, unsigned from,
		     const struct message *msg);
void standing_stored(struct election *e);
void voting_asked(struct election *e, unsigned from, const struct message *msg);
void voting_stored(struct election *e);
void resign_heard(struct election *e, unsigned from, uint64_t term,
		  uint32_t successor, uint32_t left);

/* primary.c: rules 2, 6, 7, 8 and 12 */
bool primary_in_office(const struct election *e);
struct instant primary_lease_end(const struct election *e);
struct instant primary_must_end(const struct election *e);
void primary_win(struct election *e);
void primary_acked(struct election *e, unsigned from,
		   const struct message *msg);
void primary_commit(struct election *e);
void primary_step_down(struct election *e, enum election_reason reason,
		       unsigned successor);
void primary_promoted(struct election *e, uint64_t id);
void primary_release_failed(struct election *e, uint64_t id);
void primary_release_again(struct election *e);
void primary_released(struct election *e);
void primary_expire(struct election *e);
void primary_resign_again(struct election *e);
struct instant primary_preempted_at(const struct election *e);
void primary_preempt(struct election *e);
unsigned primary_successor(const struct election *e);

/* disk.c: the hard state and its writes */
void disk_start(struct election *e, const struct hard_state *stored);
void disk_hear_routing(struct election *e, int64_t longest_us);
void disk_hear_when_blank(struct election *e, const struct message *msg);
void disk_write(struct election *e);
void disk_answered(struct election *e, bool stored);
void disk_expire(struct election *e);
bool disk_current(const struct election *e);

/* leaving.c: rule 12, maintenance of a node */
void leaving_tell(struct election *e, bool on);

/* keeping.c: rules 7 and 13 */
void keeping_decide(struct election *e, const struct document *doc);
void keeping_want(struct election *e, enum document_keep want);
void keeping_run(struct election *e);

/* routing.c: rule 10 */
void routing_granted(struct election *e, const struct message *msg);
void routing_by_office(struct election *e);
void routing_obey(struct election *e);
void routing_expire(struct election *e);
void routing_answered(struct election *e, uint64_t id, bool done);
void routing_conform(struct election *e);
void routing_fence(struct election *e);
void routing_watch(struct election *e);
void routing_keep(struct election *e);
struct instant routing_end(const struct election *e);
struct instant routing_deadline(const struct election *e);

#endif
