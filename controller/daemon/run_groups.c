/* The driver's part in groups of databases: what was agreed goes to the
 * controller, what it orders goes to the databases. */
#include "controller/daemon/run_state.h"

static void on_told(void *arg, uint64_t id, const char *failed_why)
{
	run_answered(arg, id, failed_why);
}

int run_databases(struct run *run, struct err *err)
{
	int r = resolver_new(&run->resolver, run->loop, err);

	if (r < 0)
		return r;
	return databases_new(&run->databases, run->loop, run->resolver,
			     run->set, on_told, run, err);
}

void run_decide(struct run *run, const struct document_group *want)
{
	if (run->cluster != NULL)
		cluster_decide(run->cluster, want);
	else if (run->alone != NULL)
		alone_decide(run->alone, want);
}

void run_routed(struct run *run, uint64_t id, bool done)
{
	if (run->cluster != NULL)
		cluster_routed(run->cluster, id, done);
	else if (run->alone != NULL)
		alone_routed(run->alone, id, done);
}

void run_document(void *arg, const struct document *doc)
{
	struct event ev = { .kind = EVENT_DOCUMENT };

	ev.document = doc;
	run_feed(arg, &ev);
}

void run_withdrawn(void *arg, const char *group)
{
	struct event ev = { .kind = EVENT_WITHDRAWN };

	ev.withdrawn = group;
	run_feed(arg, &ev);
}

void run_route(void *arg, const struct route_order *order)
{
	struct event ev = { .kind = EVENT_ROUTE };

	ev.route = *order;
	run_feed(arg, &ev);
}

static void on_document_trouble(void *arg, const char *why)
{
	struct run *run = arg;

	log_line(run->log, why[0] != '\0' ? NOTE_ERR : NOTE_NOTICE,
		 "the document of the database groups: %s",
		 why[0] != '\0' ? why : "is kept again");
}

static bool has_groups(const struct settings *set)
{
	unsigned i;

	for (i = 0; i < set->service_count; i++)
		if (set->services[i].failover != NULL)
			return true;
	return false;
}

int run_stand_alone(struct run *run, const struct settings *set,
		    struct err *err)
{
	const struct alone_parts parts = { .loop = run->loop,
					   .document = run_document,
					   .withdrawn = run_withdrawn,
					   .route = run_route,
					   .trouble = on_document_trouble,
					   .arg = run };

	if (run->alone != NULL || !has_groups(set))
		return 0;
	return alone_new(&run->alone, set->state_dir, &parts, err);
}

struct group_hooks *run_hooks(struct run *run)
{
	const struct group_hooks_parts parts = { .loop = run->loop,
						 .guard = cluster_guard(
							 run->cluster),
						 .done = on_told,
						 .arg = run };

	return group_hooks_new(&parts);
}

void run_hook(struct run *run, const struct action *act)
{
	unsigned service = run->set->targets[act->hook.target].service;
	struct group_hooks_why why = { .reason = "" };
	struct cluster_facts facts = { 0 };
	struct ctl_group_view group;

	if (ctl_group_look(run->ctl, service, &group) && group.document != NULL)
		why.reason = group.document->reason;
	cluster_facts_now(run->cluster, &facts);
	why.term = facts.term;
	group_hooks_start(run->hooks, run->set, act, &why);
}
