/* https: over libcurl, which knows TLS, on connections that it holds.
 *
 * libcurl keys connections and addresses by the name in the URL, which here
 * is the certificate's and may be common to all targets; so each target has
 * an invented name of its own to connect to, and that name's addresses are
 * handed over with it.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "checks/http.h"
#include "checks/probe_io.h"
#include "checks/tls.h"
#include "checks/tls_context_io.h"

#define HTTPS_PORT 443

struct https_plan {
	struct plan plan;
	struct http_question *ask; /* owned */
	struct multi *multi;       /* borrowed */
};

struct https_probe {
	struct probe probe;
	CURL *easy; /* owned; made with the first question */
	struct transfer transfer;
	struct curl_slist *headers, *connect, *resolve; /* owned */
	struct http_body body;
	bool too_long;
	enum result_code silence; /* what silence is called at this point */
	unsigned asked;           /* how many this connection has carried */
	int64_t end_wall_us;      /* of the certificate; 0: not known */
	unsigned number;          /* of the invented name */
	struct held held;         /* while nothing is asked */
	char why[CURL_ERROR_SIZE];
};

static struct https_plan *https_plan_of(const struct probe *probe)
{
	return (struct https_plan *)probe->plan;
}

static int https_plan_new(struct checks *checks,
			  const struct check_settings *check,
			  struct plan **ret_plan, struct err *err)
{
	struct https_plan *plan = calloc(1, sizeof(*plan));
	SSL_CTX *ctx;
	int r;

	if (plan == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	plan->multi = checks_multi(checks);
	r = plan->multi != NULL
		    ? tls_context_new(&ctx, check, err)
		    : err_set(err, -ENOMEM, "libcurl cannot be started");
	if (r == 0) {
		SSL_CTX_free(ctx); /* libcurl makes its own of the files */
		r = http_question_new(&plan->ask, check, err);
	}
	if (r < 0) {
		free(plan);
		return r;
	}
	*ret_plan = &plan->plan;
	return 0;
}

static void https_plan_free(struct plan *plan)
{
	http_question_free(((struct https_plan *)plan)->ask);
	free(plan);
}

static void https_plan_rebind(struct plan *plan,
			      const struct check_settings *check)
{
	((struct https_plan *)plan)->ask->check = check;
}

static size_t on_body(char *buf, size_t size, size_t count, void *arg)
{
	struct https_probe *https = arg;

	size *= count;
	https->too_long =
		http_body_feed(&https->body, https_plan_of(&https->probe)->ask,
			       buf, size) < 0;
	return https->too_long ? 0 : size;
}

/* TCP stands, TLS begins. */
static CURLcode on_connected(CURL *easy, void *ctx, void *arg)
{
	(void)easy;
	(void)ctx;
	((struct https_probe *)arg)->silence = RESULT_L6TOUT;
	return CURLE_OK;
}

/* There is a connection, old or new, and the question goes out. */
static int on_question(void *arg, char *to, char *from, int to_port,
		       int from_port)
{
	(void)to;
	(void)from;
	(void)to_port;
	(void)from_port;
	((struct https_probe *)arg)->silence = RESULT_L7TOUT;
	return CURL_PREREQFUNC_OK;
}

static int list_add(struct curl_slist **list, const char *text)
{
	struct curl_slist *longer = curl_slist_append(*list, text);

	if (longer == NULL)
		return -ENOMEM;
	*list = longer;
	return 0;
}

static bool header_is(const char *header, const char *name)
{
	size_t size = strlen(name);

	return strncasecmp(header, name, size) == 0 && header[size] == ':';
}

static int https_headers(struct https_probe *https)
{
	const struct check_settings *check = https->probe.plan->check;
	char host[300], text[320];
	bool hosted = false, closed = check->tether;
	size_t i;
	int r = 0;

	for (i = 0; i < check->headers_count && r == 0; i++) {
		hosted = hosted || header_is(check->headers[i], "Host");
		closed = closed || header_is(check->headers[i], "Connection");
		r = list_add(&https->headers, check->headers[i]);
	}
	if (r == 0 && !closed)
		r = list_add(&https->headers, "Connection: close");
	if (r < 0 || hosted)
		return r;
	http_host_write(probe_host(&https->probe), https->probe.to.port,
			HTTPS_PORT, host, sizeof(host));
	snprintf(text, sizeof(text), "Host: %s",
		 check->host != NULL ? check->host : host);
	return list_add(&https->headers, text);
}

/* "NAME:PORT:ADDRESS,ADDRESS", and the connection to that name. */
static int https_address(struct https_probe *https)
{
	const struct probe *probe = &https->probe;
	const struct address *list = &probe->to.address;
	char text[RESOLVER_ADDRESSES_MAX * (ADDRESS_TEXT_MAX + 3) + 64];
	char addr[ADDRESS_TEXT_MAX];
	unsigned count = 1, i;
	int used;

	if (probe->to.name != NULL)
		count = resolver_addresses(probe->to.name, &list);
	used = snprintf(text, sizeof(text),
			"target%u.invalid:%u:", https->number, probe->to.port);
	for (i = 0; i < count; i++)
		used += snprintf(text + used, sizeof(text) - (size_t)used,
				 list[i].family == AF_INET6 ? "%s[%s]" : "%s%s",
				 i > 0 ? "," : "",
				 address_text(&list[i], addr, sizeof(addr)));
	if (https->resolve != NULL && strcmp(https->resolve->data, text) == 0)
		return 0;
	curl_slist_free_all(https->resolve);
	https->resolve = NULL;
	if (list_add(&https->resolve, text) < 0)
		return -ENOMEM;
	curl_easy_setopt(https->easy, CURLOPT_RESOLVE, https->resolve);
	return 0;
}

static int https_url(struct https_probe *https)
{
	const struct probe *probe = &https->probe;
	const char *path = probe->plan->check->path;
	char name[TLS_NAME_MAX], host[TLS_NAME_MAX + 16], text[64];
	char *url;
	CURLcode r;

	tls_name(probe->plan->check, probe_host(probe), name, sizeof(name));
	http_host_write(name, probe->to.port, 0, host, sizeof(host));
	if (asprintf(&url, "https://%s%s", host, path) < 0)
		return -ENOMEM;
	r = curl_easy_setopt(https->easy, CURLOPT_URL, url);
	free(url);
	snprintf(text, sizeof(text), "::target%u.invalid:%u", https->number,
		 probe->to.port);
	if (r != CURLE_OK || list_add(&https->connect, text) < 0)
		return -ENOMEM;
	curl_easy_setopt(https->easy, CURLOPT_CONNECT_TO, https->connect);
	return 0;
}

static void https_set_method(CURL *easy, const char *method)
{
	if (strcmp(method, "HEAD") == 0)
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	else if (strcmp(method, "POST") == 0)
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "");
	else
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
}

static void https_set_tls(CURL *easy, const struct check_settings *check)
{
	const char *key = check->key_file;

	/* libcurl parses the bundle once for all only if there is no path. */
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(easy, CURLOPT_CERTINFO, 1L);
	if (check->ca_file != NULL)
		curl_easy_setopt(easy, CURLOPT_CAINFO, check->ca_file);
	if (check->cert_file != NULL) {
		if (key == NULL)
			key = check->cert_file;
		curl_easy_setopt(easy, CURLOPT_SSLCERT, check->cert_file);
		curl_easy_setopt(easy, CURLOPT_SSLKEY, key);
	}
	if (!check->verify) {
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
}

static void https_set_options(struct https_probe *https)
{
	CURL *easy = https->easy;

	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
			 (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "bascule");
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, https->why);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, https);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_connected);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, https);
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_question);
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, https);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, https->headers);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE,
			 (long)!https->probe.plan->check->tether);
	https_set_method(easy, https->probe.plan->check->method);
	https_set_tls(easy, https->probe.plan->check);
}

static void https_drop_easy(struct https_probe *https)
{
	curl_easy_cleanup(https->easy);
	curl_slist_free_all(https->headers);
	curl_slist_free_all(https->connect);
	curl_slist_free_all(https->resolve);
	https->easy = NULL;
	https->headers = https->connect = https->resolve = NULL;
}

/* The handle stays for the target's life, and with it what is costly. */
static int https_prepare(struct https_probe *https)
{
	int r;

	if (https->easy != NULL)
		return https_address(https);
	https->easy = curl_easy_init();
	if (https->easy == NULL)
		return -ENOMEM;
	r = https_headers(https);
	if (r == 0)
		r = https_url(https);
	if (r == 0)
		r = https_address(https);
	if (r == 0)
		https_set_options(https);
	else
		https_drop_easy(https);
	return r;
}

/* "Expire date:Nov 20 17:26:05 2027 GMT" of the first certificate, which is
 * told of new connections only. */
static void https_note_certificate(struct https_probe *https)
{
	struct curl_certinfo *info = NULL;
	const struct curl_slist *at;
	time_t end;

	curl_easy_getinfo(https->easy, CURLINFO_CERTINFO, &info);
	if (info == NULL || info->num_of_certs < 1)
		return;
	for (at = info->certinfo[0]; at != NULL; at = at->next) {
		if (strncmp(at->data, "Expire date:", 12) != 0)
			continue;
		end = curl_getdate(at->data + 12, NULL);
		https->end_wall_us = end > 0 ? end * SECOND : 0;
	}
}

/* Which layer said no. */
static enum result_code https_code(const struct https_probe *https,
				   CURLcode code)
{
	switch (code) {
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_INVALIDCERTSTATUS:
	case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
	case CURLE_SSL_CLIENTCERT:
	case CURLE_SSL_CIPHER:
		return RESULT_L6RSP;
	case CURLE_OUT_OF_MEMORY:
	case CURLE_FAILED_INIT:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
		return RESULT_SOCKERR;
	default:
		/* A client certificate is refused after the handshake. */
		return https->silence == RESULT_L6TOUT ||
				       strstr(https->why, "alert") != NULL
			       ? RESULT_L6RSP
			       : RESULT_L7RSP;
	}
}

static void https_judge(struct https_probe *https)
{
	struct probe *probe = &https->probe;
	struct result res;
	long status = 0;

	curl_easy_getinfo(https->easy, CURLINFO_RESPONSE_CODE, &status);
	res = http_judge(https_plan_of(probe)->ask, (int)status, &https->body,
			 probe_latency_us(probe));
	tls_judge(&res, probe->plan->check, https->end_wall_us,
		  loop_wall_us(checks_loop(probe->checks)));
	probe_done(probe, &res);
}

/* libcurl keeps the number of an error beyond its transfer, but not its text.
 */
static int https_error(const char *why)
{
	return strstr(why, strerror(ECONNRESET)) != NULL ? ECONNRESET : 0;
}

static void https_fail(struct https_probe *https, CURLcode code)
{
	const char *why =
		https->why[0] != '\0' ? https->why : curl_easy_strerror(code);
	long error = 0;

	if (code != CURLE_COULDNT_CONNECT) {
		if (https->too_long)
			why = "a body of more than 1 MiB";
		probe_report(&https->probe, https_code(https, code),
			     https_error(why), why);
		return;
	}
	if (https->probe.to.name != NULL)
		resolver_hurry(https->probe.to.name);
	curl_easy_getinfo(https->easy, CURLINFO_OS_ERRNO, &error);
	probe_report_dial(&https->probe,
			  error != 0 ? -(int)error : -ECONNREFUSED);
}

static void https_forget_body(struct https_probe *https)
{
	free(https->body.kept);
	https->body.kept = NULL;
}

static void on_held_end(void *arg, int error)
{
	struct https_probe *https = arg;

	probe_hint(&https->probe,
		   error != 0 ? HINT_TETHER_RESET : HINT_TETHER_CLOSED, error);
}

/* Without memory it is held, and its end not heard. */
static void https_hold(struct https_probe *https)
{
	if (https->probe.plan->check->tether)
		multi_hold(https_plan_of(&https->probe)->multi, &https->held,
			   &https->transfer, on_held_end, https);
}

static void on_end(void *arg, CURLcode code)
{
	struct https_probe *https = arg;
	long connects = 0;

	curl_easy_getinfo(https->easy, CURLINFO_NUM_CONNECTS, &connects);
	if (connects > 0)
		https->asked = 0;
	https->asked++;
	if (code == CURLE_OK) {
		https_note_certificate(https);
		https_judge(https);
		https_hold(https);
	} else {
		https_fail(https, code);
	}
	https_forget_body(https);
}

static void https_init(struct probe *probe)
{
	static unsigned numbers;

	((struct https_probe *)probe)->number = ++numbers;
}

static int https_ask(struct https_probe *https)
{
	const struct check_settings *check = https->probe.plan->check;
	bool fresh = https->probe.fresh || (check->fresh_every > 0 &&
					    https->asked >= check->fresh_every);
	char *kept = NULL;
	int r;

	multi_let_go(&https->held);
	r = https_prepare(https);
	if (r < 0)
		return r;
	if (check->body_regex != NULL) {
		kept = malloc(HTTP_KEPT_SIZE);
		if (kept == NULL)
			return -ENOMEM;
	}
	http_body_init(&https->body, kept);
	https->too_long = false;
	https->silence = RESULT_L4TOUT;
	https->why[0] = '\0';
	curl_easy_setopt(https->easy, CURLOPT_FRESH_CONNECT, (long)fresh);
	return multi_start(https_plan_of(&https->probe)->multi,
			   &https->transfer, https->easy, on_end, https);
}

static void https_start(struct probe *probe)
{
	struct https_probe *https = (struct https_probe *)probe;
	int r = https_ask(https);

	if (r < 0) {
		https_forget_body(https);
		probe_report(probe, RESULT_SOCKERR, -r, strerror(-r));
	}
}

static bool https_look(struct probe *probe)
{
	return multi_look(https_plan_of(probe)->multi,
			  &((struct https_probe *)probe)->transfer);
}

static void https_expire(struct probe *probe)
{
	struct https_probe *https = (struct https_probe *)probe;
	enum reach reach = REACH_NOT_CONNECTED;

	if (https->silence != RESULT_L4TOUT)
		reach = probe_reach(multi_fd(&https->transfer));
	multi_stop(https_plan_of(probe)->multi, &https->transfer);
	https_forget_body(https);
	probe_report_silence(probe, https->silence, reach, NULL);
}

static void https_stop(struct probe *probe)
{
	struct https_probe *https = (struct https_probe *)probe;

	multi_let_go(&https->held);
	multi_stop(https_plan_of(probe)->multi, &https->transfer);
	https_forget_body(https);
	https_drop_easy(https);
}

const struct kind https_kind = {
	.dials = true,
	.probe_size = sizeof(struct https_probe),
	.plan_new = https_plan_new,
	.plan_free = https_plan_free,
	.plan_rebind = https_plan_rebind,
	.init = https_init,
	.start = https_start,
	.look = https_look,
	.expire = https_expire,
	.stop = https_stop,
};
