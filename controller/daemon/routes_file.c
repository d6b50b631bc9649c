#include "controller/daemon/routes_file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "controller/io/loop.h"

#define HEAD            "# bascule routes 1\n"
#define TAIL            "# end\n"
#define FILE_MAX        65536
#define ROUTES_PATH_MAX 256
/* HAProxy reads no line that is longer than its buffer, 16 KiB. */
#define COMMAND_MAX 8192

/* Static: whoever withdraws may be the guard. */
static char text[FILE_MAX + 1];
static char command[COMMAND_MAX];

/* --- writing -------------------------------------------------------------- */

static void write_servers(FILE *out, const struct settings *set,
			  const struct haproxy_settings *haproxy)
{
	unsigned i, k;

	for (i = 0; i < set->service_count; i++) {
		const struct service_settings *svc = &set->services[i];

		if (svc->failover == NULL || svc->backend == NULL ||
		    svc->failover->mode == FAILOVER_OBSERVE)
			continue;
		for (k = 0; k < svc->target_count; k++) {
			const struct target_settings *t =
				&set->targets[svc->first_target + k];

			if (haproxy->socket != NULL)
				fprintf(out, "%s", haproxy->socket);
			else
				fprintf(out, "%s:%u", haproxy->host,
					haproxy->port);
			fprintf(out, " %s/%s\n", svc->backend, t->name);
		}
	}
}

static int file_path(char *buf, const char *folder, const char *suffix,
		     struct err *err)
{
	if (snprintf(buf, ROUTES_PATH_MAX, "%s/" ROUTES_FILE_NAME "%s", folder,
		     suffix) < ROUTES_PATH_MAX)
		return 0;
	return err_set(err, -ENAMETOOLONG, "%s: too long", folder);
}

static int write_all(const char *path, const struct settings *set)
{
	FILE *out = fopen(path, "we");
	bool bad;
	unsigned i;

	if (out == NULL)
		return -errno;
	fputs(HEAD, out);
	for (i = 0; i < set->haproxy_count; i++)
		write_servers(out, set, &set->haproxies[i]);
	fputs(TAIL, out);
	bad = ferror(out) || ftell(out) > FILE_MAX;
	if (fclose(out) != 0 || bad)
		return -EFBIG;
	return 0;
}

static bool has_groups(const struct settings *set)
{
	unsigned i;

	for (i = 0; i < set->service_count; i++)
		if (set->services[i].failover != NULL)
			return true;
	return false;
}

int routes_file_write(const char *folder, const struct settings *set,
		      struct err *err)
{
	char path[ROUTES_PATH_MAX], fresh[ROUTES_PATH_MAX];
	int r = file_path(path, folder, "", err);

	if (r == 0)
		r = file_path(fresh, folder, ".new", err);
	if (r < 0)
		return r;
	if (!has_groups(set)) {
		unlink(path);
		return 0;
	}
	r = write_all(fresh, set);
	if (r == 0 && rename(fresh, path) < 0)
		r = -errno;
	return r < 0 ? err_set(err, r, "%s: %s", fresh, strerror(-r)) : 0;
}

/* --- withdrawing ---------------------------------------------------------- */

void routes_file_prepare(void)
{
	memset(text, 0, sizeof(text));
	memset(command, 0, sizeof(command));
}

/* Returns 0, -ENOENT, or -errno with @err. */
static int read_file(const char *folder, struct err *err)
{
	char path[ROUTES_PATH_MAX];
	struct stat st;
	ssize_t size;
	int fd, r = file_path(path, folder, "", err);

	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT ? -ENOENT
				       : err_set(err, -errno, "%s: %s", path,
						 strerror(errno));
	size = read(fd, text, FILE_MAX);
	r = fstat(fd, &st);
	close(fd);
	/* Nobody else says what is withdrawn here. */
	if (r < 0 || (st.st_uid != geteuid() && st.st_uid != 0))
		return err_set(err, -EPERM, "%s: is somebody else's", path);
	text[size > 0 ? size : 0] = '\0';
	if (strncmp(text, HEAD, sizeof(HEAD) - 1) != 0 ||
	    strstr(text, "\n" TAIL) == NULL)
		return err_set(err, -EBADMSG, "%s: is not whole", path);
	return 0;
}

static int connect_unix(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(to.sun_path))
		return -ENAMETOOLONG;
	strcpy(to.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	if (fd < 0)
		return -errno;
	close(fd);
	return -errno;
}

/* Numbers only: nothing here may resolve a name. */
static int connect_tcp(const char *where)
{
	struct sockaddr_in six4 = { .sin_family = AF_INET };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	const char *colon = strrchr(where, ':');
	char host[INET6_ADDRSTRLEN];
	const struct sockaddr *to = (struct sockaddr *)&six4;
	socklen_t size = sizeof(six4);
	int fd;

	if (colon == NULL || (size_t)(colon - where) >= sizeof(host))
		return -EINVAL;
	memcpy(host, where, (size_t)(colon - where));
	host[colon - where] = '\0';
	six4.sin_port = six.sin6_port = htons((uint16_t)atoi(colon + 1));
	if (inet_pton(AF_INET, host, &six4.sin_addr) != 1) {
		if (inet_pton(AF_INET6, host, &six.sin6_addr) != 1)
			return -EINVAL;
		to = (struct sockaddr *)&six;
		size = sizeof(six);
	}
	fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
		    0);
	if (fd < 0)
		return -errno;
	if (connect(fd, to, size) == 0 || errno == EINPROGRESS)
		return fd;
	close(fd);
	return -errno;
}

static bool wait_ready(int fd, short events, struct instant until)
{
	struct pollfd one = { .fd = fd, .events = events };
	int64_t left_us = instant_diff_us(loop_clock(), until);

	return left_us > 0 && poll(&one, 1, (int)(left_us / MS) + 1) > 0;
}

/* Whether nobody listens there: what does not run routes nothing. */
static bool is_gone(int r)
{
	return r == -ENOENT || r == -ECONNREFUSED || r == -ENOTDIR;
}

/* HAProxy answers the whole line, then closes. */
static int talk(int fd, size_t size, struct instant until)
{
	char answer[512];
	ssize_t n;

	if (!wait_ready(fd, POLLOUT, until))
		return -ETIME;
	n = send(fd, command, size, MSG_NOSIGNAL);
	if (n != (ssize_t)size)
		return n < 0 ? -errno : -EIO;
	do {
		if (!wait_ready(fd, POLLIN, until))
			return -ETIME;
		n = recv(fd, answer, sizeof(answer), 0);
	} while (n > 0);
	return n < 0 && errno != ECONNRESET ? -errno : 0;
}

static int say(const char *where, size_t size, struct instant until)
{
	int fd = where[0] == '/' ? connect_unix(where) : connect_tcp(where);
	int r;

	if (fd < 0)
		return is_gone(fd) ? 0 : fd;
	command[size - 1] = '\n'; /* instead of the last ';' */
	r = talk(fd, size, until);
	close(fd);
	return is_gone(r) ? 0 : r;
}

/* The servers of the HAProxy that *@line names, as many as fit into one
 * command; *@line moves on to the next. */
static int withdraw_some(char **line, struct instant until, struct err *err)
{
	char *where = *line, *end, *server;
	size_t used = 0, length = strcspn(where, " ");
	int r;

	while (strncmp(*line, where, length + 1) == 0) {
		server = *line + length + 1;
		end = strchr(server, '\n');
		if (end == NULL ||
		    used + 2 * (size_t)(end - server) + 64 > sizeof(command))
			break;
		*end = '\0';
		used += (size_t)sprintf(command + used,
					"set server %s state maint;"
					"shutdown sessions server %s;",
					server, server);
		*line = end + 1;
	}
	if (used == 0)
		return err_set(err, -EBADMSG, "a line that is too long");
	where[length] = '\0';
	r = say(where, used, until);
	if (r < 0)
		return err_set(err, r, "routes at %s: %s", where, strerror(-r));
	return 0;
}

int routes_file_withdraw(const char *folder, struct instant until,
			 struct err *err)
{
	struct err later;
	char *line = text + sizeof(HEAD) - 1;
	int first = 0, r = read_file(folder, err);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	while (line[0] != '#' && line[0] != '\0' && r != -EBADMSG) {
		r = withdraw_some(&line, until, first < 0 ? &later : err);
		if (first == 0)
			first = r;
	}
	return first;
}
