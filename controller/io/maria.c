#include "controller/io/maria.h"

#include <errmsg.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "controller/io/maria_tls.h"
#include "controller/io/tcp.h"

/* How often a call that is given up is told that its time is over. */
#define GIVE_UP_MAX 16
/* How long the kernel may retransmit; the caller's deadline comes first. */
#define RETRANSMIT_US (2 * SECOND)
/* Those that do not show a password to whoever asks for it: libmariadb goes on
 * without TLS where the server offers none, which is seen only afterwards. */
#define PLUGINS "mysql_native_password,client_ed25519,caching_sha2_password"

/* --- what libmariadb waits for ----------------------------------------------
 */

static void watch(struct maria *m, int events)
{
	struct ev_loop *ev = loop_ev(m->loop);
	int fd = maria_fd(m);

	ev_io_stop(ev, &m->io);
	if (fd < 0)
		return;
	ev_io_set(&m->io, fd, events);
	ev_io_start(ev, &m->io);
}

/* Go on with the call that is suspended. */
static void resume(struct maria *m, int events)
{
	MYSQL *mysql = m->mysql;
	int r = 0;

	if (m->state == MARIA_OPENING) {
		m->waits = mysql_real_connect_cont(&mysql, m->mysql, events);
		m->failed = mysql == NULL;
	} else if (m->state == MARIA_ASKING) {
		m->waits = mysql_real_query_cont(&r, m->mysql, events);
		m->failed = r != 0;
	} else if (m->state == MARIA_STORING) {
		m->waits = mysql_store_result_cont(&m->rows, m->mysql, events);
		m->failed = m->rows == NULL && mysql_errno(m->mysql) != 0;
	}
}

static void give_up(struct maria *m)
{
	unsigned i;

	for (i = 0; m->waits != 0 && i < GIVE_UP_MAX; i++)
		resume(m, MYSQL_WAIT_TIMEOUT);
	m->waits = 0;
}

/* --- how a call ended -------------------------------------------------------
 */

static void end(struct maria *m, enum maria_end how, unsigned code, int error,
		const char *text)
{
	char copy[MARIA_TEXT_MAX];

	snprintf(copy, sizeof(copy), "%s", text);
	maria_close(m);
	m->hears->end(m->arg, how, code, error, copy);
}

/* Codes of the library's own, which are none of the server's. */
static bool is_ours(unsigned code)
{
	return (code >= CR_MIN_ERROR && code < 3000) || code >= 5000;
}

/* The errno that libmariadb ends its text with: "... (111)". */
static int errno_of(const char *text)
{
	const char *at = strrchr(text, '(');
	int error = at != NULL ? atoi(at + 1) : 0;

	return error > 0 ? error : ECONNREFUSED;
}

static void not_opened(struct maria *m)
{
	unsigned code = mysql_errno(m->mysql);
	const char *text = mysql_error(m->mysql);

	if (m->dial_error != 0)
		end(m, MARIA_UNREACHED, code, m->dial_error,
		    strerror(m->dial_error));
	else if (code == CR_CONNECTION_ERROR || code == CR_CONN_HOST_ERROR)
		end(m, MARIA_UNREACHED, code, errno_of(text), text);
	else if (code == CR_SSL_CONNECTION_ERROR)
		end(m, MARIA_NO_TLS, code, 0, text);
	else if (code == CR_SERVER_LOST || code == CR_SERVER_GONE_ERROR ||
		 code == CR_SERVER_HANDSHAKE_ERR || code == CR_VERSION_ERROR ||
		 code == CR_MALFORMED_PACKET)
		end(m, MARIA_LOST, code, 0, text);
	else
		end(m, MARIA_REFUSED, code, 0, text);
}

static void forget_login(struct maria *m)
{
	free(m->host);
	free(m->user);
	free(m->database);
	secret_free(m->password);
	m->host = m->user = m->database = NULL;
	m->password = NULL;
}

static void opened(struct maria *m)
{
	if (m->failed) {
		not_opened(m);
		return;
	}
	if (m->tls && mysql_get_ssl_cipher(m->mysql) == NULL) {
		end(m, MARIA_NO_TLS, 0, 0, "the server does not support SSL");
		return;
	}
	forget_login(m);
	m->state = MARIA_IDLE;
	watch(m, EV_READ);
	m->hears->opened(m->arg);
}

static void refused(struct maria *m)
{
	unsigned code = mysql_errno(m->mysql);
	char copy[MARIA_TEXT_MAX];

	if (is_ours(code)) {
		end(m, MARIA_LOST, code, 0, mysql_error(m->mysql));
		return;
	}
	snprintf(copy, sizeof(copy), "%s", mysql_error(m->mysql));
	m->state = MARIA_IDLE;
	watch(m, EV_READ);
	m->hears->refused(m->arg, code, copy);
}

static void tell_rows(struct maria *m)
{
	unsigned count = mysql_num_fields(m->rows), i;
	MYSQL_FIELD *fields = mysql_fetch_fields(m->rows);
	const char **names = calloc(count, sizeof(*names));
	struct row row = { .count = count, .names = names };
	MYSQL_ROW values;

	for (i = 0; names != NULL && i < count; i++)
		names[i] = fields[i].name;
	while (names != NULL && (values = mysql_fetch_row(m->rows)) != NULL) {
		row.values = (const char *const *)values;
		m->hears->row(m->arg, &row);
	}
	free(names);
}

static void stored(struct maria *m)
{
	if (m->failed) {
		refused(m);
		return;
	}
	if (m->rows != NULL) {
		tell_rows(m);
		mysql_free_result(m->rows);
		m->rows = NULL;
	}
	m->state = MARIA_IDLE;
	watch(m, EV_READ);
	m->hears->done(m->arg);
}

/* The call is over, or waits. */
static void settle(void *arg)
{
	struct maria *m = arg;

	if (m->state == MARIA_ASKING && m->waits == 0 && !m->failed) {
		m->state = MARIA_STORING;
		m->waits = mysql_store_result_start(&m->rows, m->mysql);
		m->failed = m->rows == NULL && mysql_errno(m->mysql) != 0;
	}
	if (m->waits != 0)
		watch(m, (m->waits & MYSQL_WAIT_READ ? EV_READ : 0) |
				 (m->waits & MYSQL_WAIT_WRITE ? EV_WRITE : 0));
	else if (m->state == MARIA_OPENING)
		opened(m);
	else if (m->state == MARIA_ASKING)
		refused(m);
	else if (m->state == MARIA_STORING)
		stored(m);
}

/* --- what happens -----------------------------------------------------------
 */

/* An idle server has nothing to say but that it ends. */
static void hear_idle(struct maria *m)
{
	char byte;
	ssize_t n = recv(maria_fd(m), &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	end(m, MARIA_LOST, CR_SERVER_LOST, n < 0 ? errno : 0,
	    n < 0 ? strerror(errno) : "it closed the connection");
}

/* Whether the socket is connected: libmariadb knows, and does not say why
 * not. */
static bool dialed(struct maria *m)
{
	m->dial_error = tcp_take_error(maria_fd(m));
	if (m->dial_error != 0)
		return false;
	m->connected = true;
	tcp_set_options(maria_fd(m), RETRANSMIT_US);
	return true;
}

/* The thread that logged in is done. */
static void logged_in(struct maria *m)
{
	bool is_open, verified;

	ev_io_stop(loop_ev(m->loop), &m->io);
	maria_tls_end(m->apart, &m->mysql, &is_open, &verified, &m->dial_error);
	m->apart = NULL;
	m->failed = !is_open;
	if (is_open && !verified)
		end(m, MARIA_NO_TLS, 0, 0, "the certificate was not verified");
	else
		opened(m);
}

static void step(struct maria *m, int revents)
{
	int events = (revents & EV_READ ? MYSQL_WAIT_READ : 0) |
		     (revents & EV_WRITE ? MYSQL_WAIT_WRITE : 0);

	if (m->apart != NULL) {
		logged_in(m);
		return;
	}
	if (m->state == MARIA_IDLE) {
		hear_idle(m);
		return;
	}
	if (m->waits == 0)
		return;
	if (m->state == MARIA_OPENING && !m->connected && !dialed(m))
		give_up(m);
	else
		resume(m, events);
	settle(m);
}

static void on_io(struct ev_loop *ev, ev_io *w, int events)
{
	(void)ev;
	step(w->data, events);
}

void maria_init(struct maria *maria, struct loop *loop,
		const struct maria_hears *hears, void *arg)
{
	*maria = (struct maria){ .loop = loop, .hears = hears, .arg = arg };
	ev_init(&maria->io, on_io);
	maria->io.data = maria;
}

bool maria_is_open(const struct maria *maria)
{
	return maria->state != MARIA_CLOSED && maria->state != MARIA_OPENING;
}

bool maria_is_idle(const struct maria *maria)
{
	return maria->state == MARIA_IDLE;
}

bool maria_is_mariadb(const struct maria *maria)
{
	return mariadb_connection(maria->mysql);
}

int maria_fd(const struct maria *maria)
{
	return maria->mysql != NULL ? (int)mysql_get_socket(maria->mysql) : -1;
}

bool maria_look(struct maria *maria)
{
	struct pollfd look = { .fd = maria_fd(maria),
			       .events = POLLIN | POLLOUT };

	if (look.fd < 0 || maria->waits == 0)
		return false;
	if (!(maria->waits & MYSQL_WAIT_WRITE))
		look.events = POLLIN;
	if (poll(&look, 1, 0) <= 0)
		return false;
	step(maria, EV_READ | (look.events & POLLOUT ? EV_WRITE : 0));
	return true;
}

/* --- opening and closing ----------------------------------------------------
 */

void maria_close(struct maria *maria)
{
	if (maria->apart != NULL) {
		ev_io_stop(loop_ev(maria->loop), &maria->io);
		maria_tls_drop(maria->apart);
		maria->apart = NULL;
		maria->state = MARIA_CLOSED;
	}
	if (maria->mysql == NULL)
		return;
	ev_io_stop(loop_ev(maria->loop), &maria->io);
	loop_after_cancel(maria->loop, settle, maria);
	give_up(maria);
	if (maria->rows != NULL)
		mysql_free_result(maria->rows);
	maria->rows = NULL;
	mysql_close(maria->mysql);
	maria->mysql = NULL;
	maria->state = MARIA_CLOSED;
	forget_login(maria);
	/* A password may be in it. */
	if (maria->statement != NULL)
		explicit_bzero(maria->statement, strlen(maria->statement));
	free(maria->statement);
	maria->statement = NULL;
}

static void set_tls(struct maria *m, const struct maria_login *login)
{
	MYSQL *my = m->mysql;
	my_bool yes = 1, no = 0;

	mysql_optionsv(my, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &no);
	if (!login->tls)
		return;
	mysql_optionsv(my, MYSQL_OPT_SSL_ENFORCE, &yes);
	if (login->cert_file != NULL)
		mysql_optionsv(my, MYSQL_OPT_SSL_CERT, login->cert_file);
	if (login->key_file != NULL)
		mysql_optionsv(my, MYSQL_OPT_SSL_KEY, login->key_file);
	if (login->verify_name == NULL)
		return;
	if (login->ca_file != NULL)
		mysql_optionsv(my, MYSQL_OPT_SSL_CA, login->ca_file);
	else
		mysql_optionsv(my, MYSQL_OPT_SSL_CAPATH,
			       X509_get_default_cert_dir());
}

static int set_options(struct maria *m, const struct maria_login *login)
{
	unsigned tcp = MYSQL_PROTOCOL_TCP, no_files = 0;
	MYSQL *my = m->mysql;

	if (mysql_optionsv(my, MYSQL_OPT_NONBLOCK, 0) != 0)
		return -ENOMEM;
	mysql_optionsv(my, MYSQL_OPT_PROTOCOL, &tcp);
	mysql_optionsv(my, MYSQL_OPT_LOCAL_INFILE, &no_files);
	mysql_optionsv(my, MYSQL_SET_CHARSET_NAME, "utf8mb4");
	mysql_optionsv(my, MARIADB_OPT_RESTRICTED_AUTH, PLUGINS);
	set_tls(m, login);
	return 0;
}

static int copy_text(const char *text, char **ret_copy)
{
	if (text == NULL)
		return 0;
	*ret_copy = strdup(text);
	return *ret_copy != NULL ? 0 : -ENOMEM;
}

static int copy_login(struct maria *m, const struct maria_login *login)
{
	char host[ADDRESS_TEXT_MAX];
	size_t size = login->password != NULL ? strlen(login->password) : 0;

	address_text(&login->address, host, sizeof(host));
	m->password = secret_new(size + 1);
	if (m->password == NULL || copy_text(host, &m->host) < 0 ||
	    copy_text(login->user, &m->user) < 0 ||
	    copy_text(login->database, &m->database) < 0)
		return -ENOMEM;
	if (size > 0)
		memcpy(m->password->bytes, login->password, size);
	return 0;
}

static int open_apart(struct maria *m, const struct maria_login *login)
{
	MYSQL *mysql = m->mysql;
	int r;

	m->mysql = NULL;
	r = maria_tls_start(&m->apart, mysql, login);
	if (r < 0)
		return r;
	m->state = MARIA_OPENING;
	m->opened++;
	ev_io_set(&m->io, maria_tls_fd(m->apart), EV_READ);
	ev_io_start(loop_ev(m->loop), &m->io);
	return 0;
}

int maria_open(struct maria *maria, const struct maria_login *login)
{
	MYSQL *mysql = NULL;
	int r;

	maria_close(maria);
	maria->mysql = mysql_init(NULL);
	if (maria->mysql == NULL)
		return -ENOMEM;
	maria->connected = false;
	maria->tls = login->tls;
	maria->dial_error = maria->waits = 0;
	r = set_options(maria, login);
	if (r == 0 && login->tls)
		return open_apart(maria, login);
	if (r == 0)
		r = copy_login(maria, login);
	if (r < 0) {
		maria_close(maria);
		return r;
	}
	maria->state = MARIA_OPENING;
	maria->opened++;
	maria->waits = mysql_real_connect_start(
		&mysql, maria->mysql, maria->host, maria->user,
		(const char *)maria->password->bytes, maria->database,
		ntohs(login->address.in.sin_port), NULL, 0);
	maria->failed = maria->waits == 0 && mysql == NULL;
	if (maria_fd(maria) >= 0)
		fcntl(maria_fd(maria), F_SETFD, FD_CLOEXEC);
	loop_after(maria->loop, settle, maria);
	return 0;
}

int maria_ask(struct maria *maria, const char *statement)
{
	int r = 0;

	if (maria->statement != NULL)
		explicit_bzero(maria->statement, strlen(maria->statement));
	free(maria->statement);
	maria->statement = strdup(statement);
	if (maria->statement == NULL)
		return -ENOMEM;
	maria->state = MARIA_ASKING;
	maria->waits = mysql_real_query_start(
		&r, maria->mysql, maria->statement, strlen(maria->statement));
	maria->failed = r != 0;
	loop_after(maria->loop, settle, maria);
	return 0;
}
