#include "controller/core/election_state.h"

#include <errno.h>
#include <stdio.h>

/* Deciding, rule 7, and when nothing may be decided: rule 13. */

bool election_may_decide(const struct election *e)
{
	return e->role == ELECTION_PRIMARY &&
	       position_same(e->committed, e->hard.document.position);
}

/* Rule 7. */
void keeping_decide(struct election *e, const struct document *doc)
{
	uint64_t version = e->hard.document.position.version + 1;
	enum document_keep keep = e->hard.document.maintenance;

	/* Rule 13: nothing moves meanwhile. */
	if (!election_may_decide(e) || (keep != KEEP_OFF && RULE(KEEP_STILL))) {
		election_note(e, ELECTION_NOTE_NOT_DECIDED, e->set.self,
			      ELECTION_REASON_NONE);
		return;
	}
	document_copy(&e->hard.document, doc);
	e->hard.document.maintenance = keep;
	e->hard.document.position = (struct position){ e->hard.term, version };
	election_take_document(e, NULL);
}

/* Rule 13 of docs/protocol.md: the cluster's maintenance, in which every node
 * may be stopped and what is routed stays.
 *
 *   OFF -> BEGINS -> ON -> ENDS -> OFF
 *
 * A node that has ON on disk knows that BEGINS was committed.  So every later
 * primary finds it not OFF, and moves no group before each node, this one too,
 * routes under a lease again. */

static void change(struct election *e, enum document_keep to)
{
	struct document *doc = &e->hard.document;

	doc->maintenance = to;
	doc->position =
		(struct position){ e->hard.term, doc->position.version + 1 };
	election_take_document(e, NULL);
}

static bool is_ready(enum document_keep is, enum document_keep want)
{
	if (want == KEEP_ON)
		return is == KEEP_OFF || is == KEEP_ENDS;
	if (want == KEEP_ENDS)
		return is == KEEP_BEGINS || is == KEEP_ON;
	return is != KEEP_OFF;
}

static const char *moving(const struct document *doc)
{
	unsigned i;

	for (i = 0; i < doc->group_count; i++)
		if (doc->groups[i].phase != PHASE_STEADY)
			return doc->groups[i].name;
	return NULL;
}

int election_can_keep(const struct election *e, enum document_keep want,
		      struct err *err)
{
	const struct document *doc = &e->hard.document;
	const char *group = moving(doc);

	if (e->role != ELECTION_PRIMARY)
		return err_set(err, -ENOTCONN,
			       "this node is not the primary: ask there");
	if (!is_ready(doc->maintenance, want))
		return err_set(
			err, -EALREADY, "%s",
			want == KEEP_ON
				? "the cluster is in maintenance already"
			: doc->maintenance == KEEP_OFF
				? "the cluster is not in maintenance"
				: "the cluster's maintenance ends already");
	if (want == KEEP_ON && group != NULL)
		return err_set(err, -EBUSY,
			       "group %s is between two primaries: wait until "
			       "it has one",
			       group);
	if (!election_may_decide(e))
		return err_set(err, -EAGAIN,
			       "another decision is being written: try again");
	return 0;
}

void keeping_want(struct election *e, enum document_keep want)
{
	if (election_can_keep(e, want, NULL) < 0)
		election_note(e, ELECTION_NOTE_NOT_DECIDED, e->set.self,
			      ELECTION_REASON_NONE);
	else
		change(e, want == KEEP_ON ? KEEP_BEGINS : want);
}

void keeping_run(struct election *e)
{
	enum document_keep is = e->hard.document.maintenance;

	routing_keep(e);
	if (!election_may_decide(e))
		return;
	if (is == KEEP_BEGINS)
		change(e, KEEP_ON);
	else if (is == KEEP_ENDS &&
		 (election_waits_for(e) == 0 || !RULE(KEEP_WAIT)))
		change(e, KEEP_OFF);
}
