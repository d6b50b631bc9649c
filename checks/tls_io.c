/* tls: a handshake over a new connection, and what the certificate says.  With
 * a tether the connection is held until the next one, without its keys: nothing
 * more is to be said on it. */

#include <errno.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "checks/probe_io.h"
#include "checks/tls.h"
#include "checks/tls_context_io.h"
#include "checks/tripwire_io.h"
#include "controller/io/tls_client.h"

struct tls_plan {
	struct plan plan;
	SSL_CTX *ctx; /* owned */
};

struct tls_probe {
	struct probe probe;
	struct dial dial;
	ev_io io;
	int fd;   /* owned; -1 when not connected */
	SSL *ssl; /* owned; NULL when there is no handshake */
	struct tripwire wire;
};

static int tls_plan_new(struct checks *checks,
			const struct check_settings *check,
			struct plan **ret_plan, struct err *err)
{
	struct tls_plan *plan = calloc(1, sizeof(*plan));
	int r;

	(void)checks;
	if (plan == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	r = tls_context_new(&plan->ctx, check, err);
	if (r < 0) {
		free(plan);
		return r;
	}
	*ret_plan = &plan->plan;
	return 0;
}

static void tls_plan_free(struct plan *plan)
{
	SSL_CTX_free(((struct tls_plan *)plan)->ctx);
	free(plan);
}

static void tls_close(struct tls_probe *tls)
{
	ev_io_stop(loop_ev(checks_loop(tls->probe.checks)), &tls->io);
	dial_stop(&tls->dial);
	SSL_free(tls->ssl);
	tls->ssl = NULL;
	if (tls->fd >= 0)
		close(tls->fd);
	tls->fd = -1;
}

static void tls_fail(struct tls_probe *tls, enum result_code code, int error,
		     const char *text)
{
	tls_close(tls);
	probe_report(&tls->probe, code, error, text);
}

/* Microseconds since 1970, 0 if it cannot be said. */
static int64_t tls_certificate_end(SSL *ssl)
{
	X509 *cert = SSL_get1_peer_certificate(ssl);
	struct tm end;
	int64_t end_us = 0;

	if (cert != NULL && ASN1_TIME_to_tm(X509_get0_notAfter(cert), &end))
		end_us = timegm(&end) * SECOND;
	X509_free(cert);
	return end_us;
}

static void tls_hold(struct tls_probe *tls)
{
	int fd = tls->fd;

	ev_io_stop(loop_ev(checks_loop(tls->probe.checks)), &tls->io);
	tls->fd = -1;
	tripwire_hold(&tls->wire, fd);
}

static void tls_judge_done(struct tls_probe *tls)
{
	struct probe *probe = &tls->probe;
	struct result res;

	res = result_make(RESULT_L6OK, 0, probe_latency_us(probe), NULL);
	tls_judge(&res, probe->plan->check, tls_certificate_end(tls->ssl),
		  loop_wall_us(checks_loop(probe->checks)));
	probe_count_retransmits(&res, tls->fd, &(uint8_t){ 0 });
	if (probe->plan->check->tether)
		tls_hold(tls);
	else
		SSL_shutdown(tls->ssl);
	tls_close(tls);
	probe_done(probe, &res);
}

static void tls_watch(struct tls_probe *tls, int events)
{
	struct ev_loop *ev = loop_ev(checks_loop(tls->probe.checks));

	ev_io_stop(ev, &tls->io);
	ev_io_set(&tls->io, tls->fd, events);
	ev_io_start(ev, &tls->io);
}

static void tls_step(struct tls_probe *tls)
{
	int r, error, error_no;

	ERR_clear_error();
	errno = 0;
	r = SSL_connect(tls->ssl);
	error_no = errno;
	error = SSL_get_error(tls->ssl, r);
	switch (error) {
	case SSL_ERROR_NONE:
		tls_judge_done(tls);
		break;
	case SSL_ERROR_WANT_READ:
		tls_watch(tls, EV_READ);
		break;
	case SSL_ERROR_WANT_WRITE:
		tls_watch(tls, EV_WRITE);
		break;
	default:
		if (error != SSL_ERROR_SYSCALL)
			error_no = 0;
		tls_fail(tls, RESULT_L6RSP, error_no,
			 tls_client_why(tls->ssl, error_no));
		ERR_clear_error();
	}
}

static int tls_set_name(struct tls_probe *tls)
{
	char name[TLS_NAME_MAX];

	tls_name(tls->probe.plan->check, probe_host(&tls->probe), name,
		 sizeof(name));
	return tls_client_name(tls->ssl, name);
}

static void on_dialed(void *arg, int fd)
{
	struct tls_probe *tls = arg;

	if (fd < 0) {
		probe_report_dial(&tls->probe, fd);
		return;
	}
	tls->fd = fd;
	tls->ssl = SSL_new(((struct tls_plan *)tls->probe.plan)->ctx);
	if (tls->ssl == NULL || !SSL_set_fd(tls->ssl, fd) ||
	    tls_set_name(tls) < 0) {
		tls_fail(tls, RESULT_SOCKERR, 0, "no TLS");
		return;
	}
	tls_step(tls);
}

static void on_io(struct ev_loop *ev, ev_io *w, int events)
{
	(void)ev;
	(void)events;
	tls_step(w->data);
}

static void tls_init(struct probe *probe)
{
	struct tls_probe *tls = (struct tls_probe *)probe;

	tls->fd = -1;
	dial_init(&tls->dial, checks_loop(probe->checks), &probe->to, on_dialed,
		  tls);
	ev_init(&tls->io, on_io);
	tls->io.data = tls;
	tripwire_init(&tls->wire, probe);
}

static void tls_start(struct probe *probe)
{
	dial_start(&((struct tls_probe *)probe)->dial, probe_left_us(probe));
}

static bool tls_look(struct probe *probe)
{
	struct tls_probe *tls = (struct tls_probe *)probe;
	struct pollfd look = { .fd = tls->fd, .events = POLLIN };

	if (tls->ssl == NULL)
		return dial_look(&tls->dial);
	if (poll(&look, 1, 0) <= 0)
		return false;
	tls_step(tls);
	return true;
}

static void tls_expire(struct probe *probe)
{
	struct tls_probe *tls = (struct tls_probe *)probe;

	enum reach reach = REACH_NOT_CONNECTED;
	enum result_code code = RESULT_L4TOUT;

	if (tls->ssl != NULL) {
		reach = probe_reach(tls->fd);
		code = RESULT_L6TOUT;
	}
	tls_close(tls);
	probe_report_silence(probe, code, reach, NULL);
}

static void tls_stop(struct probe *probe)
{
	struct tls_probe *tls = (struct tls_probe *)probe;

	tls_close(tls);
	tripwire_drop(&tls->wire);
}

const struct kind tls_kind = {
	.dials = true,
	.probe_size = sizeof(struct tls_probe),
	.plan_new = tls_plan_new,
	.plan_free = tls_plan_free,
	.init = tls_init,
	.start = tls_start,
	.look = tls_look,
	.expire = tls_expire,
	.stop = tls_stop,
};
