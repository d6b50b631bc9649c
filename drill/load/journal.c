#include "drill/load/journal.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

struct entry {
	struct outcome outcome;
	bool known;
};

struct journal {
	journal_fn fn;
	void *arg; /* borrowed */
	size_t capacity;
	int64_t head; /* the number of the oldest unknown one */
	struct entry entries[];
};

int journal_new(size_t capacity, journal_fn fn, void *arg,
		struct journal **ret_journal)
{
	struct journal *journal;

	journal = calloc(1, sizeof(*journal) +
				    capacity * sizeof(journal->entries[0]));
	if (journal == NULL)
		return -ENOMEM;
	journal->fn = fn;
	journal->arg = arg;
	journal->capacity = capacity;
	*ret_journal = journal;
	return 0;
}

void journal_free(struct journal *journal)
{
	free(journal);
}

static struct entry *entry_of(struct journal *journal, int64_t n)
{
	return &journal->entries[(size_t)n % journal->capacity];
}

void journal_add(struct journal *journal, int64_t n,
		 const struct outcome *outcome)
{
	struct entry *entry = entry_of(journal, n);

	assert(n >= journal->head &&
	       (size_t)(n - journal->head) < journal->capacity);
	entry->outcome = *outcome;
	entry->known = true;
	for (entry = entry_of(journal, journal->head); entry->known;
	     entry = entry_of(journal, journal->head)) {
		entry->known = false;
		journal->head++;
		journal->fn(journal->arg, &entry->outcome);
	}
}
