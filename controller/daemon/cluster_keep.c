/* The cluster's maintenance: what is routed stays, whoever is stopped.
 *
 * Whoever ends, stops or starts a daemon withdraws what the file of routes
 * names (routes_file.h): the daemon itself, its guard, `basculed --release`.
 * So a node that keeps its routes takes the file away, and brings it back
 * before it tells anybody that it routes under a lease again.
 */
#include "controller/daemon/cluster_state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "controller/daemon/routes_file.h"

/* So long is waited for nodes that are heard, before a person is told that
 * the end waits for them. */
#define ENDS_WITHIN_US (2 * SECOND)

int cluster_keep_files(struct cluster *c, struct err *err)
{
	if (c->keeps)
		return routes_file_remove(c->folder, err);
	return routes_file_write(c->folder, c->routed, err);
}

void cluster_keep_follow(struct cluster *c)
{
	bool keeps = election_keeps(c->election);
	struct err err;

	if (keeps == c->keeps)
		return;
	c->keeps = keeps;
	if (cluster_keep_files(c, &err) < 0)
		log_line(c->parts.log, NOTE_ERR, "%s", err.text);
}

void cluster_hold(struct cluster *c)
{
	struct election_event ev = { .kind = ELECTION_HOLD };
	struct election_holds holds = { 0 };
	unsigned i;

	for (i = 0; i < c->routed->service_count; i++) {
		const struct service_settings *svc = &c->routed->services[i];

		if (svc->failover != NULL &&
		    svc->failover->on_quorum_loss == QUORUM_LOSS_HOLD &&
		    holds.count < DOCUMENT_GROUPS_MAX)
			snprintf(holds.groups[holds.count++],
				 sizeof(holds.groups[0]), "%s", svc->name);
	}
	ev.holds = &holds;
	cluster_step(c, &ev, loop_clock());
}

static void answer(struct cluster *c, int error, const char *text)
{
	uint64_t token = c->keep_token;

	c->keep_token = 0;
	c->parts.refused(c->parts.arg, token, error, text);
}

void cluster_keep(struct cluster *c, enum document_keep want, uint64_t token)
{
	struct election_event ev = { .kind = ELECTION_KEEP, .keep = want };
	struct err err = { 0 };
	int r;

	if (c == NULL) {
		/* web_change.c refuses it where it is asked for. */
		return;
	}
	r = election_can_keep(c->election, want, &err);
	if (c->keep_token != 0)
		r = err_set(&err, -EBUSY, "another one asks for it right now");
	else if (r == -ENOTCONN && c->primary == ELECTION_NOBODY)
		err_set(&err, r,
			"no node is primary: without a quorum nothing "
			"can be decided");
	else if (r == -ENOTCONN && c->primary != c->rules.self)
		err_set(&err, r, "this node is not the primary: ask %s",
			c->set->nodes[c->primary].name);
	if (r < 0) {
		c->parts.refused(c->parts.arg, token, r, err.text);
		return;
	}
	c->keep_token = token;
	c->keep_want = want;
	c->keep_since = c->now;
	cluster_step(c, &ev, loop_clock());
}

/* ---- what came of it ---- */

static void add_name(const struct cluster *c, char *buf, size_t size,
		     unsigned node)
{
	size_t used = strlen(buf);

	snprintf(buf + used, size - used, "%s%s", used > 0 ? ", " : "",
		 c->set->nodes[node].name);
}

/* Those that are heard and do not have it yet. */
static bool is_on_its_way(const struct cluster *c,
			  const struct election_view *view)
{
	unsigned i;

	for (i = 0; i < c->set->node_count; i++)
		if (i != c->rules.self && view->peers[i].up &&
		    position_compare(view->peers[i].stored, view->committed) <
			    0)
			return true;
	return !c->keeps;
}

static void begun(struct cluster *c, const struct election_view *view)
{
	char text[160] = "", names[100] = "";
	unsigned i;

	if (view->keep != KEEP_ON || is_on_its_way(c, view))
		return;
	for (i = 0; i < c->set->node_count; i++)
		if (i != c->rules.self && !view->peers[i].up)
			add_name(c, names, sizeof(names), i);
	snprintf(text, sizeof(text),
		 "the cluster is in maintenance: nodes may be stopped, routes "
		 "stay%s%s%s",
		 names[0] != '\0' ? "; not told, since not heard: " : "", names,
		 "");
	answer(c, 0, text);
}

static void ended(struct cluster *c, const struct election_view *view)
{
	char text[160], names[100] = "";
	unsigned i;

	if (view->keep == KEEP_OFF) {
		answer(c, 0, "the cluster's maintenance is over");
		return;
	}
	if (instant_diff_us(c->keep_since, c->now) < ENDS_WITHIN_US)
		return;
	for (i = 0; i < c->set->node_count; i++)
		if ((view->waits_for >> i & 1) != 0)
			add_name(c, names, sizeof(names), i);
	snprintf(text, sizeof(text),
		 "the cluster's maintenance ends when these are heard: %s",
		 names);
	answer(c, 0, text);
}

static void tell(struct cluster *c, const struct election_view *view)
{
	static const char *const texts[] = {
		[KEEP_OFF] = "the cluster's maintenance is over",
		[KEEP_BEGINS] = "the cluster's maintenance begins",
		[KEEP_ON] = "the cluster is in maintenance: routes stay, also "
			    "of nodes that are stopped",
		[KEEP_ENDS] = "the cluster's maintenance ends: each node is "
			      "waited for",
	};

	if (view->keep == c->keep_told)
		return;
	c->keep_told = view->keep;
	cluster_tell_keep(c, view->term, texts[view->keep]);
}

void cluster_keep_watch(struct cluster *c)
{
	struct election_view view;

	election_look(c->election, &view);
	tell(c, &view);
	if (c->keep_token == 0)
		return;
	if (view.role != ELECTION_PRIMARY)
		answer(c, -EAGAIN, "this node is not the primary any more");
	else if (c->keep_want == KEEP_ON)
		begun(c, &view);
	else
		ended(c, &view);
}
