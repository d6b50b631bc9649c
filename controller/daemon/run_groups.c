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
