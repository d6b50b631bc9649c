#include "controller/daemon/listen.h"

#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG     128
#define BACKLOG_ALL 4096 /* every server of a new HAProxy asks at once */
#define GROUP       "bascule"

static int bind_tcp(const struct addrinfo *ai, int backlog)
{
	int yes = 1, no = 0, r;
	int fd = socket(ai->ai_family,
			SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	/* An address may come later: a VIP, a slow interface. */
	setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &yes, sizeof(yes));
	if (ai->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 ||
	    listen(fd, backlog) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

static int find_addresses(const char *key, const char *host, uint16_t port,
			  struct addrinfo **ret_list, struct err *err)
{
	const struct addrinfo hints = { .ai_family = AF_UNSPEC,
					.ai_socktype = SOCK_STREAM,
					.ai_flags = AI_PASSIVE };
	char service[8];
	int r;

	snprintf(service, sizeof(service), "%u", (unsigned)port);
	r = getaddrinfo(host, service, &hints, ret_list);
	if (r != 0)
		return err_set(err, -EADDRNOTAVAIL, "%s: cannot resolve %s: %s",
			       key, host, gai_strerror(r));
	return 0;
}

static int cannot_listen(const char *key, const char *host, uint16_t port,
			 int error, struct err *err)
{
	return err_set(err, error, "%s: cannot listen at %s port %u: %s", key,
		       host, (unsigned)port, strerror(-error));
}

int listen_tcp(const char *host, uint16_t port, struct err *err)
{
	struct addrinfo *list = NULL;
	int r = find_addresses("http.listen", host, port, &list, err), fd;

	if (r < 0)
		return r;
	fd = bind_tcp(list, BACKLOG);
	freeaddrinfo(list);
	if (fd < 0)
		return cannot_listen("http.listen", host, port, fd, err);
	return fd;
}

int listen_tcp_all(const char *key, const char *host, uint16_t port, int *fds,
		   unsigned max, struct err *err)
{
	struct addrinfo *list = NULL, *ai;
	int r = find_addresses(key, host, port, &list, err);
	unsigned count = 0;

	if (r < 0)
		return r;
	for (ai = list; ai != NULL && count < max; ai = ai->ai_next) {
		r = bind_tcp(ai, BACKLOG_ALL);
		if (r < 0)
			break;
		fds[count++] = r;
	}
	freeaddrinfo(list);
	if (r >= 0)
		return (int)count;
	while (count > 0)
		close(fds[--count]);
	return cannot_listen(key, host, port, r, err);
}

/* Whether somebody accepts connections there; a full backlog counts. */
static bool somebody_listens(const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool lives;

	if (fd < 0)
		return false;
	lives = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) ==
			0 ||
		errno == EAGAIN || errno == EINPROGRESS;
	close(fd);
	return lives;
}

/* The folder is systemd's to make; by hand it may be missing. */
static void make_folder(const char *path)
{
	char folder[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	char *slash;

	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (slash != NULL && slash != folder) {
		*slash = '\0';
		mkdir(folder, 0755);
	}
}

/* The group may be missing when nothing is installed: then the owner's own
 * will do. */
static void give_to_group(const char *path)
{
	struct group *group = getgrnam(GROUP);

	if (group != NULL && chown(path, (uid_t)-1, group->gr_gid) < 0)
		return;
}

static int bind_unix(const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t mask;
	int r;

	if (fd < 0)
		return -errno;
	mask = umask(0117);
	r = bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 ? -errno
								       : 0;
	umask(mask);
	if (r == 0) {
		give_to_group(addr->sun_path);
		r = listen(fd, BACKLOG) < 0 ? -errno : 0;
	}
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

int listen_unix(const char *path, struct err *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct stat st;
	int fd;

	if (strlen(path) >= sizeof(addr.sun_path))
		return err_set(err, -ENAMETOOLONG,
			       "control.socket: %s is longer than %zu bytes",
			       path, sizeof(addr.sun_path) - 1);
	memcpy(addr.sun_path, path, strlen(path) + 1);
	make_folder(path);
	if (somebody_listens(&addr))
		return err_set(err, -EADDRINUSE,
			       "control.socket: another basculed listens at %s",
			       path);
	if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
		return err_set(err, -EEXIST,
			       "control.socket: %s is there and is no socket",
			       path);
	unlink(path);
	fd = bind_unix(&addr);
	if (fd < 0)
		return err_set(err, fd,
			       "control.socket: cannot listen at %s: %s", path,
			       strerror(-fd));
	return fd;
}
