/* An arena: memory that is given piece by piece and released all at once.
 *
 * All strings and arrays of one struct settings live in one arena.  A failed
 * allocation returns NULL and is remembered, so that a caller may go on and
 * ask arena_failed() once at the end.
 */
#ifndef BASCULE_CONFIG_ARENA_H
#define BASCULE_CONFIG_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct arena;

/* NULL when out of memory. */
struct arena *arena_new(void);

/* Accepts NULL. */
void arena_free(struct arena *arena);

/* @size zeroed bytes, aligned for anything; NULL when out of memory. */
void *arena_alloc(struct arena *arena, size_t size);

/* The same for @count elements of @size bytes; an overflow is a failure. */
void *arena_array(struct arena *arena, size_t count, size_t size);

/* A copy of @text, or of its first @length bytes; NULL: out of memory. */
char *arena_strdup(struct arena *arena, const char *text);
char *arena_strndup(struct arena *arena, const char *text, size_t length);

/* Whether any allocation of this arena failed. */
bool arena_failed(const struct arena *arena);

#endif
