/* PostgreSQL connections: libpq on our loop.
 *
 * One connection and one statement at a time.  Names are never looked up by
 * libpq, which would block: it gets the addresses that the resolver knows.
 * The password is read from its file for each connection.  Deadlines are the
 * caller's, who ends what takes too long with pq_close().
 */
#ifndef BASCULE_IO_PQ_H
#define BASCULE_IO_PQ_H

#include <ev.h>
#include <libpq-fe.h>
#include <stdbool.h>

#include "controller/io/dial.h"
#include "controller/io/loop.h"

#define PQ_WHY_MAX   160
#define PQ_CELLS_MAX 320

/* How to log in; all borrowed. */
struct pq_login {
	const char *user;          /* NULL: "postgres" */
	const char *password_file; /* NULL: none */
	const char *database;      /* NULL: "postgres" */
	bool tls, verify;
	const char *ca_file;              /* NULL: the system's own */
	const char *cert_file, *key_file; /* NULL: none is shown */
	const char *server_name;          /* whom the certificate must name */
	bool replication; /* it also takes the commands of replication */
};

/* What came of a statement; borrowed for the call. */
struct pq_answer {
	bool done;            /* it was carried out */
	bool answered;        /* a server of this protocol has spoken */
	int error;            /* an errno, where there was one; else 0 */
	char state[6];        /* SQLSTATE of a refusal, "" if there is none */
	char why[PQ_WHY_MAX]; /* one line; "" when done */
	unsigned rows, columns;
	const char *const *cells; /* row by row; NULL is SQL's NULL */
};

/* May be called from within pq_ask(); may ask again or close. */
typedef void (*pq_fn)(void *arg, const struct pq_answer *answer);

/* The connection ended while nothing was asked; @error: an errno or 0.  It is
 * closed already. */
typedef void (*pq_lost_fn)(void *arg, int error);

enum pq_state { PQ_CLOSED, PQ_CONNECTING, PQ_IDLE, PQ_ASKING };

struct pq {
	struct loop *loop;            /* borrowed */
	const struct dial_to *to;     /* borrowed */
	const struct pq_login *login; /* borrowed */
	pq_fn fn;
	pq_lost_fn lost; /* or NULL */
	void *arg;
	PGconn *conn;     /* owned; NULL when closed */
	PGresult *result; /* owned; of the statement under way, or NULL */
	const char *sql;  /* borrowed while it is under way */
	ev_io io;
	enum pq_state state;
	unsigned first; /* of the addresses, the one to begin with */
	bool used;      /* has carried a statement before this one */
};

void pq_init(struct pq *pq, struct loop *loop, const struct dial_to *to,
	     const struct pq_login *login, pq_fn fn, pq_lost_fn lost,
	     void *arg);

/* Carry out @sql, one statement, over the connection that stands or a new one.
 * It must live until it is answered.  Nothing else may be under way. */
void pq_ask(struct pq *pq, const char *sql);

/* Look once more, without waiting, whether something has come; returns whether
 * there was. */
bool pq_look(struct pq *pq);

/* Say goodbye and let go, without a report; what is under way is given up. */
void pq_close(struct pq *pq);

/* Its socket, or -1. */
int pq_fd(const struct pq *pq);

#endif
