/* Reload: a changed file is applied whole, or not at all. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "controller/config/diff.h"
#include "controller/config/load.h"
#include "controller/daemon/run_state.h"

/* What a reload makes before it changes anything. */
struct next {
	unsigned *kept;       /* owned: new target -> old, where unchanged */
	struct claim *claims; /* owned: what is ours, in new indices */
	size_t claim_count;
	struct settings *set;               /* owned until applied */
	struct ctl *ctl;                    /* owned until applied */
	struct local *local;                /* the same */
	struct responder_change *doors;     /* owned until applied */
	struct masters *masters;            /* owned until applied */
	struct databases_change *databases; /* owned until applied */
};

static void say_report(struct run *run, struct report *report)
{
	size_t i;

	report_sort(report);
	for (i = 0; i < report->count; i++)
		log_line(run->log,
			 report->entries[i].warning ? NOTE_WARNING : NOTE_ERR,
			 "%s", report->entries[i].text);
}

static int load(struct run *run, struct settings **ret_set)
{
	struct report report;
	int r;

	report_init(&report);
	r = settings_load(run->file, ret_set, &report);
	say_report(run, &report);
	report_done(&report);
	return r;
}

/* What is opened once and kept for life. */
static int check_fixed(const struct settings *set, const struct settings *old,
		       struct err *err)
{
	const char *key = NULL;

	if (!settings_text_same(set->node, old->node))
		key = "node";
	else if (!settings_text_same(set->state_dir, old->state_dir))
		key = "state_dir";
	else if (!settings_cluster_same(set->cluster, old->cluster))
		key = "cluster";
	else if (!settings_vip_same(set->primary.vip, old->primary.vip))
		key = "primary.vip";
	else if (!settings_text_same(set->control_socket, old->control_socket))
		key = "control.socket";
	else if (!settings_text_same(set->http_host, old->http_host) ||
		 set->http_port != old->http_port)
		key = "http.listen";
	if (key == NULL)
		return 0;
	return err_set(err, -EINVAL,
		       "%s changed, which needs a restart of basculed", key);
}

static void next_done(struct next *next)
{
	free(next->kept);
	free(next->claims);
	responder_drop(next->doors);
	databases_drop(next->databases);
	masters_free(next->masters);
	local_free(next->local);
	ctl_free(next->ctl);
	settings_free(next->set);
}

static int prepare(struct run *run, struct next *next, struct err *err)
{
	unsigned i, n;
	int r;

	r = check_fixed(next->set, run->set, err);
	if (r < 0)
		return r;
	n = next->set->target_count;
	next->ctl = ctl_new(next->set, (uint64_t)loop_clock().us);
	next->kept = calloc(n + 1u, sizeof(*next->kept));
	if (next->ctl == NULL || next->kept == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	r = settings_map_targets(next->set, run->set, next->kept);
	if (r < 0)
		return err_set(err, r, "out of memory");
	for (i = 0; i < n; i++)
		if (next->kept[i] != SETTINGS_NONE &&
		    !target_asks_same(next->set, i, run->set, next->kept[i]))
			next->kept[i] = SETTINGS_NONE;
	next->masters = run_masters(run, next->set);
	if (next->masters == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	if (run->cluster == NULL)
		r = run_stand_alone(run, next->set, err);
	if (r < 0)
		return r;
	r = databases_prepare(run->databases, next->set, next->kept,
			      &next->databases, err);
	if (r < 0)
		return r;
	r = local_new(&next->local, run->loop, run->log, next->set, run_hint,
		      run);
	if (r < 0)
		return err_set(err, r, "out of memory");
	r = run->doors == NULL ? 0 : doors_prepare(run->doors, next->set, err);
	if (r < 0)
		return r;
	return responder_prepare(run->responder, next->set, &next->doors, err);
}

/* The adapters go over one after the other; one that cannot takes the others
 * back. */
static int switch_adapters(struct run *run, const struct next *next,
			   struct err *err)
{
	int r;

	r = haproxies_reload(run->haproxies, next->set, err);
	if (r < 0)
		return r;
	r = checks_reload(run->checks, next->set, next->kept, err);
	if (r < 0)
		haproxies_reload(run->haproxies, run->set, NULL);
	return r;
}

/* Claims of what this reload removes are kept, those of what it brings back
 * are found again. */
static void find_claims(struct run *run, struct next *next)
{
	if (orphans_add(&run->orphans, run->ctl, run->set) < 0 ||
	    orphans_take(&run->orphans, next->set, &next->claims,
			 &next->claim_count) < 0)
		log_line(run->log, NOTE_ERR,
			 "reload: out of memory: servers that we withdrew and "
			 "that are new here stay in maintenance");
}

/* What is told to the other nodes goes by names and indices, too. */
static void share_with_others(struct run *run, const struct settings *set)
{
	if (run->cluster == NULL)
		return;
	shared_reload(run->shared, set);
	if (views_reload(run->views, set) < 0) {
		/* The old ones speak of settings that are about to go. */
		log_line(run->log, NOTE_ERR,
			 "reload: out of memory: the other nodes are not told "
			 "what this one sees");
		views_free(run->views);
		run->views = NULL;
	}
}

static void apply(struct run *run, struct next *next)
{
	struct stored stored = { 0 };
	struct event ev = { .kind = EVENT_SETTINGS };
	struct settings *old_set = run->set;
	struct ctl *old_ctl = run->ctl;
	struct masters *masters;

	find_claims(run, next);
	stored.claims = next->claims;
	stored.claim_count = next->claim_count;
	run->set = next->set;
	run->ctl = next->ctl;
	if (run->doors != NULL)
		doors_apply(run->doors, run->set);
	local_free(run->local);
	run->local = next->local;
	next->local = NULL;
	responder_apply(run->responder, next->doors, next->set);
	next->doors = NULL;
	databases_apply(run->databases, next->databases);
	next->databases = NULL;
	masters = run->masters;
	run->masters = next->masters;
	next->masters = NULL;
	masters_free(masters);
	cluster_reload(run->cluster, next->set);
	share_with_others(run, next->set);
	tell_reload(run->tell, run->set, run->ctl);
	/* The new controller asks for them again. */
	group_hooks_end(run->hooks);
	self_watch_reload(run->self, run->set);
	ev.settings.previous = old_ctl;
	ev.settings.stored = &stored;
	ev.settings.kept = next->kept;
	run_feed(run, &ev);
	run_take_up(run);
	run_tend_orphans(run);
	ctl_free(old_ctl);
	if (old_set != run->first)
		settings_free(old_set);
	next->set = NULL;
	next->ctl = NULL;
}

void run_reload(struct run *run)
{
	struct next next = { 0 };
	struct err err = { 0 };

	service_reloading(run->manager);
	if (load(run, &next.set) < 0)
		err_set(&err, -EINVAL, "the file has errors");
	else if (prepare(run, &next, &err) >= 0 &&
		 switch_adapters(run, &next, &err) >= 0)
		apply(run, &next);
	if (next.set != NULL || err.code != 0)
		log_line(run->log, NOTE_ERR,
			 "reload: %s; the former settings stay in force",
			 err.text);
	next_done(&next);
	service_ready(run->manager);
}
