#include "controller/daemon/guard_page.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "controller/io/loop.h"

#define MAGIC         "bascule guard 1"
#define LOCK_RETRY_NS 2000000 /* flock() knows no deadline */

struct guard_page_map {
	char magic[16];
	uint64_t size; /* of all of this */
	_Atomic uint64_t turn;
	struct guard_sheet sheets[2];
};

int guard_page_open(const char *folder, struct err *err)
{
	char path[GUARD_PAGE_PATH_MAX];
	int fd;

	if (snprintf(path, sizeof(path), "%s/" GUARD_PAGE_NAME, folder) >=
	    (int)sizeof(path))
		return err_set(err, -ENAMETOOLONG, "%s: too long", folder);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	return fd;
}

int guard_page_lock(int fd, struct instant until)
{
	const struct timespec pause = { .tv_nsec = LOCK_RETRY_NS };

	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (instant_reached(loop_clock(), until))
			return -EBUSY;
		nanosleep(&pause, NULL);
	}
	return 0;
}

static bool sheet_is_sane(const struct guard_sheet *sheet)
{
	unsigned i;

	if (sheet->leader > 1)
		return false;
	for (i = 0; i < GUARD_GROUPS_MAX; i++)
		if (sheet->groups[i].id < 0)
			return false;
	return sheet->daemon.id >= 0 && sheet->guard.id >= 0;
}

int guard_page_load(int fd, struct guard_sheet *ret_sheet)
{
	struct guard_page_map file;
	const struct guard_sheet *sheet;
	ssize_t n = pread(fd, &file, sizeof(file), 0);

	if (n == 0)
		return -ENODATA;
	if (n != sizeof(file) || memcmp(file.magic, MAGIC, sizeof(MAGIC)) ||
	    file.size != sizeof(file))
		return -EBADMSG;
	sheet = &file.sheets[file.turn & 1];
	if (!sheet_is_sane(sheet))
		return -EBADMSG;
	*ret_sheet = *sheet;
	return 0;
}

int guard_page_map(int fd, const struct guard_sheet *sheet,
		   struct guard_page_map **ret_map, struct err *err)
{
	struct guard_page_map *map;

	if (ftruncate(fd, sizeof(*map)) < 0)
		return err_set(err, -errno, "the guard's page: %s",
			       strerror(errno));
	map = mmap(NULL, sizeof(*map), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		   0);
	if (map == MAP_FAILED)
		return err_set(err, -errno, "the guard's page: %s",
			       strerror(errno));
	memcpy(map->magic, MAGIC, sizeof(MAGIC));
	map->size = sizeof(*map);
	guard_page_write(map, sheet);
	*ret_map = map;
	return 0;
}

void guard_page_unmap(struct guard_page_map *map)
{
	if (map != NULL)
		munmap(map, sizeof(*map));
}

void guard_page_write(struct guard_page_map *map,
		      const struct guard_sheet *sheet)
{
	uint64_t turn = atomic_load_explicit(&map->turn, memory_order_relaxed);

	/* The turn is seen to change before the sheet that had it does. */
	atomic_thread_fence(memory_order_seq_cst);
	memcpy(&map->sheets[(turn + 1) & 1], sheet, sizeof(*sheet));
	atomic_store_explicit(&map->turn, turn + 1, memory_order_release);
}

void guard_page_read(const struct guard_page_map *map,
		     struct guard_sheet *ret_sheet)
{
	uint64_t turn, again;

	do {
		turn = atomic_load_explicit(&map->turn, memory_order_acquire);
		memcpy(ret_sheet, &map->sheets[turn & 1], sizeof(*ret_sheet));
		atomic_thread_fence(memory_order_acquire);
		again = atomic_load_explicit(&map->turn, memory_order_relaxed);
	} while (turn != again);
}

struct guard_page guard_page_of(const struct guard_sheet *sheet)
{
	return (struct guard_page){
		.lease_end = { sheet->lease_end_us },
		.routing_end = { sheet->routing_end_us },
		.term = sheet->term,
		.boot = sheet->boot,
		.digest = sheet->digest,
		.node = sheet->node,
		.successor = sheet->successor,
		.leader = sheet->leader == 1,
	};
}

/* All are killed before the first is waited for. */
bool guard_page_end_groups(const struct guard_sheet *sheet,
			   struct instant until)
{
	bool dead = true;
	unsigned i;

	for (i = 0; i < GUARD_GROUPS_MAX; i++)
		group_end(&sheet->groups[i], INSTANT_NONE);
	for (i = 0; i < GUARD_GROUPS_MAX; i++)
		dead = group_end(&sheet->groups[i], until) && dead;
	return dead;
}
