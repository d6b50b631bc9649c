/* The cluster from the inside: shared by the cluster*.c files alone.
 *
 * cluster.c carries events and actions; cluster_join.c makes the parts;
 * cluster_tell.c says what happened; cluster_loss.c who was lost;
 * cluster_facts.c what is.
 */
#ifndef BASCULE_DAEMON_CLUSTER_STATE_H
#define BASCULE_DAEMON_CLUSTER_STATE_H

#include <limits.h>

#include "controller/daemon/beats.h"
#include "controller/daemon/cluster.h"
#include "controller/daemon/guard_process.h"
#include "controller/daemon/hard_file.h"
#include "controller/daemon/log.h"
#include "controller/daemon/office.h"
#include "controller/daemon/vip.h"
#include "controller/io/link.h"

/* To a peer and back: the shortest of the last messages and of those before.
 */
struct trip {
	int64_t before_us, now_us;
	unsigned heard;
};

/* Work that was refused at once fails as if it had been tried. */
struct refusal {
	enum election_event_kind kind;
	uint64_t id;
};

/* One to become primary, one to leave office. */
#define CLUSTER_REFUSALS_MAX 2

/* What a step brought for groups of databases, until it is handed on. */
struct cluster_groups {
	struct kept_route {
		uint64_t id;
		struct instant not_after;
		char group[DOCUMENT_NAME_MAX + 1];
		char instance[DOCUMENT_NAME_MAX + 1];
	} routes[DOCUMENT_GROUPS_MAX];
	unsigned route_count;
	char withdrawn[DOCUMENT_GROUPS_MAX][DOCUMENT_NAME_MAX + 1];
	unsigned withdrawn_count;
	struct position told; /* of the document that was handed on last */
	/* What is to be written into it as soon as it can be. */
	struct document_group wanted[DOCUMENT_GROUPS_MAX];
	unsigned wanted_count;
};

/* Who says of itself that it gave up office, before this node has seen any
 * primary. */
struct given_up {
	unsigned node; /* or ELECTION_NOBODY */
	uint64_t term;
	struct instant at, whole;
};

/* The role has moved, and its promote work is not done yet. */
struct taking {
	bool pending;
	unsigned from; /* to be told of by this node; or ELECTION_NOBODY */
	bool planned;
	struct instant begin; /* since then nobody serves */
	struct node_loss loss;
};

struct cluster {
	struct cluster_parts parts;
	const struct settings *all;         /* borrowed: those of the start */
	const struct cluster_settings *set; /* borrowed from them */
	char folder[PATH_MAX];              /* of the control socket */
	struct election_settings rules;
	struct election *election; /* owned, as are all below */
	struct secret *key;
	struct link_guard *link_guard;
	struct guard_process *guard;
	struct vip *vip; /* NULL: no address moves */
	struct office *office;
	struct guard_page page; /* as the guard was told last */
	struct resolver *resolver;
	struct link *link;
	char trouble[ERR_TEXT_MAX]; /* the link's, as told last */
	struct hard_file *file;
	struct hard_state stored;
	bool found;   /* the hard state was there */
	bool settled; /* a primary was seen with these nodes */
	struct election_actions actions; /* of the step under way */
	struct cluster_groups groups;
	struct instant now; /* of the last step: it never goes back */
	uint64_t boot;
	uint64_t promote_id, release_id; /* 0: none under way */
	int64_t promote_wait_us;         /* after the last failure; 0: none */
	struct instant promote_again;    /* until then not eligible; or NEVER */
	unsigned obstacles;
	uint64_t unreadable; /* authentic datagrams that are no message */
	struct trip trips[ELECTION_NODES_MAX];
	struct beats beats;
	bool up[ELECTION_NODES_MAX];    /* as last told */
	const struct message *observed; /* to be handed on; borrowed */
	unsigned observer;
	uint32_t heard;       /* the same as bits */
	unsigned primary;     /* as last seen, or ELECTION_NOBODY */
	unsigned former;      /* the last one that there was */
	uint64_t former_term; /* in which it was */
	struct given_up told;
	struct taking taking;
	struct instant since;
	unsigned speaker; /* daemon of the message under way, or NOBODY */
	struct instant spoke[ELECTION_NODES_MAX]; /* each daemon, last */
	struct instant last_sign; /* of the primary before this one */
	struct instant stood;     /* for election, since it is lost */
	struct primary_seen seen; /* as told last */
	struct refusal refusals[CLUSTER_REFUSALS_MAX];
	unsigned refusal_count;
	uint64_t hand_over; /* token of who waits for it, or 0 */
	/* The cluster's maintenance. */
	const struct settings *routed; /* borrowed: whose routes they are */
	bool keeps;                    /* no file says what to withdraw */
	enum document_keep keep_told, keep_want;
	uint64_t keep_token; /* of who waits for it, or 0 */
	struct instant keep_since;
	bool leaving; /* the others are asked whether this node may */
	uint8_t bytes[MESSAGE_BYTES_MAX];
};

/* Feed @ev and carry out what comes of it.  Its time is @now, or the last
 * step's if that was later. */
void cluster_step(struct cluster *c, struct election_event *ev,
		  struct instant now);

/* Doors of the link and of the hard state's file. */
void cluster_on_datagram(void *arg, const uint8_t *bytes, size_t size,
			 struct instant received);
void cluster_on_stored(void *arg, uint64_t id, const char *error);

/* Say what the election noted; and, after each step, who is heard, who is
 * primary, and who waited for that. */
void cluster_tell(struct cluster *c, const struct election_note *what);
void cluster_notice(struct cluster *c);
void cluster_tell_link(struct cluster *c);

/* cluster_join.c: there is a primary among these nodes. */
void cluster_nodes_seen(struct cluster *c);

/* Forget what was put off to the end of the wake-up. */
void cluster_cancel(struct cluster *c);

/* cluster_loss.c: to be called in each step, before and after the look at who
 * is primary; and when this node stands, and takes over from c->former. */
void cluster_loss_init(struct cluster *c);
void cluster_loss_hear(struct cluster *c, const struct election_view *view);
void cluster_loss_stands(struct cluster *c);
struct node_loss cluster_loss_of(const struct cluster *c,
				 const struct election_view *view);

/* How the former primary says it left its office.  A guard resigns for a daemon
 * that is dead or frozen and says nothing: that one is lost. */
enum message_left cluster_former_left(const struct cluster *c,
				      const struct election_view *view);

/* Whether nobody served for longer than the leases explain, up to now. */
bool cluster_loss_late(const struct cluster *c, const struct node_loss *loss);

/* After the step of a heartbeat: whether it tells who was primary. */
void cluster_loss_told(struct cluster *c, const struct message *msg);

/* The loss of @node, which lives and has not been primary since @at; until
 * @whole nothing was wrong. */
struct node_loss cluster_loss_given_up(const struct cluster *c, unsigned node,
				       struct instant at, struct instant whole);
bool cluster_is_whole(const struct cluster *c,
		      const struct election_view *view);

/* cluster_keep.c: the file of routes is made as c->keeps says; it follows what
 * was decided, before anybody is told; what came of a person's word; and which
 * groups are held without a quorum. */
int cluster_keep_files(struct cluster *c, struct err *err);
void cluster_keep_follow(struct cluster *c);
void cluster_keep_watch(struct cluster *c);
void cluster_leave_watch(struct cluster *c); /* cluster_leave.c */
void cluster_hold(struct cluster *c);
void cluster_tell_keep(struct cluster *c, uint64_t term, const char *text);

/* cluster_tell.c: the virtual address was not where it should be. */
void cluster_tell_address(void *arg, const char *text);

/* cluster_groups.c: keep what concerns groups, then hand it on. */
void cluster_groups_keep(struct cluster *c, const struct election_action *act);
void cluster_groups_hand_on(struct cluster *c);

#endif
