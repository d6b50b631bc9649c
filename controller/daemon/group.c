#include "controller/daemon/group.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "controller/io/loop.h"

#define STAT_MAX     512
#define LIST_MAX     4096
#define FIELD_GROUP  5 /* proc(5), counted from 1 */
#define FIELD_BORN   22
#define FIELD_BEHIND 3 /* the first behind the name */

struct stat_line {
	int32_t group;
	uint64_t born;
};

/* Read /proc/PID/stat.  The name, in parentheses, may hold anything. */
static bool read_stat(pid_t pid, struct stat_line *ret_line)
{
	char path[32], text[STAT_MAX + 1], *at, *rest;
	ssize_t n;
	int fd, field;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, STAT_MAX);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	at = strrchr(text, ')');
	if (at == NULL)
		return false;
	at = strtok_r(at + 1, " ", &rest);
	for (field = FIELD_BEHIND; at != NULL && field < FIELD_BORN; field++) {
		if (field == FIELD_GROUP)
			ret_line->group = (int32_t)strtol(at, NULL, 10);
		at = strtok_r(NULL, " ", &rest);
	}
	if (at == NULL)
		return false;
	ret_line->born = strtoull(at, NULL, 10);
	return true;
}

struct process_group group_of(pid_t leader)
{
	struct stat_line line = { 0 };

	if (!read_stat(leader, &line))
		return (struct process_group){ 0 };
	return (struct process_group){ .id = leader, .born = line.born };
}

/* From now, between 0 and an hour. */
static int64_t left(struct instant until)
{
	struct instant now = loop_clock();

	if (!instant_before(now, until))
		return 0;
	return instant_diff_us(now, instant_min(until, instant_add(now, HOUR)));
}

bool group_await(int pid_fd, struct instant until)
{
	struct pollfd end = { .fd = pid_fd, .events = POLLIN };
	int64_t left_us = 0;
	int n;

	do {
		left_us = left(until);
		n = poll(&end, 1, (int)((left_us + MS - 1) / MS));
	} while (n == 0 ? left_us > 0 : n < 0 && errno == EINTR);
	return n > 0;
}

/* A handle of @pid, or -1 if it is dead, a zombie included.  Only the kernel
 * knows: of a process whose first thread has ended, stat says Z. */
static int open_living(pid_t pid)
{
	struct pollfd end = { .fd = pidfd_open(pid, 0), .events = POLLIN };

	if (end.fd >= 0 && poll(&end, 1, 0) != 0) {
		close(end.fd);
		return -1;
	}
	return end.fd;
}

bool group_leader_lives(const struct process_group *group)
{
	struct stat_line line = { 0 };
	int fd;

	if (group->id <= 1 || !read_stat(group->id, &line) ||
	    line.born != group->born)
		return false;
	fd = open_living(group->id);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static int living_member(int32_t id, const char *name)
{
	struct stat_line line = { 0 };
	char *end;
	long pid = strtol(name, &end, 10);

	if (*end != '\0' || !read_stat((pid_t)pid, &line) || line.group != id)
		return -1;
	return open_living((pid_t)pid);
}

/* A handle of one that lives, or -1.  readdir() would allocate. */
static int find_member(int32_t id)
{
	_Alignas(struct dirent64) char list[LIST_MAX];
	int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int found = -1;
	ssize_t n = 0, at;

	while (proc >= 0 && found < 0) {
		n = getdents64(proc, list, sizeof(list));
		if (n <= 0)
			break;
		for (at = 0; at < n && found < 0;) {
			const struct dirent64 *entry =
				(const void *)(list + at);

			found = living_member(id, entry->d_name);
			at += entry->d_reclen;
		}
	}
	if (proc >= 0)
		close(proc);
	return found;
}

bool group_end(const struct process_group *group, struct instant until)
{
	struct stat_line line = { 0 };
	bool dead = true;
	int fd;

	/* 0, 1 and -1 are other things to kill() than numbers of groups. */
	if (group->id <= 1)
		return true;
	if (read_stat(group->id, &line) && line.born != group->born)
		return true;
	while (dead) {
		if (kill(-group->id, SIGKILL) < 0 && errno == ESRCH)
			return true;
		fd = find_member(group->id);
		if (fd < 0)
			return true;
		dead = group_await(fd, until);
		close(fd);
	}
	return false;
}
