/* Bytes at the end of an unreadable page: reading one too many is a crash. */
#ifndef BASCULE_TESTS_EDGE_H
#define BASCULE_TESTS_EDGE_H

#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct edge {
	char *map;
	size_t size; /* of what can be read */
};

static inline int edge_open(struct edge *edge, size_t most)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	edge->size = (most + page - 1) / page * page;
	edge->map = mmap(NULL, edge->size + page, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (edge->map == MAP_FAILED)
		return -1;
	return mprotect(edge->map + edge->size, page, PROT_NONE);
}

static inline void edge_close(struct edge *edge)
{
	munmap(edge->map, edge->size + (size_t)sysconf(_SC_PAGESIZE));
}

/* A copy of @size bytes right before the unreadable page. */
static inline const char *edge_put(struct edge *edge, const char *buf,
				   size_t size)
{
	char *to = edge->map + edge->size - size;

	memcpy(to, buf, size);
	return to;
}

#endif
