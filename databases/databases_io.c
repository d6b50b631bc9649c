#include "databases/databases_io.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "databases/order_io.h"

#define WHY_MAX 160

static const struct database_kind *const kinds[CHECK_TYPES] = {
	[CHECK_MYSQL] = &mysql_database,
	[CHECK_POSTGRESQL] = &postgresql_database,
	[CHECK_REDIS] = &redis_database,
};

/* Where the orders for one target are carried out. */
struct desk {
	struct databases *dbs; /* borrowed */
	unsigned target;       /* index */
	struct dial_to to;
	struct resolver_waiter waiter;
	ev_timer timer;
	struct order *now; /* owned; NULL: nothing is under way */
	bool over;         /* it is done, and waits to be told so */
	bool parted;       /* ... in vain, as order_parted() says */
	char why[WHY_MAX]; /* "" when it succeeded */
	/* What comes after it. */
	bool waiting;
	uint64_t next_id;
	struct database_order next;
	struct instant next_by;
};

/* What is over without having been begun. */
struct answer {
	struct answer *next;
	uint64_t id;
	char why[WHY_MAX];
};

struct databases {
	struct loop *loop;          /* borrowed */
	struct resolver *resolver;  /* borrowed */
	const struct settings *set; /* borrowed */
	databases_done_fn done;
	void *arg;
	struct desk **desks;       /* owned; one a target, NULL: no group's */
	struct answer *unanswered; /* owned */
	bool due;                  /* deliver() is */
};

struct databases_change {
	struct databases *dbs; /* borrowed */
	const struct settings *set;
	const unsigned *old_index; /* borrowed until it is applied */
	struct desk **desks;       /* owned; NULL where the old one is kept */
};

static void deliver(void *arg);

static void deliver_soon(struct databases *dbs)
{
	if (!dbs->due)
		loop_after(dbs->loop, deliver, dbs);
	dbs->due = true;
}

static const struct service_settings *service_of(const struct settings *set,
						 unsigned target)
{
	return &set->services[set->targets[target].service];
}

static const struct database_kind *kind_of(const struct settings *set,
					   unsigned target)
{
	return kinds[service_of(set, target)->check.type];
}

/* --- one order --------------------------------------------------------------
 */

int64_t order_left_us(const struct order *order)
{
	int64_t left_us = instant_diff_us(loop_clock(), order->by);

	return left_us > MS ? left_us : MS;
}

bool order_address(const struct order *order, struct address *ret_address)
{
	const struct address *list;

	if (order->to->name == NULL) {
		*ret_address = order->to->address;
		return true;
	}
	if (resolver_addresses(order->to->name, &list) == 0)
		return false;
	*ret_address = list[0];
	address_set_port(ret_address, order->to->port);
	return true;
}

void order_done(struct order *order, const char *failed_why)
{
	struct desk *desk = order->desk;

	assert(!desk->over);
	desk->over = true;
	snprintf(desk->why, sizeof(desk->why), "%s",
		 failed_why != NULL ? failed_why : "");
	if (failed_why != NULL && failed_why[0] == '\0')
		snprintf(desk->why, sizeof(desk->why), "failed");
	ev_timer_stop(loop_ev(order->loop), &desk->timer);
	deliver_soon(desk->dbs);
}

void order_parted(struct order *order, const char *why)
{
	struct desk *desk = order->desk;

	desk->parted = true;
	order_done(order, why);
}

void order_failed(struct order *order, const char *fmt, ...)
{
	char why[WHY_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	order_done(order, why);
}

static void order_begin(struct desk *desk)
{
	if (dial_to_count(&desk->to) == 0) {
		const char *why = resolver_why(desk->to.name);

		order_failed(desk->now, "%s has no address: %s",
			     desk->now->target->host,
			     why[0] != '\0' ? why : "not yet known");
		return;
	}
	desk->now->kind->start(desk->now);
}

static void on_resolved(void *arg)
{
	order_begin(arg);
}

static void on_timer(struct ev_loop *ev, ev_timer *w, int events)
{
	struct desk *desk = w->data;

	(void)ev;
	(void)events;
	resolver_leave(&desk->waiter);
	if (!desk->over)
		order_failed(desk->now, "no answer within %lld ms",
			     (long long)(desk->now->what.timeout_us / MS));
}

/* What the settings say of an order. */
static void order_bind(struct order *order, const struct settings *set)
{
	const struct service_settings *svc =
		service_of(set, order->what.target);

	order->target = &set->targets[order->what.target];
	order->check = &svc->check;
	order->failover = svc->failover;
	order->source = order->what.kind == DATABASE_FOLLOW
				? &set->targets[order->what.source]
				: NULL;
}

/* Fail what cannot even be begun; told like all else. */
static void refuse(struct databases *dbs, uint64_t id, const char *why)
{
	struct answer *answer = calloc(1, sizeof(*answer)), **at;

	/* Without memory the group asks again. */
	if (answer == NULL)
		return;
	answer->id = id;
	snprintf(answer->why, sizeof(answer->why), "%s", why);
	for (at = &dbs->unanswered; *at != NULL; at = &(*at)->next)
		;
	*at = answer;
	deliver_soon(dbs);
}

static void order_start(struct desk *desk, uint64_t id,
			const struct database_order *what, struct instant by)
{
	const struct database_kind *kind =
		kind_of(desk->dbs->set, desk->target);
	struct order *order = calloc(1, kind->order_size);
	struct ev_loop *ev = loop_ev(desk->dbs->loop);

	if (order == NULL) {
		refuse(desk->dbs, id, "out of memory");
		return;
	}
	order->kind = kind;
	order->loop = desk->dbs->loop;
	order->to = &desk->to;
	/* A source that goes with a reload takes the order with it. */
	if (what->kind == DATABASE_FOLLOW &&
	    desk->dbs->desks[what->source] != NULL)
		order->from = &desk->dbs->desks[what->source]->to;
	order->what = *what;
	order->id = id;
	order->by = by;
	order->desk = desk;
	order_bind(order, desk->dbs->set);
	desk->now = order;
	desk->over = desk->parted = false;
	/* Relative to the wake-up: what it took until here is added. */
	ev_timer_set(&desk->timer,
		     (double)(order_left_us(order) +
			      instant_diff_us(loop_now(desk->dbs->loop),
					      loop_clock())) /
			     1e6,
		     0.);
	ev_timer_start(ev, &desk->timer);
	if (desk->to.name != NULL && resolver_pending(desk->to.name))
		resolver_wait(desk->to.name, &desk->waiter);
	else
		order_begin(desk);
}

/* Let go of what is under way. */
static void desk_clear(struct desk *desk)
{
	ev_timer_stop(loop_ev(desk->dbs->loop), &desk->timer);
	resolver_leave(&desk->waiter);
	if (desk->now != NULL) {
		desk->now->kind->stop(desk->now);
		free(desk->now);
	}
	desk->now = NULL;
	desk->over = false;
}

/* One desk whose order is over: make room, then tell. */
static void desk_settle(struct databases *dbs, struct desk *desk)
{
	uint64_t id = desk->now->id;
	bool parted = desk->parted;
	char why[WHY_MAX];

	memcpy(why, desk->why, sizeof(why));
	desk_clear(desk);
	if (desk->waiting) {
		desk->waiting = false;
		order_start(desk, desk->next_id, &desk->next, desk->next_by);
	}
	dbs->done(dbs->arg, id, why[0] != '\0' ? why : NULL, parted);
}

static void deliver_unbegun(struct databases *dbs)
{
	struct answer *answer;

	while ((answer = dbs->unanswered) != NULL) {
		dbs->unanswered = answer->next;
		dbs->done(dbs->arg, answer->id, answer->why, false);
		free(answer);
	}
}

/* What is told may bring new orders, but frees nothing. */
static void deliver(void *arg)
{
	struct databases *dbs = arg;
	unsigned i;

	dbs->due = false;
	deliver_unbegun(dbs);
	for (i = 0; i < dbs->set->target_count; i++)
		if (dbs->desks[i] != NULL && dbs->desks[i]->over)
			desk_settle(dbs, dbs->desks[i]);
}

void databases_order(struct databases *dbs, uint64_t id,
		     const struct database_order *order)
{
	struct instant by = instant_add(loop_now(dbs->loop), order->timeout_us);
	struct desk *desk;

	assert(order->target < dbs->set->target_count);
	desk = dbs->desks[order->target];
	if (desk == NULL) {
		refuse(dbs, id, "orders to such a database are not built in");
		return;
	}
	if (desk->now == NULL) {
		order_start(desk, id, order, by);
		return;
	}
	if (desk->waiting)
		refuse(dbs, desk->next_id, "another order came after it");
	desk->waiting = true;
	desk->next_id = id;
	desk->next = *order;
	desk->next_by = by;
}

/* --- all of them ------------------------------------------------------------
 */

static void desk_free(struct desk *desk)
{
	if (desk == NULL)
		return;
	desk_clear(desk);
	dial_to_done(&desk->to);
	free(desk);
}

static int desk_new(struct databases *dbs, const struct settings *set,
		    unsigned target, struct desk **ret_desk, struct err *err)
{
	const struct target_settings *t = &set->targets[target];
	uint16_t port = service_of(set, target)->check.port;
	struct desk *desk = calloc(1, sizeof(*desk));
	int r;

	if (desk == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	r = dial_to_init(&desk->to, dbs->resolver, t->host,
			 port != 0 ? port : t->port, err);
	if (r < 0) {
		free(desk);
		return r;
	}
	desk->dbs = dbs;
	desk->target = target;
	desk->waiter.fn = on_resolved;
	desk->waiter.arg = desk;
	ev_init(&desk->timer, on_timer);
	desk->timer.data = desk;
	*ret_desk = desk;
	return 0;
}

static void desks_free(struct desk **desks, unsigned count)
{
	unsigned i;

	for (i = 0; desks != NULL && i < count; i++)
		desk_free(desks[i]);
	free(desks);
}

/* Make the desks that @set needs, but for those that @old_index keeps. */
static int desks_new(struct databases *dbs, const struct settings *set,
		     const unsigned *old_index, struct desk ***ret_desks,
		     struct err *err)
{
	struct desk **desks = calloc(set->target_count + 1, sizeof(*desks));
	unsigned i, old;
	int r = 0;

	if (desks == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	for (i = 0; i < set->target_count && r == 0; i++) {
		old = old_index != NULL ? old_index[i] : UINT_MAX;
		if (service_of(set, i)->failover != NULL &&
		    kind_of(set, i) != NULL &&
		    (old == UINT_MAX || dbs->desks[old] == NULL))
			r = desk_new(dbs, set, i, &desks[i], err);
	}
	if (r < 0)
		desks_free(desks, set->target_count);
	else
		*ret_desks = desks;
	return r;
}

int databases_new(struct databases **ret_dbs, struct loop *loop,
		  struct resolver *resolver, const struct settings *set,
		  databases_done_fn done, void *arg, struct err *err)
{
	struct databases *dbs = calloc(1, sizeof(*dbs));
	int r;

	if (dbs == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	dbs->loop = loop;
	dbs->resolver = resolver;
	dbs->set = set;
	dbs->done = done;
	dbs->arg = arg;
	r = desks_new(dbs, set, NULL, &dbs->desks, err);
	if (r < 0) {
		free(dbs);
		return r;
	}
	*ret_dbs = dbs;
	return 0;
}

void databases_free(struct databases *dbs)
{
	struct answer *answer;

	if (dbs == NULL)
		return;
	loop_after_cancel(dbs->loop, deliver, dbs);
	while ((answer = dbs->unanswered) != NULL) {
		dbs->unanswered = answer->next;
		free(answer);
	}
	desks_free(dbs->desks, dbs->set->target_count);
	free(dbs);
}

/* --- a reload ---------------------------------------------------------------
 */

int databases_prepare(struct databases *dbs, const struct settings *set,
		      const unsigned *old_index,
		      struct databases_change **ret_change, struct err *err)
{
	struct databases_change *change = calloc(1, sizeof(*change));
	int r;

	if (change == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	change->dbs = dbs;
	change->set = set;
	change->old_index = old_index;
	r = desks_new(dbs, set, old_index, &change->desks, err);
	if (r < 0) {
		free(change);
		return r;
	}
	*ret_change = change;
	return 0;
}

void databases_drop(struct databases_change *change)
{
	if (change == NULL)
		return;
	desks_free(change->desks, change->set->target_count);
	free(change);
}

/* Where the old target @old is now, or UINT_MAX. */
static unsigned moved_to(const struct databases_change *change, unsigned old)
{
	unsigned i;

	for (i = 0; i < change->set->target_count; i++)
		if (change->old_index[i] == old)
			return i;
	return UINT_MAX;
}

/* An order speaks of targets by their indices; false: of one that is gone. */
static bool move_order(const struct databases_change *change,
		       struct database_order *what)
{
	what->target = moved_to(change, what->target);
	if (what->kind == DATABASE_FOLLOW)
		what->source = moved_to(change, what->source);
	return what->target != UINT_MAX &&
	       (what->kind != DATABASE_FOLLOW || what->source != UINT_MAX);
}

static void desk_fail(struct databases *dbs, struct desk *desk)
{
	static const char why[] = "the settings have changed";

	if (desk->now != NULL && !desk->over)
		refuse(dbs, desk->now->id, why);
	else if (desk->now != NULL)
		refuse(dbs, desk->now->id, desk->why);
	if (desk->waiting)
		refuse(dbs, desk->next_id, why);
	desk->waiting = false;
	desk_clear(desk);
}

/* Take the desk of a target that stays over to its new index. */
static void desk_keep(struct databases *dbs,
		      const struct databases_change *change, struct desk *desk,
		      unsigned target)
{
	bool fit = desk->now == NULL || move_order(change, &desk->now->what);

	desk->target = target;
	if (!fit || (desk->waiting && !move_order(change, &desk->next))) {
		desk_fail(dbs, desk);
		return;
	}
	if (desk->now != NULL)
		order_bind(desk->now, change->set);
}

void databases_apply(struct databases *dbs, struct databases_change *change)
{
	struct desk **old = dbs->desks;
	unsigned count = dbs->set->target_count, i, from;

	for (i = 0; i < change->set->target_count; i++) {
		from = change->old_index[i];
		if (change->desks[i] != NULL || from == UINT_MAX ||
		    service_of(change->set, i)->failover == NULL)
			continue;
		change->desks[i] = old[from];
		old[from] = NULL;
		if (change->desks[i] != NULL)
			desk_keep(dbs, change, change->desks[i], i);
	}
	for (i = 0; i < count; i++)
		if (old[i] != NULL)
			desk_fail(dbs, old[i]);
	desks_free(old, count);
	dbs->desks = change->desks;
	dbs->set = change->set;
	free(change);
}
