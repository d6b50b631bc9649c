#include "controller/io/redis.h"

#include <errno.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "controller/io/tls_client.h"

#define CHUNK 4096
/* What a server may say at once: its list of replicas is far smaller. */
#define REPLY_MAX (1024 * 1024)

static void end(struct redis *redis, enum redis_end how, int error,
		const char *text)
{
	redis_close(redis);
	redis->hears->end(redis->arg, how, error, text);
}

static void forget_out(struct redis *redis)
{
	/* A password may be in it. */
	if (redis->out != NULL)
		explicit_bzero(redis->out, redis->out_size);
	free(redis->out);
	redis->out = NULL;
	redis->out_size = redis->out_sent = 0;
}

static void watch(struct redis *redis, int events)
{
	struct ev_loop *ev = loop_ev(redis->loop);

	if (ev_is_active(&redis->io) && redis->io.events == events)
		return;
	ev_io_stop(ev, &redis->io);
	ev_io_set(&redis->io, redis->fd, events);
	ev_io_start(ev, &redis->io);
}

/* Bytes moved; 0: the other side closed; -errno, -EAGAIN among them; @ret_more
 * is set when TLS must write first. */
static ssize_t move(struct redis *redis, char *in, const char *out, size_t size,
		    bool *ret_more)
{
	ssize_t n;
	int error;

	errno = 0;
	if (redis->ssl == NULL) {
		n = in != NULL ? recv(redis->fd, in, size, MSG_DONTWAIT)
			       : send(redis->fd, out, size,
				      MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0)
			return errno == EINTR ? -EAGAIN : -errno;
		return n;
	}
	ERR_clear_error();
	n = in != NULL ? SSL_read(redis->ssl, in, (int)size)
		       : SSL_write(redis->ssl, out, (int)size);
	if (n > 0)
		return n;
	error = SSL_get_error(redis->ssl, (int)n);
	*ret_more = error == SSL_ERROR_WANT_WRITE;
	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
		return -EAGAIN;
	if (error == SSL_ERROR_ZERO_RETURN)
		return 0;
	return error == SSL_ERROR_SYSCALL && errno != 0 ? -errno : -EPROTO;
}

static void lost(struct redis *redis, int error)
{
	char why[128];

	if (redis->ssl != NULL && !SSL_is_init_finished(redis->ssl)) {
		strncpy(why,
			tls_client_why(redis->ssl, error == EPROTO ? 0 : error),
			sizeof(why) - 1);
		why[sizeof(why) - 1] = '\0';
		ERR_clear_error();
		end(redis, REDIS_NO_TLS, error, why);
	} else if (error == 0) {
		end(redis, REDIS_CLOSED, 0, NULL);
	} else {
		end(redis, REDIS_RESET, error, NULL);
	}
}

/* Write what is due; false: the connection is over. */
static bool flush(struct redis *redis, bool *ret_more)
{
	ssize_t n;

	while (redis->out_sent < redis->out_size) {
		n = move(redis, NULL, redis->out + redis->out_sent,
			 redis->out_size - redis->out_sent, ret_more);
		if (n == -EAGAIN) {
			*ret_more = *ret_more || redis->ssl == NULL;
			return true;
		}
		if (n <= 0) {
			lost(redis, (int)-n);
			return false;
		}
		redis->out_sent += (size_t)n;
	}
	forget_out(redis);
	return true;
}

/* One answer; false: the connection is over, or another one. */
static bool hear(struct redis *redis, redisReply *reply)
{
	unsigned opened = redis->opened;
	char text[128];

	if (redis->greetings > 0) {
		redis->greetings--;
		if (reply->type != REDIS_REPLY_ERROR)
			return true;
		strncpy(text, reply->str, sizeof(text) - 1);
		text[sizeof(text) - 1] = '\0';
		end(redis, REDIS_REFUSED, EACCES, text);
		return false;
	}
	redis->hears->reply(redis->arg, reply);
	return redis->fd >= 0 && redis->opened == opened;
}

static bool hear_all(struct redis *redis)
{
	void *reply;
	bool alive;

	for (;;) {
		if (redisReaderGetReply(redis->reader, &reply) != REDIS_OK) {
			end(redis, REDIS_GARBLED, EBADMSG,
			    "that is not the protocol of Redis");
			return false;
		}
		if (reply == NULL)
			return true;
		alive = hear(redis, reply);
		freeReplyObject(reply);
		if (!alive)
			return false;
	}
}

/* Read what is there; false: the connection is over, or another one. */
static bool take(struct redis *redis, bool *ret_more, bool *ret_came)
{
	char chunk[CHUNK];
	ssize_t n;

	for (;;) {
		n = move(redis, chunk, NULL, sizeof(chunk), ret_more);
		if (n == -EAGAIN)
			return true;
		*ret_came = true;
		if (n <= 0) {
			lost(redis, (int)-n);
			return false;
		}
		if (redisReaderFeed(redis->reader, chunk, (size_t)n) !=
		    REDIS_OK) {
			end(redis, REDIS_RESET, ENOMEM, NULL);
			return false;
		}
		if (!hear_all(redis))
			return false;
		if (redis->reader->len > REPLY_MAX) {
			end(redis, REDIS_GARBLED, EBADMSG,
			    "an answer without an end");
			return false;
		}
		if ((size_t)n < sizeof(chunk) && redis->ssl == NULL)
			return true;
	}
}

/* Whatever can be done now.  Returns whether something came. */
static bool work(struct redis *redis)
{
	bool more = false, came = false;

	if (!flush(redis, &more) || !take(redis, &more, &came))
		return true;
	/* Reading may have completed a handshake, or called for more. */
	if (redis->out_sent < redis->out_size && !flush(redis, &more))
		return true;
	watch(redis, more ? EV_READ | EV_WRITE : EV_READ);
	return came;
}

static void on_io(struct ev_loop *ev, ev_io *w, int events)
{
	(void)ev;
	(void)events;
	work(w->data);
}

void redis_init(struct redis *redis, struct loop *loop,
		const struct redis_hears *hears, void *arg)
{
	*redis = (struct redis){
		.loop = loop, .hears = hears, .arg = arg, .fd = -1
	};
	ev_init(&redis->io, on_io);
	redis->io.data = redis;
}

bool redis_is_open(const struct redis *redis)
{
	return redis->fd >= 0;
}

void redis_close(struct redis *redis)
{
	ev_io_stop(loop_ev(redis->loop), &redis->io);
	if (redis->ssl != NULL && SSL_is_init_finished(redis->ssl))
		SSL_shutdown(redis->ssl);
	SSL_free(redis->ssl);
	redis->ssl = NULL;
	ERR_clear_error();
	if (redis->fd >= 0)
		close(redis->fd);
	redis->fd = -1;
	redisReaderFree(redis->reader);
	redis->reader = NULL;
	redis->greetings = 0;
	forget_out(redis);
}

static int open_tls(struct redis *redis, SSL_CTX *ctx, const char *name)
{
	redis->ssl = SSL_new(ctx);
	if (redis->ssl == NULL || !SSL_set_fd(redis->ssl, redis->fd))
		return -ENOMEM;
	SSL_set_connect_state(redis->ssl);
	SSL_set_mode(redis->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE |
					 SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	return tls_client_name(redis->ssl, name);
}

static int log_in(struct redis *redis, const struct redis_login *login)
{
	const char *auth[3] = { "AUTH" }, *select[2] = { "SELECT" };
	int n = 1, r = 0;

	if (login->user != NULL)
		auth[n++] = login->user;
	if (login->password != NULL) {
		auth[n++] = login->password;
		r = redis_send(redis, n, auth);
		redis->greetings++;
	}
	if (r == 0 && login->database != NULL) {
		select[1] = login->database;
		r = redis_send(redis, 2, select);
		redis->greetings++;
	}
	return r;
}

int redis_open(struct redis *redis, int fd, SSL_CTX *ctx, const char *name,
	       const struct redis_login *login)
{
	int r = 0;

	redis_close(redis);
	redis->fd = fd;
	redis->opened++;
	redis->reader = redisReaderCreate();
	if (redis->reader == NULL) {
		redis_close(redis);
		return -ENOMEM;
	}
	if (ctx != NULL)
		r = open_tls(redis, ctx, name);
	if (r == 0)
		r = log_in(redis, login);
	if (r < 0)
		redis_close(redis);
	else
		watch(redis, EV_READ | EV_WRITE);
	return r;
}

int redis_send(struct redis *redis, int argc, const char *const *argv)
{
	char *command = NULL, *grown;
	long long size;

	size = redisFormatCommandArgv(&command, argc, (const char **)argv,
				      NULL);
	if (size < 0)
		return -ENOMEM;
	/* Not realloc(), which may leave a password behind. */
	grown = malloc(redis->out_size + (size_t)size);
	if (grown != NULL) {
		if (redis->out != NULL)
			memcpy(grown, redis->out, redis->out_size);
		memcpy(grown + redis->out_size, command, (size_t)size);
	}
	explicit_bzero(command, (size_t)size);
	redisFreeCommand(command);
	if (grown == NULL)
		return -ENOMEM;
	if (redis->out != NULL)
		explicit_bzero(redis->out, redis->out_size);
	free(redis->out);
	redis->out = grown;
	redis->out_size += (size_t)size;
	watch(redis, EV_READ | EV_WRITE);
	return 0;
}

bool redis_look(struct redis *redis)
{
	struct pollfd look = { .fd = redis->fd, .events = POLLIN };

	if (redis->fd < 0 || poll(&look, 1, 0) <= 0)
		return false;
	return work(redis);
}
