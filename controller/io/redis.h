/* A connection to a Redis server: commands out, answers in.
 *
 * The protocol is hiredis'; the socket, the deadlines and TLS are the
 * caller's and ours, since everything here runs on our loop.  The caller
 * connects (io/dial.h) and hands over the socket.  Answers come in the order of
 * the commands; those to the login are kept back here.
 */
#ifndef BASCULE_IO_REDIS_H
#define BASCULE_IO_REDIS_H

#include <ev.h>
#include <hiredis/hiredis.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

#include "controller/core/err.h"
#include "controller/io/loop.h"

/* How a connection ended. */
enum redis_end {
	REDIS_CLOSED,  /* by the other side, in good order */
	REDIS_RESET,   /* @error says why */
	REDIS_NO_TLS,  /* the handshake failed; @text says why */
	REDIS_GARBLED, /* that is not Redis */
	REDIS_REFUSED  /* the login; @text is what Redis says */
};

struct redis_hears {
	/* @reply is borrowed for the call, in which anything may be done but
	 * freeing the connection's memory. */
	void (*reply)(void *arg, const redisReply *reply);
	/* The connection is closed already; @text is borrowed, NULL for
	 * CLOSED and RESET. */
	void (*end)(void *arg, enum redis_end how, int error, const char *text);
};

struct redis {
	struct loop *loop; /* borrowed */
	const struct redis_hears *hears;
	void *arg;
	ev_io io;
	int fd;              /* owned; -1: not connected */
	SSL *ssl;            /* owned; NULL: plain */
	redisReader *reader; /* owned while connected */
	char *out;           /* owned: what is not sent yet */
	size_t out_size, out_sent;
	unsigned greetings; /* answers to the login that are to come */
	unsigned opened;    /* counts connections: is this still the same? */
};

/* Whom to be, and in which database.  NULL: not given. */
struct redis_login {
	const char *user, *password, *database;
};

void redis_init(struct redis *redis, struct loop *loop,
		const struct redis_hears *hears, void *arg);

/* Talk over @fd, which is connected and owned from here on, and log in.
 *
 * @ctx: NULL for a plain connection; else over TLS, to whom is called @name.
 * Returns 0, -ENOMEM or -EINVAL; then @fd is closed.
 */
int redis_open(struct redis *redis, int fd, SSL_CTX *ctx, const char *name,
	       const struct redis_login *login);

bool redis_is_open(const struct redis *redis);

/* Send a command; it is written when the loop runs.  Returns 0 or -errno:
 * then the connection is to be closed. */
int redis_send(struct redis *redis, int argc, const char *const *argv);

/* Look once more, without waiting.  Returns whether something came. */
bool redis_look(struct redis *redis);

/* Close without a word; fine when it is not open. */
void redis_close(struct redis *redis);

#endif
