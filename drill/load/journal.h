/* Puts outcomes, which become known in any order, back into the order of the
 * intended starts, in bounded memory.
 *
 * Requests are numbered from 0.  Whoever uses it sees to it that no request
 * stays unknown while @capacity later ones begin: a timeout counted from the
 * intended start does.
 */
#ifndef BASCULE_DRILL_LOAD_JOURNAL_H
#define BASCULE_DRILL_LOAD_JOURNAL_H

#include "drill/load/outcome.h"

#include <stddef.h>

struct journal;

/* Told each outcome once, in order. */
typedef void (*journal_fn)(void *arg, const struct outcome *outcome);

/* 0 or -ENOMEM.  The caller frees it. */
int journal_new(size_t capacity, journal_fn fn, void *arg,
		struct journal **ret_journal);
void journal_free(struct journal *journal);

/* Request number @n has come to its end. */
void journal_add(struct journal *journal, int64_t n,
		 const struct outcome *outcome);

#endif
