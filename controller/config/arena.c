#include "controller/config/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE ((size_t)16384)

struct block {
	struct block *next; /* owned */
	size_t used, size;
	alignas(max_align_t) char bytes[];
};

struct arena {
	struct block *blocks; /* owned; the one being filled comes first */
	bool failed;
};

struct arena *arena_new(void)
{
	return calloc(1, sizeof(struct arena));
}

void arena_free(struct arena *arena)
{
	struct block *block, *next;

	if (arena == NULL)
		return;
	for (block = arena->blocks; block != NULL; block = next) {
		next = block->next;
		free(block);
	}
	free(arena);
}

/* A block for at least @size bytes.  One for a large array goes behind the
 * one being filled, whose room is not given up for it.
 */
static struct block *block_add(struct arena *arena, size_t size)
{
	bool large = size > BLOCK_SIZE / 4;
	size_t room = large ? size : BLOCK_SIZE;
	struct block *block;

	block = calloc(1, sizeof(*block) + room);
	if (block == NULL) {
		arena->failed = true;
		return NULL;
	}
	block->size = room;
	if (large && arena->blocks != NULL) {
		block->next = arena->blocks->next;
		arena->blocks->next = block;
	} else {
		block->next = arena->blocks;
		arena->blocks = block;
	}
	return block;
}

static void *arena_take(struct arena *arena, size_t size, size_t align)
{
	struct block *block = arena->blocks;
	size_t at = 0;

	if (size > SIZE_MAX / 2) {
		arena->failed = true;
		return NULL;
	}
	if (block != NULL)
		at = (block->used + align - 1) & ~(align - 1);
	if (block == NULL || at > block->size || block->size - at < size) {
		block = block_add(arena, size);
		at = 0;
	}
	if (block == NULL)
		return NULL;
	block->used = at + size;
	return block->bytes + at;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	return arena_take(arena, size, alignof(max_align_t));
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(count, size, &total)) {
		arena->failed = true;
		return NULL;
	}
	return arena_alloc(arena, total);
}

char *arena_strndup(struct arena *arena, const char *text, size_t length)
{
	char *copy = arena_take(arena, length + 1, 1);

	if (copy != NULL)
		memcpy(copy, text, length);
	return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
	return arena_strndup(arena, text, strlen(text));
}

bool arena_failed(const struct arena *arena)
{
	return arena->failed;
}
