#include "controller/daemon/office.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/daemon/recipe.h"
#include "controller/daemon/release.h"

enum stage {
	STAGE_IDLE,      /* nothing runs */
	STAGE_PROMOTING, /* the promote hook */
	STAGE_ENDING,    /* it is being ended, for a release */
	STAGE_DEMOTING,  /* the demote hook */
	STAGE_CLOSING    /* a release with nothing to run */
};

struct call {
	office_fn fn;
	void *arg;
};

struct office {
	struct office_parts parts;
	char node[RECIPE_WORD_MAX + 1]; /* settings may be replaced */
	enum stage stage;
	bool held;
	struct recipe recipe; /* while held */
	struct hook *hook;    /* owned: that of the stage */
	struct call promote, release;
	struct instant began;    /* the release */
	struct instant deadline; /* of it */
	int ended_badly;         /* the release: or 0 */
	char why[ERR_TEXT_MAX];  /* it did */
	char reason[RECIPE_WORD_MAX + 1];
	ev_timer later; /* an outcome without a hook */
};

static void on_later(struct ev_loop *ev, ev_timer *w, int events);

int office_new(struct office **ret_office, const struct office_parts *parts,
	       struct err *err)
{
	struct office *office = calloc(1, sizeof(*office));

	if (office == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	office->parts = *parts;
	recipe_set(office->node, sizeof(office->node), parts->node);
	office->parts.node = office->node;
	ev_timer_init(&office->later, on_later, 0., 0.);
	office->later.data = office;
	*ret_office = office;
	return 0;
}

void office_free(struct office *office)
{
	if (office == NULL)
		return;
	ev_timer_stop(loop_ev(office->parts.loop), &office->later);
	hook_free(office->hook);
	free(office);
}

void office_reload(struct office *office, const char *on_promote,
		   const char *on_demote, int64_t promote_timeout_us,
		   int64_t demote_timeout_us)
{
	office->parts.on_promote = on_promote;
	office->parts.on_demote = on_demote;
	office->parts.promote_timeout_us = promote_timeout_us;
	office->parts.demote_timeout_us = demote_timeout_us;
}

bool office_held(const struct office *office)
{
	return office->held;
}

static void call_back(struct call *call, int error, const char *text,
		      int64_t took_us)
{
	const struct hook_outcome outcome = { .error = error,
					      .text = text,
					      .took_us = took_us };
	struct call copy = *call;

	*call = (struct call){ 0 };
	if (copy.fn != NULL)
		copy.fn(copy.arg, &outcome);
}

static bool add_addresses(struct recipe *recipe, const struct vip_settings *vip)
{
	char text[VIP_TEXT_MAX];
	size_t used = 0;
	unsigned i;

	for (i = 0; i < vip->address_count; i++)
		used += (size_t)snprintf(recipe->addresses + used,
					 sizeof(recipe->addresses) - used,
					 "%s%s/%u", i > 0 ? " " : "",
					 vip_text(&vip->addresses[i], text),
					 vip->addresses[i].prefix);
	return recipe_set(recipe->interface, sizeof(recipe->interface),
			  vip->interface) &&
	       (vip->driver != VIP_KEEPALIVED ||
		recipe_set(recipe->track_file, sizeof(recipe->track_file),
			   vip->track_file));
}

static int write_recipe(struct office *office, uint64_t term, uint64_t epoch,
			const char *reason, struct err *err)
{
	const struct office_parts *parts = &office->parts;
	struct recipe *recipe = &office->recipe;
	const char *unit;
	bool fits;

	*recipe = (struct recipe){ .term = term,
				   .epoch = epoch,
				   .timeout_us = parts->demote_timeout_us };
	recipe_set(recipe->node, sizeof(recipe->node), parts->node);
	recipe_set(recipe->reason, sizeof(recipe->reason), reason);
	fits = parts->on_demote == NULL ||
	       recipe_set(recipe->demote, sizeof(recipe->demote),
			  parts->on_demote);
	if (parts->vip != NULL)
		fits = add_addresses(recipe, parts->addresses) && fits;
	unit = parts->on_promote != NULL ? hook_unit(parts->on_promote) : NULL;
	if (unit != NULL && term != 0)
		fits = recipe_set(recipe->cancel, sizeof(recipe->cancel),
				  unit) &&
		       fits;
	if (!fits)
		return err_set(err, -ENAMETOOLONG, "a hook's name is too long");
	return recipe_write(parts->folder, recipe, err);
}

/* Without a recipe too: the file may be gone with its folder, and what it named
 * still be there.  A recipe that cannot be followed forbids to promote. */
int office_start(struct office *office, struct err *err)
{
	const char *folder = office->parts.folder;
	int r;

	r = recipe_read(folder, &office->recipe, err);
	if (r == -ENOENT &&
	    (office->parts.on_demote != NULL || office->parts.vip != NULL))
		r = write_recipe(office, 0, 0, "start", err);
	else if (r == -ENOENT)
		r = 0;
	if (r < 0)
		office->recipe = (struct recipe){ .strange = true };
	else
		r = release_run(folder, "start", err);
	office->held = r < 0;
	return r;
}

/* Whether promote work that was reported like this has ended for certain:
 * well, badly, at its deadline, or because it was ended.  With a lost
 * connection to systemd, and what cannot be killed, it has not. */
static bool has_ended(int error)
{
	return error == 0 || error == -EIO || error == -ETIME ||
	       error == -ECANCELED;
}

/* A unit whose start has ended is not to be stopped by the release: that is
 * the demote hook's business, and what may not be started may not be stopped
 * either. */
static void on_promoted(void *arg, const struct hook_outcome *outcome)
{
	struct office *office = arg;
	struct err err;
	int error = outcome->error, r = 0;
	const char *text = outcome->text;

	if (office->recipe.cancel[0] != '\0' && has_ended(error)) {
		office->recipe.cancel[0] = '\0';
		r = recipe_write(office->parts.folder, &office->recipe, &err);
	}
	if (error == 0 && r < 0) {
		error = r;
		text = err.text;
	}
	office->stage = STAGE_IDLE;
	call_back(&office->promote, error, text, outcome->took_us);
}

static void on_hook_ended(void *arg, const struct hook_outcome *outcome);

static void on_promote_hook(void *arg, const struct hook_outcome *outcome)
{
	struct office *office = arg;

	if (office->stage == STAGE_PROMOTING)
		on_promoted(arg, outcome);
	else
		on_hook_ended(arg, outcome);
}

static int start_promote(struct office *office, struct instant not_after,
			 struct err *err)
{
	const struct recipe *recipe = &office->recipe;
	const struct hook_call call = {
		.command = office->parts.on_promote,
		.node = office->parts.node,
		.reason = recipe->reason,
		.term = recipe->term,
		.epoch = recipe->epoch,
		.timeout_us = office->parts.promote_timeout_us,
		.not_after = not_after,
	};

	if (call.command != NULL)
		return hook_start(&office->hook, office->parts.loop,
				  office->parts.guard, &call, on_promote_hook,
				  office, err);
	if (instant_before(not_after, loop_clock()))
		return err_set(err, -ETIME, "too late to begin");
	ev_timer_start(loop_ev(office->parts.loop), &office->later);
	return 0;
}

int office_promote(struct office *office, uint64_t term, uint64_t epoch,
		   const char *reason, struct instant not_after, office_fn fn,
		   void *arg, struct err *err)
{
	int r;

	if (office->stage != STAGE_IDLE || office->held)
		return err_set(err, -EBUSY,
			       "what was promoted before is not released");
	r = write_recipe(office, term, epoch, reason, err);
	if (r < 0)
		return r;
	r = vip_take(office->parts.vip, not_after, err);
	if (r == 0) {
		r = start_promote(office, not_after, err);
		/* What cannot be dropped is released as any office is. */
		if (r < 0 && vip_drop(office->parts.vip, NULL) < 0)
			office->held = true;
	}
	if (r < 0) {
		if (!office->held)
			recipe_remove(office->parts.folder, NULL);
		return r;
	}
	office->held = true;
	office->stage = STAGE_PROMOTING;
	office->promote = (struct call){ fn, arg };
	return 0;
}

/* The release has failed, whatever else of it succeeds. */
static void fail(struct office *office, int error, const char *why)
{
	office->ended_badly = error;
	snprintf(office->why, sizeof(office->why), "%s", why);
}

static void released(struct office *office, int error, const char *text)
{
	struct err err;

	if (error == 0 && office->ended_badly != 0) {
		error = office->ended_badly;
		text = office->why;
	}
	if (error == 0 && office->recipe.strange) {
		error = -ENOTSUP;
		text = "the recipe cannot be followed: see basculed(8)";
	}
	if (error == 0) {
		error = recipe_remove(office->parts.folder, &err);
		if (error < 0)
			text = err.text;
	}
	office->held = error != 0;
	office->stage = STAGE_IDLE;
	call_back(&office->release, error, text,
		  instant_diff_us(office->began, loop_clock()));
}

static void on_demoted(void *arg, const struct hook_outcome *outcome)
{
	released(arg, outcome->error, outcome->text);
}

/* The recipe decides, not the settings: they may have changed since.  It runs
 * also when the promote work could not be ended: then it is the more needed. */
static void demote(struct office *office)
{
	const struct recipe *recipe = &office->recipe;
	int64_t left_us = instant_diff_us(loop_clock(), office->deadline);
	const struct hook_call call = {
		.command = recipe->demote,
		.node = recipe->node,
		.reason = office->reason,
		.term = recipe->term,
		.epoch = recipe->epoch,
		.timeout_us = left_us < recipe->timeout_us ? left_us
							   : recipe->timeout_us,
		.not_after = INSTANT_NEVER,
	};
	struct err err;
	int r;

	if (!office->held || recipe->demote[0] == '\0') {
		released(office, 0, "");
		return;
	}
	office->stage = STAGE_DEMOTING;
	r = hook_start(&office->hook, office->parts.loop, office->parts.guard,
		       &call, on_demoted, office, &err);
	if (r < 0)
		released(office, r, err.text);
}

/* The promote hook may have ended well just before it was ended. */
static void on_hook_ended(void *arg, const struct hook_outcome *outcome)
{
	struct office *office = arg;

	if (!has_ended(outcome->error))
		fail(office, outcome->error, outcome->text);
	call_back(&office->promote, -ECANCELED, outcome->text,
		  outcome->took_us);
	demote(office);
}

static void on_later(struct ev_loop *ev, ev_timer *w, int events)
{
	const struct hook_outcome nothing = { .text = "" };
	struct office *office = w->data;

	(void)ev;
	(void)events;
	if (office->stage == STAGE_PROMOTING)
		on_promoted(office, &nothing);
	else
		demote(office);
}

int office_release(struct office *office, const char *reason,
		   struct instant deadline, office_fn fn, void *arg)
{
	struct err err;
	int r;

	if (office->stage != STAGE_IDLE && office->stage != STAGE_PROMOTING)
		return -EALREADY;
	recipe_set(office->reason, sizeof(office->reason), reason);
	office->began = loop_clock();
	office->deadline = deadline;
	office->release = (struct call){ fn, arg };
	office->ended_badly = 0;
	if (vip_drop(office->parts.vip, &err) < 0)
		fail(office, -EIO, err.text);
	if (office->stage == STAGE_PROMOTING && office->hook != NULL) {
		office->stage = STAGE_ENDING;
		hook_cancel(office->hook, deadline);
		return 0;
	}
	if (office->stage == STAGE_PROMOTING)
		call_back(&office->promote, -ECANCELED, "", 0);
	if (office->held && office->recipe.cancel[0] != '\0') {
		r = hook_stop_unit(&office->hook, office->parts.loop,
				   office->recipe.cancel, deadline,
				   on_hook_ended, office);
		office->stage = r < 0 ? STAGE_IDLE : STAGE_ENDING;
		return r;
	}
	office->stage = STAGE_CLOSING;
	ev_timer_start(loop_ev(office->parts.loop), &office->later);
	return 0;
}
