#include "controller/io/pq.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/io/password.h"

#define SYSTEM_CA_FILE "/etc/ssl/certs/ca-certificates.crt"
/* No file: libpq would look for passwords in the home folder. */
#define NO_FILE      "/dev/null/none"
#define OPTIONS_MAX  24
#define ADDRESS_LIST (RESOLVER_ADDRESSES_MAX * ADDRESS_TEXT_MAX)

/* What libpq is told, pair by pair. */
struct options {
	const char *keys[OPTIONS_MAX + 1], *values[OPTIONS_MAX + 1];
	unsigned count;
	char hosts[ADDRESS_LIST], ports[RESOLVER_ADDRESSES_MAX * 8];
	char names[RESOLVER_ADDRESSES_MAX * 256];
};

static void pq_step(struct pq *pq);

/* libpq prints notices to stderr when nobody takes them. */
static void on_notice(void *arg, const PGresult *res)
{
	(void)arg;
	(void)res;
}

static void on_io(struct ev_loop *ev, ev_io *w, int events)
{
	(void)ev;
	(void)events;
	pq_step(w->data);
}

void pq_init(struct pq *pq, struct loop *loop, const struct dial_to *to,
	     const struct pq_login *login, pq_fn fn, pq_lost_fn lost, void *arg)
{
	*pq = (struct pq){ .loop = loop,
			   .to = to,
			   .login = login,
			   .fn = fn,
			   .lost = lost,
			   .arg = arg };
	ev_init(&pq->io, on_io);
	pq->io.data = pq;
}

int pq_fd(const struct pq *pq)
{
	return pq->conn != NULL ? PQsocket(pq->conn) : -1;
}

/* The descriptor may be another one after each step of a connection. */
static void pq_watch(struct pq *pq, int events)
{
	struct ev_loop *ev = loop_ev(pq->loop);

	ev_io_stop(ev, &pq->io);
	ev_io_set(&pq->io, PQsocket(pq->conn), events);
	ev_io_start(ev, &pq->io);
}

void pq_close(struct pq *pq)
{
	ev_io_stop(loop_ev(pq->loop), &pq->io);
	/* An address that was silent is not the first to be tried again. */
	if (pq->state == PQ_CONNECTING)
		pq->first++;
	PQclear(pq->result);
	pq->result = NULL;
	PQfinish(pq->conn);
	pq->conn = NULL;
	pq->state = PQ_CLOSED;
}

/* --- what went wrong ------------------------------------------------------ */

/* libpq has no more than strerror()'s words for it. */
static int find_errno(const char *text)
{
	static const int list[] = { ECONNREFUSED, ECONNRESET,   EHOSTUNREACH,
				    ENETUNREACH,  ETIMEDOUT,    EHOSTDOWN,
				    ENETDOWN,     EPIPE,        EACCES,
				    EMFILE,       EADDRNOTAVAIL };
	size_t i;

	for (i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		if (strstr(text, strerror(list[i])) != NULL)
			return list[i];
	return 0;
}

static void one_line(char *buf, size_t size, const char *text)
{
	snprintf(buf, size, "%.*s", (int)strcspn(text, "\n"), text);
}

/* "FATAL:  57P03: the database system is starting up": five characters that
 * stand between colons, in any language. */
static const char *find_state(const char *text, char state[6])
{
	static const char set[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	const char *at;

	for (at = strstr(text, ":  "); at != NULL; at = strstr(at, ":  ")) {
		at += 3;
		if (strspn(at, set) == 5 && at[5] == ':') {
			memcpy(state, at, 5);
			state[5] = '\0';
			return at + 6 + (at[6] == ' ');
		}
	}
	return NULL;
}

/* A connection that could not be made, or ended. */
static void tell_connection(struct pq_answer *answer, const char *text)
{
	const char *why = find_state(text, answer->state), *at;

	answer->answered = why != NULL;
	if (why == NULL) {
		answer->error = find_errno(text);
		at = strstr(text, " failed: ");
		why = at != NULL ? at + strlen(" failed: ") : text;
	}
	if (strstr(text, "server closed the connection") != NULL)
		answer->error = ECONNRESET;
	one_line(answer->why, sizeof(answer->why), why);
}

static void pq_fail(struct pq *pq, const char *text)
{
	struct pq_answer answer = { .done = false };

	tell_connection(&answer, text);
	if (answer.why[0] == '\0')
		snprintf(answer.why, sizeof(answer.why), "no connection");
	pq_close(pq);
	pq->fn(pq->arg, &answer);
}

/* --- a connection ----------------------------------------------------------
 */

static void option(struct options *opt, const char *key, const char *value)
{
	if (value == NULL)
		return;
	opt->keys[opt->count] = key;
	opt->values[opt->count++] = value;
}

static void append(char *list, size_t size, const char *text)
{
	size_t used = strlen(list);

	snprintf(list + used, size - used, "%s%s", used > 0 ? "," : "", text);
}

/* All addresses of the name, which libpq tries one after the other. */
static void option_addresses(struct options *opt, struct pq *pq)
{
	const struct address *list = &pq->to->address;
	const char *name = pq->login->server_name;
	unsigned count = 1, i;
	char text[ADDRESS_TEXT_MAX], port[8];

	if (pq->to->name != NULL)
		count = resolver_addresses(pq->to->name, &list);
	snprintf(port, sizeof(port), "%u", pq->to->port);
	for (i = 0; i < count; i++) {
		address_text(&list[(pq->first + i) % count], text,
			     sizeof(text));
		append(opt->hosts, sizeof(opt->hosts), text);
		append(opt->ports, sizeof(opt->ports), port);
		append(opt->names, sizeof(opt->names),
		       name != NULL ? name : text);
	}
	option(opt, "hostaddr", opt->hosts);
	option(opt, "port", opt->ports);
	option(opt, "host", opt->names);
}

static void option_tls(struct options *opt, const struct pq_login *login)
{
	if (!login->tls) {
		option(opt, "sslmode", "disable");
		return;
	}
	option(opt, "sslmode", login->verify ? "verify-full" : "require");
	option(opt, "sslcrl", NO_FILE);
	option(opt, "sslcert",
	       login->cert_file != NULL ? login->cert_file : NO_FILE);
	option(opt, "sslkey",
	       login->key_file != NULL ? login->key_file : login->cert_file);
	if (login->verify)
		option(opt, "sslrootcert",
		       login->ca_file != NULL ? login->ca_file
					      : SYSTEM_CA_FILE);
	else
		option(opt, "sslrootcert", NO_FILE);
}

static PGconn *open_connection(struct pq *pq, const struct secret *password)
{
	const struct pq_login *login = pq->login;
	struct options opt = { .count = 0 };

	option_addresses(&opt, pq);
	option_tls(&opt, login);
	option(&opt, "user", login->user != NULL ? login->user : "postgres");
	option(&opt, "dbname",
	       login->database != NULL ? login->database : "postgres");
	if (login->replication)
		option(&opt, "replication", "database");
	option(&opt, "application_name", "bascule");
	option(&opt, "client_encoding", "UTF8");
	/* Looking for a ticket may ask the network, and wait. */
	option(&opt, "gssencmode", "disable");
	option(&opt, "passfile", NO_FILE);
	if (password != NULL)
		option(&opt, "password", (const char *)password->bytes);
	return PQconnectStartParams(opt.keys, opt.values, 0);
}

static void pq_connect(struct pq *pq)
{
	struct secret *password = NULL;
	struct err err = { 0 };

	pq->used = false;
	if (pq->login->password_file != NULL &&
	    password_read(pq->login->password_file, &password, &err) < 0) {
		pq_fail(pq, err.text);
		return;
	}
	pq->conn = open_connection(pq, password);
	secret_free(password);
	if (pq->conn == NULL || PQstatus(pq->conn) == CONNECTION_BAD) {
		char text[512];

		snprintf(text, sizeof(text), "%s",
			 pq->conn != NULL ? PQerrorMessage(pq->conn)
					  : "out of memory");
		pq_fail(pq, text);
		return;
	}
	/* With the SQLSTATE, and as one notice less on stderr. */
	PQsetErrorVerbosity(pq->conn, PQERRORS_VERBOSE);
	PQsetNoticeReceiver(pq->conn, on_notice, NULL);
	pq->state = PQ_CONNECTING;
	pq_watch(pq, EV_WRITE);
}

/* Copied, since the text belongs to the connection that is closed. */
static void pq_fail_connection(struct pq *pq)
{
	char text[512];

	snprintf(text, sizeof(text), "%s", PQerrorMessage(pq->conn));
	pq_fail(pq, text);
}

static void pq_send(struct pq *pq)
{
	pq->state = PQ_ASKING;
	if (!PQsendQuery(pq->conn, pq->sql)) {
		pq_fail_connection(pq);
		return;
	}
	pq_step(pq);
}

static void pq_connecting(struct pq *pq)
{
	/* It may close the descriptor. */
	ev_io_stop(loop_ev(pq->loop), &pq->io);
	switch (PQconnectPoll(pq->conn)) {
	case PGRES_POLLING_READING:
		pq_watch(pq, EV_READ);
		break;
	case PGRES_POLLING_WRITING:
		pq_watch(pq, EV_WRITE);
		break;
	case PGRES_POLLING_OK:
		PQsetnonblocking(pq->conn, 1);
		pq_send(pq);
		break;
	default:
		pq_fail_connection(pq);
	}
}

/* --- a statement -----------------------------------------------------------
 */

static void tell_refusal(struct pq_answer *answer, const PGresult *result)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *why = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	if (state == NULL) {
		tell_connection(answer, PQresultErrorMessage(result));
		return;
	}
	snprintf(answer->state, sizeof(answer->state), "%s", state);
	one_line(answer->why, sizeof(answer->why), why != NULL ? why : state);
	answer->answered = true;
}

static void pq_report(struct pq *pq, bool ended)
{
	const char *cells[PQ_CELLS_MAX];
	struct pq_answer answer = { .answered = true, .cells = cells };
	PGresult *result = pq->result;
	ExecStatusType status = PQresultStatus(result);
	unsigned i;

	pq->result = NULL;
	pq->used = true;
	answer.done = status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
	if (answer.done) {
		answer.columns = (unsigned)PQnfields(result);
		answer.rows = (unsigned)PQntuples(result);
		if (answer.columns > 0 &&
		    answer.rows > PQ_CELLS_MAX / answer.columns)
			answer.rows = PQ_CELLS_MAX / answer.columns;
	} else {
		tell_refusal(&answer, result);
	}
	for (i = 0; i < answer.rows * answer.columns; i++) {
		int row = (int)(i / answer.columns);
		int column = (int)(i % answer.columns);

		cells[i] = PQgetisnull(result, row, column)
				   ? NULL
				   : PQgetvalue(result, row, column);
	}
	if (ended)
		pq_close(pq);
	pq->fn(pq->arg, &answer);
	PQclear(result);
}

/* The connection ended under way; a last word of the server may stand before
 * the end. */
static void pq_broken(struct pq *pq)
{
	if (pq->result == NULL)
		pq->result = PQgetResult(pq->conn);
	if (pq->result == NULL)
		pq_fail_connection(pq);
	else
		pq_report(pq, true);
}

static void pq_asking(struct pq *pq)
{
	PGresult *result;
	int left = PQflush(pq->conn);

	if (left < 0 || !PQconsumeInput(pq->conn)) {
		pq_broken(pq);
		return;
	}
	while (!PQisBusy(pq->conn)) {
		result = PQgetResult(pq->conn);
		if (result == NULL) {
			pq_watch(pq, EV_READ);
			pq->state = PQ_IDLE;
			pq_report(pq, false);
			return;
		}
		PQclear(pq->result);
		pq->result = result;
	}
	pq_watch(pq, left > 0 ? EV_READ | EV_WRITE : EV_READ);
}

static void pq_lost(struct pq *pq)
{
	int error = find_errno(PQerrorMessage(pq->conn));

	pq_close(pq);
	if (pq->lost != NULL)
		pq->lost(pq->arg, error);
}

static void pq_step(struct pq *pq)
{
	PGresult *result;

	switch (pq->state) {
	case PQ_CLOSED:
		break;
	case PQ_CONNECTING:
		pq_connecting(pq);
		break;
	case PQ_ASKING:
		pq_asking(pq);
		break;
	case PQ_IDLE:
		if (!PQconsumeInput(pq->conn)) {
			pq_lost(pq);
			break;
		}
		while (!PQisBusy(pq->conn) &&
		       (result = PQgetResult(pq->conn)) != NULL)
			PQclear(result);
		if (PQstatus(pq->conn) == CONNECTION_BAD)
			pq_lost(pq);
	}
}

void pq_ask(struct pq *pq, const char *sql)
{
	pq->sql = sql;
	if (pq->conn == NULL)
		pq_connect(pq);
	else
		pq_send(pq);
}

bool pq_look(struct pq *pq)
{
	struct pollfd look = { .fd = pq_fd(pq), .events = POLLIN };

	if (pq->state == PQ_CONNECTING && pq->io.events & EV_WRITE)
		look.events = POLLOUT;
	if (look.fd < 0 || poll(&look, 1, 0) <= 0)
		return false;
	pq_step(pq);
	return true;
}
