/* The parts of the driver: how they are made, and what each tells it. */
#include "controller/daemon/run_state.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "controller/config/load.h"

/* ---- what they tell ---- */

static void on_checked(void *arg, unsigned target, uint64_t check_id,
		       const struct result *res)
{
	struct event ev = { .kind = EVENT_EVIDENCE };
	struct run *run = arg;

	ev.evidence.target = target;
	ev.evidence.check = check_id;
	ev.evidence.result = *res;
	tell_evidence(run->tell, target, res);
	if (result_is_silence(res->code))
		self_watch_hurry(run->self);
	run_feed(run, &ev);
}

static void on_facts_found(void *arg, unsigned target,
			   const struct database_facts *facts)
{
	struct event ev = { .kind = EVENT_DATABASE };

	ev.database.target = target;
	ev.database.facts = facts;
	run_feed(arg, &ev);
}

static void on_haproxy_seen(void *arg, const struct haproxy_seen *seen)
{
	struct event ev = { .kind = EVENT_HAPROXY_SEEN };
	struct run *run = arg;

	ev.haproxy = *seen;
	run_feed(run, &ev);
	if (seen->kind == HAPROXY_LINK_UP)
		masters_poke(run->masters, seen->haproxy);
}

static void on_ordered(void *arg, uint64_t id, const char *failed_why,
		       int64_t took_us)
{
	struct run *run = arg;

	tell_command(run->tell, ctl_order_haproxy(id), took_us,
		     failed_why == NULL);
	run_answered(run, id, failed_why);
}

static void on_stored(void *arg, uint64_t id, const char *error)
{
	run_answered(arg, id, error);
}

static void on_store_says(void *arg, enum note_level level, const char *text)
{
	struct run *run = arg;

	log_line(run->log, level, "%s", text);
}

static void on_store_changed(void *arg, bool ok, const char *why)
{
	struct run *run = arg;

	tell_store_changed(run->tell, ok, why);
}

static void do_admin(struct run *run, const struct admin *admin)
{
	struct event ev = { .kind = EVENT_ADMIN };

	ev.admin = *admin;
	run_feed(run, &ev);
}

/* Maintenance of this node, when the others can do without it. */
static void ask_to_leave(struct run *run, const struct admin *admin)
{
	const char *why = cluster_needs_us(run->cluster);

	if (run->leaves)
		why = "it is being asked for already";
	if (why != NULL) {
		tell_reply(run->tell, admin->token, -EPERM, why);
		return;
	}
	run->leaves = true;
	run->leave = *admin;
	cluster_leave(run->cluster);
}

static void on_leave(void *arg, const char *why)
{
	struct run *run = arg;

	run->leaves = false;
	if (why != NULL)
		tell_reply(run->tell, run->leave.token, -EPERM, why);
	else
		do_admin(run, &run->leave);
}

static void on_admin(void *arg, const struct admin *admin)
{
	const struct maintenance *m = &admin->maintenance;
	struct run *run = arg;

	if (admin->kind == ADMIN_KEEP)
		cluster_keep(run->cluster, admin->keep, admin->token);
	else if (run->cluster != NULL && admin->kind == ADMIN_MAINTENANCE &&
		 m->target == NOTE_NONE && m->on)
		ask_to_leave(run, admin);
	else
		do_admin(run, admin);
}

static void on_node_note(void *arg, const struct note *note)
{
	struct run *run = arg;

	tell_note(run->tell, note);
}

static void on_switchover(void *arg, uint64_t token, unsigned to)
{
	struct run *run = arg;

	cluster_hand_over(run->cluster, to, token);
}

static void on_switched(void *arg, uint64_t token, const char *from,
			const char *to, int64_t span_us)
{
	struct run *run = arg;

	tell_switched(run->tell, token, from, to, span_us);
}

static void on_refused(void *arg, uint64_t token, int error, const char *text)
{
	struct run *run = arg;

	tell_reply(run->tell, token, error, text);
}

static void on_failover(void *arg, const char *reason, int64_t span_us)
{
	struct run *run = arg;

	tell_failover(run->tell, reason, span_us);
}

static void on_facts(void *arg, struct cluster_facts *ret_facts)
{
	struct run *run = arg;

	cluster_facts_now(run->cluster, ret_facts);
	doors_facts(run->doors, ret_facts);
}

static void on_incidents(struct run *run, unsigned node,
			 const struct message *msg)
{
	struct event ev = { .kind = EVENT_INCIDENTS };

	ev.incidents = shared_hear(run->shared, tell_window(run->tell), node,
				   msg, loop_now(run->loop));
	if (ev.incidents.count > 0)
		run_feed(run, &ev);
}

static void on_observed(void *arg, unsigned node, const struct message *msg)
{
	struct event ev = { .kind = EVENT_OBSERVED };
	struct run *run = arg;

	if (msg->kind == MESSAGE_INCIDENTS) {
		on_incidents(run, node, msg);
		return;
	}
	ev.observed = views_hear(run->views, node, msg);
	run_feed(run, &ev);
}

/* Whoever is primary now runs its own. */
static void on_primary(void *arg, const struct primary_seen *seen)
{
	struct event ev = { .kind = EVENT_PRIMARY };
	struct run *run = arg;

	if (seen->primary != run->set->cluster->self)
		group_hooks_leave_office(run->hooks);
	ev.primary = *seen;
	run_feed(arg, &ev);
}

static void on_peers(void *arg, uint32_t heard)
{
	struct event ev = { .kind = EVENT_PEERS };

	ev.heard = heard;
	run_feed(arg, &ev);
}

static void on_node_changed(void *arg)
{
	struct run *run = arg;

	doors_look(run->doors, run->ctl, run->cluster);
	run_look_at_stop(run);
	run_arm(run);
}

/* ---- making them ---- */

static uint64_t seed(void)
{
	uint64_t value = 0;

	if (getrandom(&value, sizeof(value), GRND_NONBLOCK) < 0)
		value = (uint64_t)loop_clock().us;
	return value;
}

static int make_tell(struct run *run, struct err *err)
{
	struct tell_parts parts = { .loop = run->loop,
				    .log = run->log,
				    .set = run->set,
				    .ctl = run->ctl,
				    .admin = on_admin,
				    .arg = run };

	if (run->set->cluster != NULL) {
		parts.look = on_facts;
		parts.switchover = on_switchover;
	}
	return tell_new(&run->tell, &parts, err);
}

/* Before there is any thread: the guard is then a copy of next to nothing. */
static int prepare_cluster(struct run *run, struct err *err)
{
	struct err warning = { 0 };
	int r;

	if (run->set->cluster == NULL)
		return 0;
	r = cluster_prepare(&run->cluster, run->set, &warning, err);
	if (r >= 0 && warning.text[0] != '\0')
		log_line(run->log, NOTE_WARNING, "%s", warning.text);
	return r;
}

static int join_cluster(struct run *run, struct err *err)
{
	const struct cluster_parts parts = { .loop = run->loop,
					     .log = run->log,
					     .note = on_node_note,
					     .switched = on_switched,
					     .refused = on_refused,
					     .leave = on_leave,
					     .failover = on_failover,
					     .primary = on_primary,
					     .observed = on_observed,
					     .peers = on_peers,
					     .document = run_document,
					     .withdrawn = run_withdrawn,
					     .route = run_route,
					     .changed = on_node_changed,
					     .arg = run };
	int r;

	run->hooks = run_hooks(run);
	if (run->hooks == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	if (run->cluster == NULL)
		return run_stand_alone(run, run->set, err);
	run->views = views_new(run->set);
	run->shared = shared_new(run->set);
	if (run->views == NULL || run->shared == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	r = cluster_join(run->cluster, &parts, err);
	return r < 0 ? r
		     : doors_new(&run->doors, run->log, run->set, run->cluster,
				 err);
}

static int make_parts(struct run *run, struct err *err)
{
	const struct store_doors doors = { .arg = run,
					   .done = on_stored,
					   .changed = on_store_changed,
					   .say = on_store_says };
	int r;

	run->log = log_open();
	run->ctl = ctl_new(run->set, seed());
	if (run->log == NULL || run->ctl == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	r = prepare_cluster(run, err);
	if (r < 0)
		return r;
	r = loop_new(&run->loop, err);
	if (r < 0)
		return r;
	run->manager = service_new(run->loop);
	if (run->manager == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	/* First of all: another daemon may be here already.  The folder of the
	 * store is locked; a socket might be taken for a dead one's. */
	r = store_open(&run->store, run->loop, run->set, &doors, err);
	if (r < 0)
		return r;
	r = make_tell(run, err);
	if (r < 0)
		return r;
	r = checks_new(&run->checks, run->loop, run->set, on_checked, run, err);
	if (r < 0)
		return r;
	checks_on_hint(run->checks, run_hint);
	checks_on_facts(run->checks, on_facts_found);
	r = run_databases(run, err);
	if (r < 0)
		return r;
	r = local_new(&run->local, run->loop, run->log, run->set, run_hint,
		      run);
	if (r < 0)
		return err_set(err, r, "out of memory");
	r = haproxies_new(&run->haproxies, run->loop, run->set, on_haproxy_seen,
			  on_ordered, run_hint, run, err);
	if (r < 0)
		return r;
	run->masters = run_masters(run, run->set);
	if (run->masters == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	r = responder_new(&run->responder, run->loop, run->set, run_agent_word,
			  run, err);
	if (r == 0)
		r = run_watch_self(run, err);
	return r < 0 ? r : join_cluster(run, err);
}

int run_new(struct run **ret_run, const char *file, struct settings *set,
	    struct err *err)
{
	struct run *run = calloc(1, sizeof(*run));
	int r;

	if (run == NULL) {
		settings_free(set);
		return err_set(err, -ENOMEM, "out of memory");
	}
	run->file = file;
	run->set = set;
	run->first = set;
	r = make_parts(run, err);
	if (r < 0) {
		run_free(run);
		return r;
	}
	*ret_run = run;
	return 0;
}

void run_free(struct run *run)
{
	if (run == NULL)
		return;
	group_hooks_free(run->hooks);
	doors_free(run->doors,
		   run->stopping && ctl_maintenance(run->ctl) != NULL);
	alone_free(run->alone);
	cluster_free(run->cluster);
	self_watch_free(run->self);
	views_free(run->views);
	responder_free(run->responder);
	shared_free(run->shared);
	masters_free(run->masters);
	haproxies_free(run->haproxies);
	local_free(run->local);
	databases_free(run->databases);
	resolver_free(run->resolver);
	checks_free(run->checks);
	tell_free(run->tell);
	store_close(run->store);
	service_free(run->manager);
	loop_free(run->loop);
	log_close(run->log);
	orphans_done(&run->orphans);
	ctl_free(run->ctl);
	if (run->first != run->set)
		settings_free(run->first);
	settings_free(run->set);
	free(run);
}
