/* libcurl's transfers on the loop.
 *
 * The caller makes and configures the easy handles; this starts them, tells
 * their end, and keeps connections between them.  Deadlines are the caller's.
 */
#ifndef BASCULE_IO_CURL_MULTI_H
#define BASCULE_IO_CURL_MULTI_H

#include <curl/curl.h>
#include <stdbool.h>

#include "controller/io/loop.h"

struct multi;

/* The transfer is over, not stopped.  Never called from within
 * multi_start(); may start others. */
typedef void (*multi_fn)(void *arg, CURLcode code);

/* One transfer at a time; owned by whoever starts it.  Its easy handle's
 * CURLOPT_PRIVATE is used here. */
struct transfer {
	CURL *easy;  /* borrowed; NULL when none is under way */
	int kept_fd; /* after its end: the connection that is kept, or -1 */
	multi_fn fn;
	void *arg;
};

/* Returns NULL when memory is out. */
struct multi *multi_new(struct loop *loop);

/* Every transfer has ended or was stopped. */
void multi_free(struct multi *multi);

/* How many idle connections are kept. */
void multi_keep(struct multi *multi, unsigned connections);

/* Returns 0 or -ENOMEM. */
int multi_start(struct multi *multi, struct transfer *transfer, CURL *easy,
		multi_fn fn, void *arg);

/* No more of it, if it is under way; its connection is closed. */
void multi_stop(struct multi *multi, struct transfer *transfer);

/* Look once more, without waiting, whether anything has come; its end may be
 * told.  Returns whether anything had. */
bool multi_look(struct multi *multi, struct transfer *transfer);

/* The socket of a transfer under way; -1: none yet. */
int multi_fd(const struct transfer *transfer);

/* The connection that a transfer came over and that libcurl keeps, watched
 * while nothing is asked on it.  Part of the caller's struct; zero: none. */
typedef void (*held_fn)(void *arg, int error);

struct held {
	struct multi *multi; /* borrowed; NULL: nothing is held */
	ev_io io;
	held_fn fn;
	void *arg;
};

/* Watch the connection of @transfer, which has ended, if it is kept, and no
 * other.  @fn is called once when the other side ends it, with an errno or
 * 0; @held may be used again from there.  Returns 0 or -ENOMEM. */
int multi_hold(struct multi *multi, struct held *held,
	       const struct transfer *transfer, held_fn fn, void *arg);

/* Watch it no more: it is asked, or its owner goes.  libcurl keeps it. */
void multi_let_go(struct held *held);

#endif
