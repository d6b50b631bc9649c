/* A connection to a MariaDB or MySQL server: statements out, rows in.
 *
 * The protocol is libmariadb's, by its non-blocking calls; the deadlines are
 * the caller's.  It is closed with a word to the server (COM_QUIT), so that the
 * server's log says nothing of it.  One statement at a time.
 */
#ifndef BASCULE_IO_MARIA_H
#define BASCULE_IO_MARIA_H

#include <ev.h>
#include <mysql.h>
#include <stdbool.h>

#include "controller/core/row.h"
#include "controller/io/address.h"
#include "controller/io/loop.h"
#include "controller/io/secret.h"

#define MARIA_TEXT_MAX 256

/* How a connection ended. */
enum maria_end {
	MARIA_UNREACHED, /* no connection; @error is an errno */
	MARIA_REFUSED,   /* the server says no to the login: @code, @text */
	MARIA_NO_TLS,    /* @text says why */
	MARIA_LOST       /* later; @error is an errno or 0; @text */
};

/* All are called from the loop, never from within a call to maria_*(), but
 * for maria_look().  Anything may be done in them but freeing the memory. */
struct maria_hears {
	/* Logged in: it can be asked. */
	void (*opened)(void *arg);
	/* @row is borrowed for the call, in which the connection must stay. */
	void (*row)(void *arg, const struct row *row);
	/* The statement is carried out. */
	void (*done)(void *arg);
	/* The server says no to the statement; the connection stays. */
	void (*refused)(void *arg, unsigned code, const char *text);
	/* The connection is closed already; @text is borrowed. */
	void (*end)(void *arg, enum maria_end how, unsigned code, int error,
		    const char *text);
};

/* Whom to be and how; borrowed for the call.  NULL: not given. */
struct maria_login {
	struct address address; /* with the port */
	const char *user, *password, *database;
	bool tls;
	const char *verify_name; /* verify the certificate against this name */
	const char *ca_file;     /* NULL: the system's own */
	const char *cert_file, *key_file;
};

enum maria_state {
	MARIA_CLOSED,
	MARIA_OPENING,
	MARIA_IDLE,
	MARIA_ASKING,
	MARIA_STORING
};

struct maria_tls;

struct maria {
	struct loop *loop; /* borrowed */
	const struct maria_hears *hears;
	void *arg;
	ev_io io;
	enum maria_state state;
	MYSQL *mysql;            /* owned; NULL when closed */
	struct maria_tls *apart; /* owned: logs in over TLS; or NULL */
	MYSQL_RES *rows;         /* owned; of the statement that was stored */
	int waits;       /* libmariadb's: what for; 0: its call is over */
	bool failed;     /* ... and badly */
	bool connected;  /* the socket is */
	char *statement; /* owned: libmariadb wants it until it is sent */
	/* Owned: libmariadb wants these until it is logged in. */
	char *host, *user, *database;
	struct secret *password;
	bool tls;        /* it must be encrypted */
	int dial_error;  /* why the socket is not connected; or 0 */
	unsigned opened; /* counts connections: is this still the same? */
};

void maria_init(struct maria *maria, struct loop *loop,
		const struct maria_hears *hears, void *arg);

/* Begin to connect and log in.  Whatever comes of it is told.  Returns 0 or
 * -ENOMEM. */
int maria_open(struct maria *maria, const struct maria_login *login);

/* Carry out one statement; the connection is idle.  Returns 0 or -ENOMEM. */
int maria_ask(struct maria *maria, const char *statement);

bool maria_is_open(const struct maria *maria);
bool maria_is_idle(const struct maria *maria);

/* Whether it is MariaDB; else MySQL.  Open connections only. */
bool maria_is_mariadb(const struct maria *maria);

/* The socket, or -1. */
int maria_fd(const struct maria *maria);

/* Look once more, without waiting.  Returns whether something came. */
bool maria_look(struct maria *maria);

/* Close: with a word when idle, else as it is.  Fine when it is closed. */
void maria_close(struct maria *maria);

#endif
