#include "controller/io/maria_tls.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "controller/io/tcp.h"
#include "controller/io/thread.h"
#include "controller/io/tls_client.h"

/* What libmariadb's own build gives these headers. */
#define HAVE_TLS 1
typedef unsigned char uchar;
#include <mariadb/ma_pvio.h>

/* Exported to libmariadb's own plugins, and in none of its headers. */
int ma_pvio_register_callback(my_bool add,
			      void (*fn)(int mode, MYSQL *mysql,
					 const uchar *bytes, size_t size));

/* The thread gives up; whoever waits for it does so before. */
#define PATIENCE_S 5

struct maria_tls {
	/* First: by its address libmariadb's socket leads to the rest. */
	PVIO_METHODS methods;
	PVIO_METHODS *original; /* borrowed: libmariadb's own; NULL: not yet */
	atomic_int holders;     /* the thread, and who waits for it */
	int fd;                 /* owned */
	MYSQL *mysql;           /* owned */
	char host[ADDRESS_TEXT_MAX];
	uint16_t port;
	char *user, *database, *name; /* owned; or NULL */
	struct secret *password;      /* owned */
	bool open, named, connected;
	int dial_error; /* why it is not connected; or 0 */
};

static void release(struct maria_tls *tls)
{
	if (atomic_fetch_sub(&tls->holders, 1) > 1)
		return;
	if (tls->mysql != NULL)
		mysql_close(tls->mysql);
	if (tls->fd >= 0)
		close(tls->fd);
	free(tls->user);
	free(tls->database);
	free(tls->name);
	secret_free(tls->password);
	free(tls);
}

/* In place of libmariadb's own, which it asks right before the handshake. */
static my_bool is_blocking(MARIADB_PVIO *pvio)
{
	struct maria_tls *tls = (struct maria_tls *)pvio->methods;

	if (tls->name != NULL && !tls->named && pvio->ctls != NULL &&
	    pvio->ctls->ssl != NULL)
		tls->named = tls_client_name(pvio->ctls->ssl, tls->name) == 0;
	return tls->original->is_blocking(pvio);
}

/* Whose login this thread is at. */
static _Thread_local struct maria_tls *current;

/* Something came from a server, or goes there: the first time it is the
 * greeting, before the handshake. */
static void on_bytes(int mode, MYSQL *mysql, const uchar *bytes, size_t size)
{
	struct maria_tls *tls = current;
	MARIADB_PVIO *pvio = mysql->net.pvio;

	(void)mode;
	(void)bytes;
	(void)size;
	if (tls == NULL || pvio == NULL || tls->original != NULL)
		return;
	tls->original = pvio->methods;
	tls->methods = *pvio->methods;
	tls->methods.is_blocking = is_blocking;
	pvio->methods = &tls->methods;
}

/* Wait as libmariadb wants it; what came, in its words. */
static int wait_for(struct maria_tls *tls, int waits)
{
	struct pollfd look = { .fd = (int)mysql_get_socket(tls->mysql) };
	int events = 0;

	if (waits & MYSQL_WAIT_READ)
		look.events |= POLLIN;
	if (waits & MYSQL_WAIT_WRITE)
		look.events |= POLLOUT;
	if (poll(&look, 1, PATIENCE_S * 1000) <= 0)
		return MYSQL_WAIT_TIMEOUT;
	if (look.revents & (POLLIN | POLLHUP | POLLERR))
		events |= waits & MYSQL_WAIT_READ;
	if (look.revents & (POLLOUT | POLLHUP | POLLERR))
		events |= waits & MYSQL_WAIT_WRITE;
	return events;
}

static void *run(void *arg)
{
	struct maria_tls *tls = arg;
	MYSQL *mysql = NULL;
	int waits, events;

	current = tls;
	waits = mysql_real_connect_start(&mysql, tls->mysql, tls->host,
					 tls->user,
					 (const char *)tls->password->bytes,
					 tls->database, tls->port, NULL, 0);
	while (waits != 0) {
		events = wait_for(tls, waits);
		/* libmariadb does not say why it cannot connect. */
		if (!tls->connected && tls->dial_error == 0)
			tls->dial_error = tcp_take_error(
				(int)mysql_get_socket(tls->mysql));
		tls->connected = tls->dial_error == 0;
		if (!tls->connected)
			events = MYSQL_WAIT_TIMEOUT;
		waits = mysql_real_connect_cont(&mysql, tls->mysql, events);
	}
	tls->open = mysql != NULL;
	if (tls->open && tls->original != NULL)
		tls->mysql->net.pvio->methods = tls->original;
	mysql_thread_end();
	eventfd_write(tls->fd, 1);
	release(tls);
	return NULL;
}

static int copy_text(const char *text, char **ret_copy)
{
	if (text == NULL)
		return 0;
	*ret_copy = strdup(text);
	return *ret_copy != NULL ? 0 : -ENOMEM;
}

static int fill(struct maria_tls *tls, const struct maria_login *login)
{
	size_t size = login->password != NULL ? strlen(login->password) : 0;
	unsigned patience_s = PATIENCE_S;

	mysql_optionsv(tls->mysql, MYSQL_OPT_CONNECT_TIMEOUT, &patience_s);
	address_text(&login->address, tls->host, sizeof(tls->host));
	tls->port = ntohs(login->address.in.sin_port);
	tls->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (tls->fd < 0)
		return -errno;
	tls->password = secret_new(size + 1);
	if (tls->password == NULL || copy_text(login->user, &tls->user) < 0 ||
	    copy_text(login->database, &tls->database) < 0 ||
	    copy_text(login->verify_name, &tls->name) < 0)
		return -ENOMEM;
	if (size > 0)
		memcpy(tls->password->bytes, login->password, size);
	return 0;
}

int maria_tls_start(struct maria_tls **ret_tls, MYSQL *mysql,
		    const struct maria_login *login)
{
	static bool listens;
	struct maria_tls *tls = calloc(1, sizeof(*tls));
	int r;

	if (!listens)
		ma_pvio_register_callback(1, on_bytes);
	listens = true;

	if (tls == NULL) {
		mysql_close(mysql);
		return -ENOMEM;
	}
	tls->mysql = mysql;
	atomic_init(&tls->holders, 2);
	r = fill(tls, login);
	if (r == 0)
		r = thread_start(run, tls);
	if (r < 0) {
		atomic_store(&tls->holders, 1);
		release(tls);
		return r;
	}
	*ret_tls = tls;
	return 0;
}

int maria_tls_fd(const struct maria_tls *tls)
{
	return tls->fd;
}

void maria_tls_end(struct maria_tls *tls, MYSQL **ret_mysql, bool *ret_open,
		   bool *ret_verified, int *ret_dial_error)
{
	*ret_dial_error = tls->dial_error;
	*ret_mysql = tls->mysql;
	*ret_open = tls->open;
	*ret_verified = tls->name == NULL || tls->named;
	tls->mysql = NULL;
	release(tls);
}

void maria_tls_drop(struct maria_tls *tls)
{
	if (tls != NULL)
		release(tls);
}
