#include "controller/daemon/routes_file.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "controller/daemon/routes_leavers.h"
#include "controller/io/address.h"
#include "controller/io/file.h"
#include "controller/io/loop.h"

#define HEAD      "# bascule routes 1\n"
#define TAIL      "# end\n"
#define CALLS_MAX (SETTINGS_HAPROXIES_MAX * 16)
#define SAID_MAX  256
#define PATH_SIZE 256

/* ---- writing ---- */

/* A buffer that remembers when something did not fit. */
struct text {
	char *buf;
	size_t size, used;
};

static void add(struct text *to, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void add(struct text *to, const char *fmt, ...)
{
	size_t room = to->size - to->used;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(to->buf + to->used, room, fmt, ap);
	va_end(ap);
	to->used = (size_t)n < room ? to->used + (size_t)n : to->size;
}

static void add_group(struct text *to, const struct settings *set,
		      const struct service_settings *svc)
{
	const char *gap = "";
	unsigned i;

	for (i = 0; i < svc->target_count; i++) {
		const char *name = set->targets[svc->first_target + i].name;

		add(to,
		    "%sset server %s/%s state maint;"
		    "shutdown sessions server %s/%s",
		    gap, svc->backend, name, svc->backend, name);
		gap = ";";
	}
	add(to, "\n");
}

static bool is_routed(const struct service_settings *svc)
{
	return svc->failover != NULL && svc->backend != NULL &&
	       svc->failover->mode != FAILOVER_OBSERVE;
}

/* What leaving workers of HAProxy are to lose. */
static void add_leavers(struct text *to, const struct settings *set,
			const char *master)
{
	const struct service_settings *svc;
	unsigned i, k;

	add(to, "master %s\nsessions", master);
	for (i = 0; i < set->service_count; i++) {
		svc = &set->services[i];
		for (k = 0; is_routed(svc) && k < svc->target_count; k++)
			add(to, " %s/%s", svc->backend,
			    set->targets[svc->first_target + k].name);
	}
	add(to, "\n");
}

static void add_haproxy(struct text *to, const struct settings *set,
			const struct haproxy_settings *ha)
{
	unsigned i;

	if (ha->node != NULL && !settings_text_same(ha->node, set->node))
		return;
	if (ha->socket != NULL)
		add(to, "unix %s\n", ha->socket);
	else
		add(to, "tcp %u %s\n", (unsigned)ha->port, ha->host);
	for (i = 0; i < set->service_count; i++)
		if (is_routed(&set->services[i]))
			add_group(to, set, &set->services[i]);
	if (ha->master_socket != NULL)
		add_leavers(to, set, ha->master_socket);
}

static bool has_routes(const struct settings *set)
{
	unsigned i;

	for (i = 0; i < set->service_count; i++)
		if (is_routed(&set->services[i]))
			return set->haproxy_count > 0;
	return false;
}

int routes_file_print(const struct settings *set, char *buf, size_t size)
{
	struct text to = { .buf = buf, .size = size };
	unsigned i;

	if (!has_routes(set))
		return 0;
	add(&to, HEAD);
	for (i = 0; i < set->haproxy_count; i++)
		add_haproxy(&to, set, &set->haproxies[i]);
	add(&to, TAIL);
	return to.used < size ? (int)to.used : -EFBIG;
}

static int file_path(char buf[static PATH_SIZE], const char *folder,
		     const char *suffix, struct err *err)
{
	if (snprintf(buf, PATH_SIZE, "%s/" ROUTES_FILE_NAME "%s", folder,
		     suffix) < PATH_SIZE)
		return 0;
	return err_set(err, -ENAMETOOLONG, "%s: too long", folder);
}

static int check_places(const struct settings *set, struct err *err)
{
	const struct haproxy_settings *ha;
	struct address addr;
	unsigned i;

	for (i = 0; i < set->haproxy_count; i++) {
		ha = &set->haproxies[i];
		if (ha->socket == NULL &&
		    !address_parse(ha->host, ha->port, &addr))
			return err_set(err, -EINVAL,
				       "haproxy \"%s\": its address is a name, "
				       "for which nobody can ask when the "
				       "daemon is dead: give the numeric one",
				       ha->name);
	}
	return 0;
}

int routes_file_write(const char *folder, const struct settings *set,
		      struct err *err)
{
	char path[PATH_SIZE], fresh[PATH_SIZE];
	char *text;
	int size, r;

	r = has_routes(set) ? check_places(set, err) : 0;
	if (r == 0)
		r = file_path(path, folder, "", err);
	if (r == 0)
		r = file_path(fresh, folder, ".new", err);
	if (r < 0)
		return r;
	text = malloc(ROUTES_FILE_MAX);
	size = text != NULL ? routes_file_print(set, text, ROUTES_FILE_MAX)
			    : -ENOMEM;
	if (size == 0)
		r = unlink(path) < 0 && errno != ENOENT ? -errno : 0;
	else
		r = size < 0 ? size
			     : file_write_volatile(path, fresh, text,
						   (size_t)size);
	free(text);
	return r == 0 ? 0 : err_set(err, r, "%s: %s", path, strerror(-r));
}

int routes_file_remove(const char *folder, struct err *err)
{
	char path[PATH_SIZE];
	int r = file_path(path, folder, "", err);

	if (r < 0)
		return r;
	if (unlink(path) < 0 && errno != ENOENT)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	return 0;
}

/* ---- carrying out ---- */

struct call {
	int fd;           /* -1: over */
	const char *name; /* of the HAProxy */
	const char *text; /* what is still to be sent */
	size_t left;
	char said[SAID_MAX];
	size_t used;
};

static struct call calls[CALLS_MAX];
static struct pollfd polled[CALLS_MAX];

/* The master sockets, asked in turn when all calls are over. */
static struct {
	const char *path, *sessions;
} masters[SETTINGS_HAPROXIES_MAX];
static unsigned master_count;

static bool add_master(const char *place, const char *line)
{
	if (place == NULL || strncmp(place, "master ", 7) != 0 ||
	    strncmp(line, "sessions ", 9) != 0 ||
	    master_count == SETTINGS_HAPROXIES_MAX)
		return false;
	masters[master_count].path = place + 7;
	masters[master_count++].sessions = line + 9;
	return true;
}

/* "unix PATH" or "tcp PORT HOST". */
static socklen_t parse_place(const char *line, struct sockaddr_un *ret_un,
			     struct address *ret_addr,
			     const struct sockaddr **ret_any)
{
	unsigned long port;
	char *host;

	if (strncmp(line, "unix ", 5) == 0 &&
	    strlen(line + 5) < sizeof(ret_un->sun_path)) {
		*ret_un = (struct sockaddr_un){ .sun_family = AF_UNIX };
		strcpy(ret_un->sun_path, line + 5);
		*ret_any = (const struct sockaddr *)ret_un;
		return sizeof(*ret_un);
	}
	if (strncmp(line, "tcp ", 4) != 0)
		return 0;
	port = strtoul(line + 4, &host, 10);
	if (*host++ != ' ' || port > UINT16_MAX ||
	    !address_parse(host, (uint16_t)port, ret_addr))
		return 0;
	*ret_any = &ret_addr->any;
	return address_size(ret_addr);
}

/* Returns 0, -ECONNREFUSED when nobody is there, or another -errno. */
static int begin(struct call *call, const char *place)
{
	const struct sockaddr *any = NULL;
	struct sockaddr_un un;
	struct address addr;
	socklen_t size = parse_place(place, &un, &addr, &any);

	if (size == 0)
		return -EINVAL;
	call->fd = socket(any->sa_family,
			  SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (call->fd < 0)
		return -errno;
	if (connect(call->fd, any, size) == 0 || errno == EINPROGRESS)
		return 0;
	return errno == ENOENT ? -ECONNREFUSED : -errno;
}

static void end(struct call *call)
{
	if (call->fd >= 0)
		close(call->fd);
	call->fd = -1;
}

/* What it says on success is empty lines; what it does not know, it does not
 * route. */
static int judge(struct call *call, struct err *err)
{
	char *line, *save = NULL;

	call->said[call->used] = '\0';
	for (line = strtok_r(call->said, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save))
		if (strncmp(line, "No such ", 8) != 0)
			return err_set(err, -EIO, "%s: %s", call->name, line);
	return 0;
}

static int hear(struct call *call, struct err *err)
{
	size_t room = sizeof(call->said) - 1 - call->used;
	char rest[SAID_MAX];
	ssize_t n;

	n = recv(call->fd, room > 0 ? call->said + call->used : rest,
		 room > 0 ? room : sizeof(rest), 0);
	if (n > 0) {
		call->used += room > 0 ? (size_t)n : 0;
		return 0;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	end(call);
	if (n < 0 && errno != ECONNREFUSED)
		return err_set(err, -EIO, "%s: %s", call->name,
			       strerror(errno));
	return judge(call, err);
}

static int speak(struct call *call, struct err *err)
{
	ssize_t n = send(call->fd, call->text, call->left, MSG_NOSIGNAL);

	if (n >= 0) {
		call->text += n;
		call->left -= (size_t)n;
		return 0;
	}
	if (errno == EAGAIN || errno == EINTR || errno == ENOTCONN)
		return 0;
	if (errno == ECONNREFUSED) {
		end(call);
		return 0;
	}
	end(call);
	return err_set(err, -EIO, "%s: %s", call->name, strerror(errno));
}

/* One turn for all; the number of those that are not over. */
static unsigned turn(unsigned count, int wait_ms, int *r, struct err *err)
{
	struct err one = { 0 };
	unsigned i, open = 0;

	for (i = 0; i < count; i++) {
		polled[i].fd = calls[i].fd;
		polled[i].events = calls[i].left > 0 ? POLLOUT : POLLIN;
		polled[i].revents = 0;
		open += calls[i].fd >= 0;
	}
	if (open == 0 || poll(polled, count, wait_ms) <= 0)
		return open;
	for (i = 0; i < count; i++) {
		int this = 0;

		if (polled[i].fd < 0 || polled[i].revents == 0)
			continue;
		this = calls[i].left > 0 ? speak(&calls[i], &one)
					 : hear(&calls[i], &one);
		if (this < 0 && *r == 0) {
			*r = this;
			*err = one;
		}
	}
	return open;
}

/* Until all have answered. */
static int await(unsigned count, struct instant until, struct err *err)
{
	unsigned i;
	int r = 0;

	for (;;) {
		int64_t left_us = instant_diff_us(loop_clock(), until);

		if (turn(count, left_us > 0 ? (int)(left_us / MS) + 1 : 0, &r,
			 err) == 0)
			return r;
		if (left_us <= 0)
			break;
	}
	for (i = 0; i < count; i++) {
		if (calls[i].fd < 0)
			continue;
		if (r == 0)
			r = err_set(err, -ETIMEDOUT, "%s does not answer",
				    calls[i].name);
		end(&calls[i]);
	}
	return r;
}

/* The part of the time until @until that leaves @others as much each. */
static struct instant share(struct instant until, unsigned others)
{
	struct instant now = loop_clock();

	return instant_add(now, instant_diff_us(now, until) / (others + 1));
}

static int end_leavers(struct instant until, struct err *err)
{
	struct err one = { 0 };
	unsigned i;
	int r = 0, this;

	for (i = 0; i < master_count; i++) {
		this = routes_leavers_end(masters[i].path, masters[i].sessions,
					  share(until, master_count - 1 - i),
					  &one);
		if (this < 0 && r == 0) {
			r = this;
			*err = one;
		}
	}
	return r;
}

/* A line that is no place is what to tell the last one; the newline behind it
 * goes with it, but for the sessions of a master. */
static int begin_all(char *text, unsigned *ret_count, struct err *err)
{
	char *line = text, *newline, *place = NULL;
	int r = 0, one;

	for (; (newline = strchr(line, '\n')) != NULL; line = newline + 1) {
		struct call *call = &calls[*ret_count];

		if (strncmp(line, "set server ", 11) != 0)
			*newline = '\0';
		if (add_master(place, line))
			continue;
		if (*newline == '\0') {
			place = line;
			continue;
		}
		if (place == NULL || *ret_count == CALLS_MAX)
			return err_set(err, -EBADMSG, "not a file of routes");
		*call = (struct call){ .fd = -1,
				       .name = place,
				       .text = line,
				       .left = (size_t)(newline + 1 - line) };
		one = begin(call, place);
		(*ret_count)++;
		if (one == 0)
			continue;
		end(call);
		if (one != -ECONNREFUSED && r == 0)
			r = err_set(err, one, "%s: %s", place, strerror(-one));
	}
	return r;
}

int routes_file_carry_out(char *text, struct instant until, struct err *err)
{
	size_t size = strlen(text);
	struct err later = { 0 };
	unsigned count = 0;
	int r, second;

	if (strncmp(text, HEAD, sizeof(HEAD) - 1) != 0 ||
	    size < sizeof(HEAD) + sizeof(TAIL) - 2 ||
	    strcmp(text + size - (sizeof(TAIL) - 1), TAIL) != 0)
		return err_set(err, -EBADMSG, "not a whole file of routes");
	text[size - (sizeof(TAIL) - 1)] = '\0';
	master_count = 0;
	r = begin_all(text + sizeof(HEAD) - 1, &count, err);
	second = await(count, share(until, master_count), r < 0 ? &later : err);
	r = r < 0 ? r : second;
	second = end_leavers(until, r < 0 ? &later : err);
	return r < 0 ? r : second;
}

static char file_text[ROUTES_FILE_MAX];

int routes_file_withdraw(const char *folder, struct instant until,
			 struct err *err)
{
	char path[PATH_SIZE];
	ssize_t n;
	int r;

	r = file_path(path, folder, "", err);
	if (r < 0)
		return r;
	/* Our HAProxy obeys it. */
	n = file_read_own(path, file_text, sizeof(file_text));
	if (n == -ENOENT)
		return 0;
	if (n < 0)
		return err_set(err, (int)n, "%s: %s", path, strerror((int)-n));
	return routes_file_carry_out(file_text, until, err);
}

void routes_file_prepare(void)
{
	memset(file_text, 0, sizeof(file_text));
	memset(calls, 0, sizeof(calls));
	memset(polled, 0, sizeof(polled));
	routes_leavers_prepare();
}
