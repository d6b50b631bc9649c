#include "controller/io/resolver.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "controller/io/thread.h"

#define RETRY_FIRST_S 1.
#define RETRY_MAX_S   60.
#define HURRY_S       2. /* names are not asked more often than that */

/* One lookup, on its way to the thread and back. */
struct lookup {
	struct lookup *next;
	struct resolver_name *name; /* for the loop's thread only */
	int error;                  /* of getaddrinfo() */
	unsigned count;
	struct address list[RESOLVER_ADDRESSES_MAX];
	char host[];
};

/* What the two threads share; freed by the last one. */
struct desk {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct lookup *asked, **asked_end;
	struct lookup *answered;
	struct ev_loop *ev; /* borrowed; NULL once the resolver is gone */
	ev_async *async;    /* borrowed, as ev */
	unsigned users;
};

struct resolver_name {
	struct resolver_name *next;
	struct resolver *resolver; /* borrowed */
	unsigned watchers;
	bool asking, pending;
	const char *why; /* a constant of the C library */
	double retry_s;
	ev_tstamp asked_at;
	ev_timer timer;
	struct resolver_waiter *waiters;
	unsigned count;
	struct address list[RESOLVER_ADDRESSES_MAX];
	char host[];
};

struct resolver {
	struct loop *loop; /* borrowed */
	ev_async async;
	struct desk *desk; /* NULL until the thread runs */
	struct resolver_name *names;
};

static void lookups_free(struct lookup *list)
{
	struct lookup *next;

	for (; list != NULL; list = next) {
		next = list->next;
		free(list);
	}
}

/* Called with the lock held, which it releases. */
static void desk_leave(struct desk *desk)
{
	bool last = --desk->users == 0;

	pthread_mutex_unlock(&desk->lock);
	if (!last)
		return;
	lookups_free(desk->asked);
	lookups_free(desk->answered);
	pthread_mutex_destroy(&desk->lock);
	pthread_cond_destroy(&desk->wake);
	free(desk);
}

static void lookup_run(struct lookup *lookup)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *list, *at;

	lookup->error = getaddrinfo(lookup->host, NULL, &hints, &list);
	if (lookup->error != 0)
		return;
	for (at = list; at != NULL; at = at->ai_next) {
		if (lookup->count == RESOLVER_ADDRESSES_MAX ||
		    at->ai_addrlen > sizeof(lookup->list[0]))
			continue;
		memcpy(&lookup->list[lookup->count++].any, at->ai_addr,
		       at->ai_addrlen);
	}
	freeaddrinfo(list);
	if (lookup->count == 0)
		lookup->error = EAI_NODATA;
}

static struct lookup *desk_take(struct desk *desk)
{
	struct lookup *lookup = desk->asked;

	desk->asked = lookup->next;
	if (desk->asked == NULL)
		desk->asked_end = &desk->asked;
	return lookup;
}

static void *resolver_thread(void *arg)
{
	struct desk *desk = arg;
	struct lookup *lookup;

	pthread_mutex_lock(&desk->lock);
	while (desk->ev != NULL) {
		if (desk->asked == NULL) {
			pthread_cond_wait(&desk->wake, &desk->lock);
			continue;
		}
		lookup = desk_take(desk);
		pthread_mutex_unlock(&desk->lock);
		lookup_run(lookup);
		pthread_mutex_lock(&desk->lock);
		lookup->next = desk->answered;
		desk->answered = lookup;
		if (desk->ev != NULL)
			ev_async_send(desk->ev, desk->async);
	}
	desk_leave(desk);
	return NULL;
}

static int resolver_start(struct resolver *resolver)
{
	struct desk *desk = calloc(1, sizeof(*desk));
	int r;

	if (desk == NULL)
		return -ENOMEM;
	pthread_mutex_init(&desk->lock, NULL);
	pthread_cond_init(&desk->wake, NULL);
	desk->asked_end = &desk->asked;
	desk->ev = loop_ev(resolver->loop);
	desk->async = &resolver->async;
	desk->users = 2;
	r = thread_start(resolver_thread, desk);
	if (r < 0) {
		pthread_mutex_destroy(&desk->lock);
		pthread_cond_destroy(&desk->wake);
		free(desk);
		return r;
	}
	resolver->desk = desk;
	return 0;
}

static void name_free(struct resolver_name *name)
{
	struct resolver *resolver = name->resolver;
	struct resolver_name **at = &resolver->names;

	while (*at != name)
		at = &(*at)->next;
	*at = name->next;
	ev_timer_stop(loop_ev(resolver->loop), &name->timer);
	free(name);
}

static void name_ask_in(struct resolver_name *name, double span_s)
{
	struct ev_loop *ev = loop_ev(name->resolver->loop);

	ev_timer_stop(ev, &name->timer);
	ev_timer_set(&name->timer, span_s, 0.);
	ev_timer_start(ev, &name->timer);
}

static void name_failed(struct resolver_name *name, const char *why)
{
	name->why = why;
	name_ask_in(name, name->retry_s);
	name->retry_s *= 2.;
	if (name->retry_s > RETRY_MAX_S)
		name->retry_s = RETRY_MAX_S;
}

static void name_ask(struct resolver_name *name)
{
	size_t size = strlen(name->host) + 1;
	struct desk *desk = name->resolver->desk;
	struct lookup *lookup;

	lookup = calloc(1, sizeof(*lookup) + size);
	if (lookup == NULL) {
		name_failed(name, "out of memory");
		return;
	}
	memcpy(lookup->host, name->host, size);
	lookup->name = name;
	name->asking = true;
	name->asked_at = ev_now(loop_ev(name->resolver->loop));
	pthread_mutex_lock(&desk->lock);
	*desk->asked_end = lookup;
	desk->asked_end = &lookup->next;
	pthread_cond_signal(&desk->wake);
	pthread_mutex_unlock(&desk->lock);
}

static void on_timer(struct ev_loop *ev, ev_timer *w, int events)
{
	struct resolver_name *name = w->data;

	(void)ev;
	(void)events;
	if (!name->asking)
		name_ask(name);
}

/* A waiter may leave, or wait again, while it is told. */
static void name_tell(struct resolver_name *name)
{
	struct resolver_waiter *list = name->waiters, *waiter;

	name->waiters = NULL;
	if (list != NULL)
		list->link = &list;
	while (list != NULL) {
		waiter = list;
		resolver_leave(waiter);
		waiter->fn(waiter->arg);
	}
}

static void name_answered(struct lookup *lookup)
{
	struct resolver_name *name = lookup->name;

	name->asking = false;
	if (name->watchers == 0) {
		name_free(name);
		return;
	}
	name->pending = false;
	if (lookup->error != 0) {
		name_failed(name, gai_strerror(lookup->error));
	} else {
		name->why = "";
		name->retry_s = RETRY_FIRST_S;
		name->count = lookup->count;
		memcpy(name->list, lookup->list, sizeof(name->list));
		name_ask_in(name, RESOLVER_FRESH_S);
	}
	name_tell(name);
}

static void on_answers(struct ev_loop *ev, ev_async *w, int events)
{
	struct resolver *resolver = w->data;
	struct lookup *list, *next;

	(void)ev;
	(void)events;
	pthread_mutex_lock(&resolver->desk->lock);
	list = resolver->desk->answered;
	resolver->desk->answered = NULL;
	pthread_mutex_unlock(&resolver->desk->lock);
	for (; list != NULL; list = next) {
		next = list->next;
		name_answered(list);
		free(list);
	}
}

int resolver_new(struct resolver **ret_resolver, struct loop *loop,
		 struct err *err)
{
	struct resolver *resolver = calloc(1, sizeof(*resolver));

	if (resolver == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	resolver->loop = loop;
	ev_async_init(&resolver->async, on_answers);
	resolver->async.data = resolver;
	ev_async_start(loop_ev(loop), &resolver->async);
	*ret_resolver = resolver;
	return 0;
}

void resolver_free(struct resolver *resolver)
{
	struct desk *desk;

	if (resolver == NULL)
		return;
	desk = resolver->desk;
	if (desk != NULL) {
		pthread_mutex_lock(&desk->lock);
		desk->ev = NULL;
		pthread_cond_signal(&desk->wake);
		desk_leave(desk);
	}
	ev_async_stop(loop_ev(resolver->loop), &resolver->async);
	while (resolver->names != NULL)
		name_free(resolver->names);
	free(resolver);
}

static struct resolver_name *name_find(struct resolver *resolver,
				       const char *host)
{
	struct resolver_name *name;

	for (name = resolver->names; name != NULL; name = name->next)
		if (strcmp(name->host, host) == 0)
			return name;
	return NULL;
}

int resolver_watch(struct resolver *resolver, const char *host,
		   struct resolver_name **ret_name, struct err *err)
{
	struct resolver_name *name = name_find(resolver, host);
	size_t size = strlen(host) + 1;
	int r;

	if (name != NULL) {
		name->watchers++;
		*ret_name = name;
		return 0;
	}
	if (resolver->desk == NULL) {
		r = resolver_start(resolver);
		if (r < 0)
			return err_set(err, r, "no thread for names: %s",
				       strerror(-r));
	}
	name = calloc(1, sizeof(*name) + size);
	if (name == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	memcpy(name->host, host, size);
	name->resolver = resolver;
	name->watchers = 1;
	name->pending = true;
	name->why = "";
	name->retry_s = RETRY_FIRST_S;
	ev_init(&name->timer, on_timer);
	name->timer.data = name;
	name->next = resolver->names;
	resolver->names = name;
	name_ask(name);
	*ret_name = name;
	return 0;
}

/* A name that is with the thread is freed when it comes back. */
void resolver_unwatch(struct resolver_name *name)
{
	if (name == NULL || --name->watchers > 0)
		return;
	if (!name->asking)
		name_free(name);
	else
		ev_timer_stop(loop_ev(name->resolver->loop), &name->timer);
}

unsigned resolver_addresses(const struct resolver_name *name,
			    const struct address **ret_list)
{
	*ret_list = name->list;
	return name->count;
}

bool resolver_pending(const struct resolver_name *name)
{
	return name->pending;
}

const char *resolver_why(const struct resolver_name *name)
{
	return name->why;
}

void resolver_hurry(struct resolver_name *name)
{
	ev_tstamp age = ev_now(loop_ev(name->resolver->loop)) - name->asked_at;

	if (name->asking || name->why[0] != '\0')
		return;
	name_ask_in(name, age < HURRY_S ? HURRY_S - age : 0.);
}

void resolver_wait(struct resolver_name *name, struct resolver_waiter *waiter)
{
	waiter->next = name->waiters;
	waiter->link = &name->waiters;
	if (waiter->next != NULL)
		waiter->next->link = &waiter->next;
	name->waiters = waiter;
}

void resolver_leave(struct resolver_waiter *waiter)
{
	if (waiter->link == NULL)
		return;
	*waiter->link = waiter->next;
	if (waiter->next != NULL)
		waiter->next->link = waiter->link;
	waiter->link = NULL;
}
