/* The web from the inside: shared by the web*.c files alone.
 *
 * web.c runs libmicrohttpd and finds the handler; web_answer.c makes answers;
 * web_pages.c has the handlers that only read the view; web_history.c those
 * that ask the store, and streams; web_change.c those that change something;
 * web_group.c those about groups of databases, web_route.c those that load
 * balancers ask.
 */
#ifndef BASCULE_DAEMON_WEB_STATE_H
#define BASCULE_DAEMON_WEB_STATE_H

#include <jansson.h>
#include <microhttpd.h>

#include "controller/daemon/buffer.h"
#include "controller/daemon/store.h"
#include "controller/daemon/web.h"

#define WEB_BODY_MAX      ((size_t)16 * 1024)
#define WEB_FOLLOWERS_MAX 32
#define WEB_RECENT_MAX    512

/* One way in. */
struct web_door {
	struct web *web;
	struct MHD_Daemon *mhd; /* owned; NULL: closed */
	ev_io io;
	ev_timer timer;
	bool control; /* changes are taken */
	bool closing; /* all its connections are to end */
	bool ended;   /* a connection did */
	char name[120];
};

/* An event as those that follow get it. */
struct web_recent {
	int64_t id, wall_us;
	char kind[32];
	char *json; /* owned */
};

struct web {
	struct loop *loop; /* borrowed */
	struct web_doors doors;
	struct web_door tcp, control;
	ev_timer tick;
	bool kicked;  /* web_run() is due at the end of this wake-up */
	bool started; /* every target was judged once */
	struct web_request *requests; /* owned, doubly linked */
	unsigned followers;
	uint64_t token; /* the last one given */
	/* The last events, a ring. */
	struct web_recent recent[WEB_RECENT_MAX];
	unsigned recent_count, recent_next;
	int64_t last_event;
};

struct web_request {
	struct web_request *next, *prev;
	struct web *web;
	struct web_door *door;
	struct MHD_Connection *connection; /* borrowed */
	const struct web_route *route;
	const char *rest;   /* of the path; libmicrohttpd's */
	struct buffer body; /* what was sent to us */
	bool asked;         /* the handler was called */
	bool suspended;
	struct instant since;
	/* The answer, once it is made. */
	struct MHD_Response *response; /* owned */
	unsigned status;
	/* Waiting for the store. */
	struct store *store; /* that is asked; borrowed */
	uint64_t ticket;     /* 0: not waiting */
	struct store_question question;
	bool follow;
	/* Waiting for changes: tokens from the first on. */
	uint64_t token;
	unsigned tokens, pending;
	int64_t patience_us; /* for the answer */
	int error;
	char text[EVENT_TEXT_MAX];
	char *group;    /* owned: another primary of that one is wanted */
	char from[128]; /* ... and was that one */
	/* Following. */
	bool following;
	struct buffer head; /* what comes before the live events */
	size_t head_sent;
	int64_t sent;         /* id of the last event sent */
	struct instant spoke; /* when something was sent last */
	bool beat;            /* a sign of life is due */
};

/* Fills in the answer, or leaves it to later and returns with none made. */
typedef void (*web_handler)(struct web_request *req);

enum web_method {
	WEB_READ,   /* GET and HEAD */
	WEB_CHANGE, /* POST, on the control socket */
	/* For checks of load balancers: as READ, but OPTIONS is as good as
	 * GET, and what follows the path is the handler's. */
	WEB_CHECK
};

struct web_route {
	const char *path;
	enum web_method method;
	web_handler handle;
};

/* The route of @path, or NULL. */
const struct web_route *web_route_find(const char *path);

/* ---- web.c ---- */

/* The connection goes on (outside of libmicrohttpd's own calls). */
void web_resume(struct web_request *req);

/* The view as it is now. */
const struct daemon_view *web_view(struct web *web);

/* Whether every target was judged once, now or earlier. */
bool web_started(struct web *web);

/* An argument of the query, or NULL. */
const char *web_argument(struct web_request *req, const char *name);

/* Whether header @name contains @word. */
bool web_header_has(struct web_request *req, const char *name,
		    const char *word);

/* ---- web_answer.c: each makes the answer of @req ---- */

/* @text is copied. */
void web_answer_text(struct web_request *req, unsigned status, const char *type,
		     const char *text, size_t size);

/* @doc is taken. */
void web_answer_json(struct web_request *req, unsigned status, json_t *doc);
void web_answer_error(struct web_request *req, unsigned status, const char *fmt,
		      ...) __attribute__((format(printf, 3, 4)));

/* What a document is made from, whichever it is. */
struct web_document {
	void *state; /* owned, by free(); its first member is the view */
	buffer_piece_fn piece;
	const char *type;
};

/* The document is taken; made at once when it is short, else as it is sent. */
void web_answer_document(struct web_request *req, struct web_document doc);

/* ---- handlers ---- */

void web_index(struct web_request *req);
void web_live(struct web_request *req);
void web_ready(struct web_request *req);
void web_startup(struct web_request *req);
void web_metrics(struct web_request *req);
void web_status(struct web_request *req);
void web_target(struct web_request *req);
void web_incidents(struct web_request *req);
void web_events(struct web_request *req);
void web_maintenance(struct web_request *req);
void web_reset(struct web_request *req);
void web_switchover(struct web_request *req);
void web_plan(struct web_request *req);
void web_route(struct web_request *req);
void web_replica(struct web_request *req);
void web_read_only(struct web_request *req);

/* ---- web_history.c ---- */

/* Let each stream that is behind go on; sign of life where it is due. */
void web_follow_all(struct web *web);
void web_unfollow(struct web_request *req);

/* ---- web_group.c ---- */

/* A person wants another primary of a group, says @body. */
void web_group_switchover(struct web_request *req, json_t *body);

/* What is said of one that was brought about. */
void web_group_switched(struct web_request *req, json_t *doc);

/* ---- web_change.c ---- */

#define WEB_PATIENCE_US (5 * SECOND)

/* Tell the log who wants what. */
void web_say_who(struct web_request *req, const char *what);

/* What waited too long is answered. */
void web_change_time_out(struct web_request *req);

#endif
