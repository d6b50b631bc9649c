#include "controller/core/document.h"

#include <assert.h>
#include <errno.h>

#include "controller/core/rule.h"
#include "controller/core/wire.h"

#define FORMAT 1

/* A group or hold, at its longest: each text has a length byte. */
#define GROUP_BYTES_MAX                                                        \
	(3 * (1 + DOCUMENT_NAME_MAX) + 1 + DOCUMENT_TEXT_MAX + 8 + 1 + 8)
#define HOLD_BYTES_MAX (1 + DOCUMENT_NAME_MAX + 1 + DOCUMENT_TEXT_MAX + 8)

static_assert(DOCUMENT_BYTES_MAX >= 32 + DOCUMENT_GROUPS_MAX * GROUP_BYTES_MAX +
					    DOCUMENT_HOLDS_MAX * HOLD_BYTES_MAX,
	      "every document must fit");

const struct document_group *document_group(const struct document *doc,
					    const char *name)
{
	unsigned i;

	for (i = 0; i < doc->group_count; i++)
		if (strcmp(doc->groups[i].name, name) == 0)
			return &doc->groups[i];
	return NULL;
}

static bool is_so(const struct document_group *is,
		  const struct document_group *want)
{
	return is->epoch == want->epoch && is->phase == want->phase &&
	       strcmp(is->primary, want->primary) == 0 &&
	       strcmp(is->leaving, want->leaving) == 0;
}

/* STEADY -> FENCING -> back, or PROMOTING under the next epoch, as often as
 * promoting fails -> STEADY. */
static bool follows(const struct document_group *is,
		    const struct document_group *want)
{
	if (!RULE(DECIDE_FOLLOWS))
		return true;
	if (want->phase == PHASE_PROMOTING)
		return want->epoch == is->epoch + 1 &&
		       is->phase != PHASE_STEADY;
	return want->epoch == is->epoch &&
	       strcmp(want->primary, is->primary) == 0 &&
	       (want->phase == PHASE_STEADY || is->phase == PHASE_STEADY);
}

bool document_decide(struct document *doc, const struct document_group *want)
{
	struct document_group *is = NULL;
	unsigned i;

	for (i = 0; i < doc->group_count; i++)
		if (strcmp(doc->groups[i].name, want->name) == 0)
			is = &doc->groups[i];
	if (is != NULL && (is_so(is, want) || !follows(is, want)))
		return false;
	if (is == NULL && doc->group_count == DOCUMENT_GROUPS_MAX)
		return false;
	if (is == NULL)
		is = &doc->groups[doc->group_count++];
	*is = *want;
	return true;
}

void document_copy(struct document *to, const struct document *from)
{
	memcpy(to, from, offsetof(struct document, groups));
	memcpy(to->groups, from->groups,
	       from->group_count * sizeof(from->groups[0]));
	memcpy(to->holds, from->holds,
	       from->hold_count * sizeof(from->holds[0]));
}

static void put_group(struct wire_out *out, const struct document_group *grp)
{
	wire_put_text(out, grp->name);
	wire_put(out, grp->epoch, 8);
	wire_put_text(out, grp->primary);
	wire_put(out, grp->phase, 1);
	wire_put_text(out, grp->leaving);
	wire_put_text(out, grp->reason);
	wire_put(out, (uint64_t)grp->since_wall_us, 8);
}

static void put_hold(struct wire_out *out, const struct document_hold *hold)
{
	wire_put_text(out, hold->name);
	wire_put(out, (uint64_t)hold->until_wall_us, 8);
	wire_put_text(out, hold->reason);
}

size_t document_encode(const struct document *doc, uint8_t *buf, size_t size)
{
	struct wire_out out = { buf, buf + size, false };
	unsigned i;

	wire_put(&out, FORMAT, 1);
	wire_put(&out, doc->position.term, 8);
	wire_put(&out, doc->position.version, 8);
	wire_put(&out, doc->maintenance, 1);
	wire_put(&out, (uint64_t)doc->maintenance_until_wall_us, 8);
	wire_put(&out, doc->group_count, 1);
	wire_put(&out, doc->hold_count, 1);
	for (i = 0; i < doc->group_count; i++)
		put_group(&out, &doc->groups[i]);
	for (i = 0; i < doc->hold_count; i++)
		put_hold(&out, &doc->holds[i]);
	return out.bad ? 0 : (size_t)(out.at - buf);
}

static void get_group(struct wire_in *in, struct document_group *grp)
{
	uint64_t phase;

	wire_get_text(in, grp->name, sizeof(grp->name));
	grp->epoch = wire_get(in, 8);
	wire_get_text(in, grp->primary, sizeof(grp->primary));
	phase = wire_get(in, 1);
	if (phase > PHASE_PROMOTING)
		in->bad = true;
	grp->phase = (enum phase)phase;
	wire_get_text(in, grp->leaving, sizeof(grp->leaving));
	wire_get_text(in, grp->reason, sizeof(grp->reason));
	grp->since_wall_us = (int64_t)wire_get(in, 8);
}

static void get_hold(struct wire_in *in, struct document_hold *hold)
{
	wire_get_text(in, hold->name, sizeof(hold->name));
	hold->until_wall_us = (int64_t)wire_get(in, 8);
	wire_get_text(in, hold->reason, sizeof(hold->reason));
}

static void get_lists(struct wire_in *in, struct document *doc)
{
	unsigned i;

	if (doc->group_count > DOCUMENT_GROUPS_MAX ||
	    doc->hold_count > DOCUMENT_HOLDS_MAX)
		in->bad = true;
	for (i = 0; i < doc->group_count && !in->bad; i++)
		get_group(in, &doc->groups[i]);
	for (i = 0; i < doc->hold_count && !in->bad; i++)
		get_hold(in, &doc->holds[i]);
}

int document_decode(const uint8_t *buf, size_t size, struct document *ret_doc,
		    struct err *err)
{
	struct wire_in in = { buf, buf + size, false };
	struct document doc;
	uint64_t format = wire_get(&in, 1), maintenance;

	if (!in.bad && format != FORMAT)
		return err_set(err, -EPROTONOSUPPORT,
			       "the document has format %d, and this program "
			       "reads format %d: upgrade this node",
			       (int)format, FORMAT);
	doc.position.term = wire_get(&in, 8);
	doc.position.version = wire_get(&in, 8);
	maintenance = wire_get(&in, 1);
	doc.maintenance = (enum document_keep)maintenance;
	doc.maintenance_until_wall_us = (int64_t)wire_get(&in, 8);
	doc.group_count = (unsigned)wire_get(&in, 1);
	doc.hold_count = (unsigned)wire_get(&in, 1);
	get_lists(&in, &doc);
	if (in.bad || in.at != in.end || maintenance > KEEP_ENDS)
		return err_set(err, -EBADMSG,
			       "the document of %zu bytes is damaged", size);
	document_copy(ret_doc, &doc);
	return 0;
}
