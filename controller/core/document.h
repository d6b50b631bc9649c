/* The replicated decisions: what must outlive any node (docs/protocol.md).
 *
 * Plain values, at most DOCUMENT_BYTES_MAX when encoded, whatever the texts.
 * The encoding names its format; a document of another format is refused with
 * a sentence, never guessed at.
 */
#ifndef BASCULE_CORE_DOCUMENT_H
#define BASCULE_CORE_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/core/err.h"

#define DOCUMENT_GROUPS_MAX 16
#define DOCUMENT_HOLDS_MAX  16
#define DOCUMENT_NAME_MAX   63 /* bytes, without the NUL */
#define DOCUMENT_TEXT_MAX   100
#define DOCUMENT_BYTES_MAX  8192

/* Of two positions the one of the higher term is newer, and of one term the
 * one of the higher version.  { 0, 0 }: no document. */
struct position {
	uint64_t term, version;
};

enum phase {
	PHASE_STEADY,   /* the only one in which anybody routes to it */
	PHASE_FENCING,  /* the instance being left loses its routes */
	PHASE_PROMOTING /* nobody routes; the new primary is made */
};

/* The cluster's maintenance: what is routed stays, whoever is stopped.  While
 * it is not OFF no group moves. */
enum document_keep {
	KEEP_OFF,
	KEEP_BEGINS, /* once it is committed, ON is written */
	KEEP_ON,     /* routes need no lease: whoever has it may keep them */
	KEEP_ENDS    /* until each node routes under a lease again */
};

struct document_group {
	char name[DOCUMENT_NAME_MAX + 1];
	uint64_t epoch; /* grows by one with each primary */
	char primary[DOCUMENT_NAME_MAX + 1];
	enum phase phase;
	char leaving[DOCUMENT_NAME_MAX + 1]; /* "" when steady */
	char reason[DOCUMENT_TEXT_MAX + 1];
	int64_t since_wall_us;
};

/* An operator's word to leave something alone. */
struct document_hold {
	char name[DOCUMENT_NAME_MAX + 1]; /* node, target or group */
	int64_t until_wall_us;            /* 0: until it is ended */
	char reason[DOCUMENT_TEXT_MAX + 1];
};

struct document {
	struct position position;
	unsigned group_count, hold_count;
	enum document_keep maintenance; /* of the whole cluster */
	int64_t maintenance_until_wall_us;
	struct document_group groups[DOCUMENT_GROUPS_MAX];
	struct document_hold holds[DOCUMENT_HOLDS_MAX];
};

/* Less than, equal to or greater than 0 as @a is older, the same, newer. */
static inline int position_compare(struct position a, struct position b)
{
	if (a.term != b.term)
		return a.term < b.term ? -1 : 1;
	return (a.version > b.version) - (a.version < b.version);
}

static inline bool position_same(struct position a, struct position b)
{
	return a.term == b.term && a.version == b.version;
}

static inline bool position_is_none(struct position at)
{
	return at.term == 0 && at.version == 0;
}

/* The group called @name, or NULL. */
const struct document_group *document_group(const struct document *doc,
					    const char *name);

/* Put a decision about one group into @doc.  One that is there already, but for
 * the time, changes nothing; nor does one that does not follow from what is
 * there, since it was made from an earlier document: epochs and phases never go
 * back.  Returns whether @doc changed. */
bool document_decide(struct document *doc, const struct document_group *want);

/* Copy what @from uses of its arrays. */
void document_copy(struct document *to, const struct document *from);

/* Write @doc, its position included, into @buf; @size of DOCUMENT_BYTES_MAX
 * is always enough.  Returns the bytes written, or 0 when @size is too small.
 */
size_t document_encode(const struct document *doc, uint8_t *buf, size_t size);

/* Read what document_encode() wrote, from anybody.  @err: what is wrong and,
 * with -EPROTONOSUPPORT, that a newer program wrote it.  @ret_doc is written
 * only on success. */
int document_decode(const uint8_t *buf, size_t size, struct document *ret_doc,
		    struct err *err);

#endif
