#include "controller/daemon/web_state.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "controller/daemon/api.h"
#include "controller/daemon/listen.h"

#define CONNECTIONS_MAX   128
#define FROM_ONE_MAX      64 /* address */
#define CONNECTION_IDLE_S 15
#define TICK_S            1.0

static const struct web_route routes[] = {
	{ "/", WEB_READ, web_index },
	{ "/metrics", WEB_READ, web_metrics },
	{ "/livez", WEB_READ, web_live },
	{ "/readyz", WEB_READ, web_ready },
	{ "/startupz", WEB_READ, web_startup },
	{ "/health", WEB_READ, web_ready },
	{ "/health/live", WEB_READ, web_live },
	{ "/health/ready", WEB_READ, web_ready },
	{ "/health/startup", WEB_READ, web_startup },
	{ "/api/v1/status", WEB_READ, web_status },
	{ "/api/v1/target", WEB_READ, web_target },
	{ "/api/v1/plan", WEB_READ, web_plan },
	{ "/api/v1/incidents", WEB_READ, web_incidents },
	{ "/api/v1/events", WEB_READ, web_events },
	{ "/api/v1/maintenance", WEB_CHANGE, web_maintenance },
	{ "/api/v1/reset", WEB_CHANGE, web_reset },
	{ "/api/v1/switchover", WEB_CHANGE, web_switchover },
	{ "/route", WEB_CHECK, web_route },
	{ "/primary", WEB_CHECK, web_route },
	{ "/read-write", WEB_CHECK, web_route },
	{ "/master", WEB_CHECK, web_route },
	{ "/replica", WEB_CHECK, web_replica },
	{ "/read-only", WEB_CHECK, web_read_only },
};

/* Whether @route is that of @path, but for what a check adds to it. */
static bool is_route(const struct web_route *route, const char *path)
{
	size_t length = strlen(route->path);

	return strncmp(route->path, path, length) == 0 &&
	       (path[length] == '\0' ||
		(route->method == WEB_CHECK && path[length] == '/'));
}

const struct web_route *web_route_find(const char *path)
{
	size_t i;

	for (i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		if (is_route(&routes[i], path))
			return &routes[i];
	return NULL;
}

const struct daemon_view *web_view(struct web *web)
{
	return web->doors.view(web->doors.arg);
}

bool web_started(struct web *web)
{
	if (!web->started)
		web->started = api_unjudged(web_view(web)) == 0;
	return web->started;
}

const char *web_argument(struct web_request *req, const char *name)
{
	return MHD_lookup_connection_value(req->connection,
					   MHD_GET_ARGUMENT_KIND, name);
}

bool web_header_has(struct web_request *req, const char *name, const char *word)
{
	const char *value = MHD_lookup_connection_value(req->connection,
							MHD_HEADER_KIND, name);

	return value != NULL && strstr(value, word) != NULL;
}

/* ---- libmicrohttpd in the loop ---- */

/* At its limit of connections libmicrohttpd does not listen, and looks whether
 * it may again before it counts those that ended: so it has to run once more
 * when one has, or nobody ever wakes it. */
static void on_connection(void *arg, struct MHD_Connection *connection,
			  void **state,
			  enum MHD_ConnectionNotificationCode what)
{
	struct web_door *door = arg;

	(void)connection;
	(void)state;
	if (what == MHD_CONNECTION_NOTIFY_CLOSED)
		door->ended = true;
}

/* What it has to do, and when it wants to be called again. */
static void door_run(struct web_door *door)
{
	MHD_UNSIGNED_LONG_LONG ms;

	if (door->mhd == NULL)
		return;
	do {
		door->ended = false;
		MHD_run(door->mhd);
	} while (door->ended);
	ev_timer_stop(loop_ev(door->web->loop), &door->timer);
	if (MHD_get_timeout(door->mhd, &ms) == MHD_YES) {
		ev_timer_set(&door->timer, (double)ms / 1000, 0);
		ev_timer_start(loop_ev(door->web->loop), &door->timer);
	}
}

static void on_io(struct ev_loop *ev, ev_io *io, int events)
{
	(void)ev;
	(void)events;
	door_run(io->data);
}

static void on_timer(struct ev_loop *ev, ev_timer *timer, int events)
{
	(void)ev;
	(void)events;
	door_run(timer->data);
}

static void web_run(void *arg)
{
	struct web *web = arg;

	web->kicked = false;
	door_run(&web->tcp);
	door_run(&web->control);
}

/* Resuming wakes nothing by itself, and libmicrohttpd must not be entered
 * twice: it runs at the end of this wake-up. */
void web_resume(struct web_request *req)
{
	if (!req->suspended)
		return;
	req->suspended = false;
	MHD_resume_connection(req->connection);
	if (!req->web->kicked)
		loop_after(req->web->loop, web_run, req->web);
	req->web->kicked = true;
}

static void on_tick(struct ev_loop *ev, ev_timer *tick, int events)
{
	struct web *web = tick->data;
	struct web_request *req;

	(void)ev;
	(void)events;
	for (req = web->requests; req != NULL; req = req->next)
		web_change_time_out(req);
	web_follow_all(web);
}

/* ---- one request ---- */

static struct web_request *request_new(struct web_door *door,
				       struct MHD_Connection *connection)
{
	struct web_request *req = calloc(1, sizeof(*req));
	struct web *web = door->web;

	if (req == NULL)
		return NULL;
	req->web = web;
	req->door = door;
	req->connection = connection;
	req->since = loop_now(web->loop);
	req->patience_us = WEB_PATIENCE_US;
	req->next = web->requests;
	if (req->next != NULL)
		req->next->prev = req;
	web->requests = req;
	return req;
}

static void on_completed(void *arg, struct MHD_Connection *connection,
			 void **state, enum MHD_RequestTerminationCode why)
{
	struct web_request *req = *state;

	(void)arg;
	(void)connection;
	(void)why;
	if (req == NULL)
		return;
	*state = NULL;
	if (req->ticket != 0)
		store_forget(req->store, req->ticket);
	web_unfollow(req);
	if (req->prev != NULL)
		req->prev->next = req->next;
	else
		req->web->requests = req->next;
	if (req->next != NULL)
		req->next->prev = req->prev;
	if (req->response != NULL)
		MHD_destroy_response(req->response);
	buffer_done(&req->body);
	free(req->group);
	free(req);
}

/* What is wrong with the request before anybody looks at its meaning. */
static bool request_refused(struct web_request *req, const char *path,
			    const char *method)
{
	bool get = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 ||
		   (req->route != NULL && req->route->method == WEB_CHECK &&
		    strcmp(method, "OPTIONS") == 0);
	bool post = strcmp(method, "POST") == 0;
	const char *length = MHD_lookup_connection_value(
		req->connection, MHD_HEADER_KIND, "Content-Length");

	if (!get && !req->door->control) {
		web_answer_error(req, MHD_HTTP_FORBIDDEN,
				 "changes are taken on the control socket"
				 " alone");
	} else if (req->route == NULL) {
		web_answer_error(req, MHD_HTTP_NOT_FOUND,
				 "no %s here; / lists what there is", path);
	} else if (req->route->method == WEB_CHANGE ? !post : !get) {
		web_answer_error(
			req, MHD_HTTP_METHOD_NOT_ALLOWED, "%s takes %s", path,
			req->route->method == WEB_CHANGE ? "POST"
							 : "GET and HEAD");
		if (req->response != NULL)
			MHD_add_response_header(req->response, "Allow",
						req->route->method == WEB_CHANGE
							? "POST"
							: "GET, HEAD");
	} else if (length != NULL &&
		   strtoull(length, NULL, 10) > WEB_BODY_MAX) {
		web_answer_error(req, MHD_HTTP_CONTENT_TOO_LARGE,
				 "a body has at most 16 KiB");
	}
	return req->response != NULL;
}

/* A body without a length that gets too long ends the connection: there is no
 * answering before its end. */
static enum MHD_Result request_body(struct web_request *req, const char *data,
				    size_t size)
{
	if (req->body.used + size > WEB_BODY_MAX)
		return MHD_NO;
	buffer_put(&req->body, data, size);
	return req->body.failed ? MHD_NO : MHD_YES;
}

static enum MHD_Result request_send(struct web_request *req)
{
	/* Nothing was made: memory is out, or we are ending. */
	if (req->response == NULL)
		return MHD_NO;
	return MHD_queue_response(req->connection, req->status, req->response);
}

static bool request_waits(const struct web_request *req)
{
	return req->response == NULL &&
	       (req->ticket != 0 || req->pending > 0) && !req->door->closing;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection,
				  const char *path, const char *method,
				  const char *version, const char *data,
				  size_t *data_size, void **state)
{
	struct web_request *req = *state;
	size_t size;

	(void)version;
	if (req == NULL) {
		req = request_new(arg, connection);
		*state = req;
		if (req == NULL)
			return MHD_NO;
		req->route = web_route_find(path);
		/* Refused before its body is read: it is not wanted. */
		if (request_refused(req, path, method))
			return request_send(req);
		return MHD_YES;
	}
	if (*data_size > 0) {
		size = *data_size;
		*data_size = 0;
		return request_body(req, data, size);
	}
	if (req->response == NULL && !req->asked) {
		req->asked = true;
		req->rest = path + strlen(req->route->path);
		req->route->handle(req);
	}
	if (request_waits(req)) {
		MHD_suspend_connection(connection);
		req->suspended = true;
		return MHD_YES;
	}
	return request_send(req);
}

/* ---- listening ---- */

static void on_mhd_log(void *arg, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

static void on_mhd_log(void *arg, const char *fmt, va_list ap)
{
	struct web_door *door = arg;
	char text[300];

	vsnprintf(text, sizeof(text), fmt, ap);
	text[strcspn(text, "\n")] = '\0';
	door->web->doors.say(door->web->doors.arg, NOTE_DEBUG, text);
}

/* Everything that is suspended must go on before libmicrohttpd can stop. */
static void door_close(struct web_door *door)
{
	struct ev_loop *ev = loop_ev(door->web->loop);
	struct web_request *req;
	unsigned i;

	if (door->mhd == NULL)
		return;
	door->closing = true;
	for (req = door->web->requests; req != NULL; req = req->next) {
		if (req->door != door || !req->suspended)
			continue;
		req->suspended = false;
		MHD_resume_connection(req->connection);
	}
	/* Last words: what is due to those that listen, and its end. */
	for (i = 0; i < 3; i++)
		MHD_run(door->mhd);
	ev_io_stop(ev, &door->io);
	ev_timer_stop(ev, &door->timer);
	MHD_stop_daemon(door->mhd);
	door->mhd = NULL;
	door->closing = false;
}

/* Takes @fd over, also when it fails. */
static int door_open(struct web_door *door, int fd, struct err *err)
{
	const union MHD_DaemonInfo *info;

	door->mhd = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0,
		NULL, NULL, on_request, door, MHD_OPTION_EXTERNAL_LOGGER,
		on_mhd_log, door, MHD_OPTION_LISTEN_SOCKET, fd,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
		MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)FROM_ONE_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)CONNECTION_IDLE_S,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, door,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, door,
		MHD_OPTION_END);
	if (door->mhd == NULL) {
		close(fd);
		return err_set(err, -EIO, "libmicrohttpd does not start");
	}
	info = MHD_get_daemon_info(door->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	ev_io_init(&door->io, on_io, info->epoll_fd, EV_READ);
	door->io.data = door;
	ev_io_start(loop_ev(door->web->loop), &door->io);
	return 0;
}

static void door_init(struct web_door *door, struct web *web, bool control)
{
	door->web = web;
	door->control = control;
	ev_timer_init(&door->timer, on_timer, 0, 0);
	door->timer.data = door;
}

int web_listen(struct web *web, const char *host, uint16_t port,
	       struct err *err)
{
	char name[sizeof(web->tcp.name)] = "";
	int fd;

	if (host != NULL)
		snprintf(name, sizeof(name), "%s port %u", host,
			 (unsigned)port);
	if (strcmp(name, web->tcp.name) == 0)
		return 0;
	if (host == NULL) {
		door_close(&web->tcp);
		web->tcp.name[0] = '\0';
		return 0;
	}
	fd = listen_tcp(host, port, err);
	if (fd < 0)
		return fd;
	door_close(&web->tcp);
	memcpy(web->tcp.name, name, sizeof(name));
	return door_open(&web->tcp, fd, err);
}

int web_control(struct web *web, const char *path, struct err *err)
{
	int fd;

	if (strcmp(path, web->control.name) == 0)
		return 0;
	fd = listen_unix(path, err);
	if (fd < 0)
		return fd;
	if (web->control.mhd != NULL)
		unlink(web->control.name);
	door_close(&web->control);
	snprintf(web->control.name, sizeof(web->control.name), "%s", path);
	return door_open(&web->control, fd, err);
}

/* ---- events ---- */

void web_event(struct web *web, int64_t id, int64_t wall_us, const char *kind,
	       const char *json)
{
	struct web_recent *event = &web->recent[web->recent_next];
	char *copy = strdup(json);

	if (copy == NULL)
		return;
	free(event->json);
	event->json = copy;
	event->id = id;
	event->wall_us = wall_us;
	snprintf(event->kind, sizeof(event->kind), "%s", kind);
	web->recent_next = (web->recent_next + 1) % WEB_RECENT_MAX;
	if (web->recent_count < WEB_RECENT_MAX)
		web->recent_count++;
	web->last_event = id;
	if (web->followers > 0)
		web_follow_all(web);
}

/* ---- the whole ---- */

int web_new(struct web **ret_web, struct loop *loop,
	    const struct web_doors *doors, struct err *err)
{
	struct web *web = calloc(1, sizeof(*web));

	if (web == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	web->loop = loop;
	web->doors = *doors;
	door_init(&web->tcp, web, false);
	door_init(&web->control, web, true);
	ev_timer_init(&web->tick, on_tick, TICK_S, TICK_S);
	web->tick.data = web;
	ev_timer_start(loop_ev(loop), &web->tick);
	*ret_web = web;
	return 0;
}

void web_free(struct web *web)
{
	unsigned i;

	if (web == NULL)
		return;
	ev_timer_stop(loop_ev(web->loop), &web->tick);
	if (web->control.mhd != NULL)
		unlink(web->control.name);
	door_close(&web->tcp);
	door_close(&web->control);
	for (i = 0; i < WEB_RECENT_MAX; i++)
		free(web->recent[i].json);
	free(web);
}
