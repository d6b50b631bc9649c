#include "haproxy/runtime_io.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "haproxy/link_io.h"
#include "haproxy/places_io.h"

struct haproxies {
	struct runtime_link_owner owner;
	const struct settings *set;  /* borrowed */
	struct resolver *resolver;   /* owned */
	struct servers *servers;     /* owned */
	struct places *places;       /* owned */
	struct runtime_link **links; /* owned; as many as in the settings */
};

static bool on_find(void *arg, unsigned target,
		    char ret_address[DYNAMIC_ADDRESS_MAX])
{
	const struct haproxies *hs = arg;

	return places_find(hs->places, target, ret_address);
}

static void links_free(struct runtime_link **links, unsigned count)
{
	unsigned i;

	for (i = 0; links != NULL && i < count; i++)
		runtime_link_free(links[i]);
	free(links);
}

static bool links_make(struct haproxies *hs)
{
	unsigned i;

	hs->places = places_new(hs->resolver, hs->set);
	if (hs->places == NULL)
		return false;
	hs->servers = servers_new(hs->set);
	hs->links = calloc(hs->set->haproxy_count + 1,
			   sizeof(struct runtime_link *));
	if (hs->servers == NULL || hs->links == NULL)
		return false;
	for (i = 0; i < hs->set->haproxy_count; i++) {
		hs->links[i] = runtime_link_new(&hs->owner, hs->servers,
						&hs->set->haproxies[i], i);
		if (hs->links[i] == NULL)
			return false;
		runtime_link_wake(hs->links[i]);
	}
	return true;
}

int haproxies_new(struct haproxies **ret_haproxies, struct loop *loop,
		  const struct settings *set, haproxies_event_fn event,
		  haproxies_done_fn done, haproxies_hint_fn hint, void *arg,
		  struct err *err)
{
	struct haproxies *hs = calloc(1, sizeof(*hs));
	int r;

	if (hs == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	hs->set = set;
	r = resolver_new(&hs->resolver, loop, err);
	if (r < 0)
		goto fail;
	hs->owner = (struct runtime_link_owner){ .loop = loop,
						 .resolver = hs->resolver,
						 .seen = event,
						 .done = done,
						 .hint = hint,
						 .places = { on_find, hs },
						 .arg = arg };
	if (!links_make(hs)) {
		r = err_set(err, -ENOMEM, "out of memory");
		goto fail;
	}
	*ret_haproxies = hs;
	return 0;
fail:
	haproxies_free(hs);
	return r;
}

void haproxies_free(struct haproxies *hs)
{
	if (hs == NULL)
		return;
	links_free(hs->links, hs->set->haproxy_count);
	servers_free(hs->servers);
	places_free(hs->places);
	resolver_free(hs->resolver);
	free(hs);
}

void haproxies_order(struct haproxies *hs, uint64_t id,
		     const struct server_order *order)
{
	runtime_link_order(hs->links[order->haproxy], id, order);
}

int haproxies_remove(struct haproxies *hs, unsigned haproxy,
		     const struct removal *list, size_t count,
		     haproxies_removed_fn removed, void *arg)
{
	struct removals *removals = removals_new(list, count);

	if (removals == NULL)
		return -ENOMEM;
	runtime_link_remove(hs->links[haproxy], removals, removed, arg);
	return 0;
}

/* --- a reload ------------------------------------------------------------ */

static bool text_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Where the link to @where is, or NULL: the same HAProxy at the same place. */
static struct runtime_link **link_find(struct haproxies *hs,
				       const struct haproxy_settings *where)
{
	const struct haproxy_settings *have;
	unsigned i;

	for (i = 0; i < hs->set->haproxy_count; i++) {
		if (hs->links[i] == NULL)
			continue;
		have = runtime_link_where(hs->links[i]);
		if (text_same(have->name, where->name) &&
		    text_same(have->socket, where->socket) &&
		    text_same(have->host, where->host) &&
		    have->port == where->port)
			return &hs->links[i];
	}
	return NULL;
}

/* All that new settings need: for each HAProxy either a link or, where one is
 * there, room for its views. */
struct change {
	struct servers *servers;     /* owned */
	struct places *places;       /* owned */
	struct runtime_link **links; /* owned, as all in it */
	unsigned link_count;
	struct runtime_views **views; /* owned, as all in it */
	unsigned view_count;
};

static void change_free(struct change *change)
{
	unsigned i;

	for (i = 0; change->views != NULL && i < change->view_count; i++)
		runtime_views_free(change->views[i]);
	free(change->views);
	links_free(change->links, change->link_count);
	servers_free(change->servers);
	places_free(change->places);
}

static bool change_make(struct haproxies *hs, const struct settings *set,
			struct change *change)
{
	unsigned i;

	change->link_count = change->view_count = set->haproxy_count;
	change->servers = servers_new(set);
	change->places = places_new(hs->resolver, set);
	change->links =
		calloc(set->haproxy_count + 1, sizeof(struct runtime_link *));
	change->views =
		calloc(set->haproxy_count + 1, sizeof(struct runtime_views *));
	if (change->servers == NULL || change->links == NULL ||
	    change->views == NULL || change->places == NULL)
		return false;
	for (i = 0; i < set->haproxy_count; i++) {
		if (link_find(hs, &set->haproxies[i]) != NULL)
			change->views[i] = runtime_views_new(change->servers);
		else
			change->links[i] =
				runtime_link_new(&hs->owner, change->servers,
						 &set->haproxies[i], i);
		if (change->views[i] == NULL && change->links[i] == NULL)
			return false;
	}
	return true;
}

/* Afterwards @change holds what was used until now. */
static void change_apply(struct haproxies *hs, const struct settings *set,
			 struct change *change)
{
	struct servers *servers = hs->servers;
	struct places *places = hs->places;
	struct runtime_link **links = hs->links, **old;
	unsigned i;

	for (i = 0; i < set->haproxy_count; i++) {
		old = link_find(hs, &set->haproxies[i]);
		if (change->views[i] == NULL || old == NULL) {
			runtime_link_wake(change->links[i]);
			continue;
		}
		change->links[i] = *old;
		*old = NULL;
		runtime_link_move(change->links[i], change->views[i],
				  &set->haproxies[i], i);
	}
	hs->servers = change->servers;
	hs->places = change->places;
	hs->links = change->links;
	change->servers = servers;
	change->places = places;
	change->links = links;
	change->link_count = hs->set->haproxy_count;
	hs->set = set;
}

int haproxies_reload(struct haproxies *hs, const struct settings *set,
		     struct err *err)
{
	struct change change = { 0 };
	bool made = change_make(hs, set, &change);

	if (made)
		change_apply(hs, set, &change);
	change_free(&change);
	return made ? 0 : err_set(err, -ENOMEM, "out of memory");
}
