#include "controller/daemon/alone.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/daemon/hard_file.h"

#define NAME "document"

struct alone {
	struct alone_parts parts;
	struct hard_file *file;   /* owned */
	struct document document; /* on disk */
	struct document next;     /* being written, or wanted after that */
	bool writing, more;
	bool failed;
	uint64_t last_id;
	/* What each group was ordered to route last, and whether it is so. */
	struct alone_route {
		uint64_t id;
		char instance[DOCUMENT_NAME_MAX + 1];
		bool waiting, withdrawing;
	} routes[DOCUMENT_GROUPS_MAX];
};

static void write_next(struct alone *alone)
{
	uint8_t bytes[DOCUMENT_BYTES_MAX];
	size_t size;

	if (alone->writing) {
		alone->more = true;
		return;
	}
	alone->more = false;
	alone->writing = true;
	alone->next.position.term = 1;
	alone->next.position.version = alone->document.position.version + 1;
	size = document_encode(&alone->next, bytes, sizeof(bytes));
	hard_file_write(alone->file, ++alone->last_id, bytes, size);
}

static void order(struct alone *alone, unsigned i)
{
	const struct document_group *grp = &alone->document.groups[i];
	const char *instance = grp->phase == PHASE_STEADY ? grp->primary : "";
	struct alone_route *route = &alone->routes[i];
	struct route_order order = { .group = grp->name };

	if (route->id != 0 && strcmp(route->instance, instance) == 0)
		return;
	snprintf(route->instance, sizeof(route->instance), "%s", instance);
	route->id = ++alone->last_id;
	route->waiting = true;
	route->withdrawing = grp->phase == PHASE_FENCING;
	order.id = route->id;
	order.instance = route->instance;
	alone->parts.route(alone->parts.arg, &order);
}

static void follow(void *arg)
{
	struct alone *alone = arg;
	unsigned i;

	alone->parts.document(alone->parts.arg, &alone->document);
	for (i = 0; i < alone->document.group_count; i++)
		order(alone, i);
}

static void on_stored(void *arg, uint64_t id, const char *error)
{
	struct alone *alone = arg;

	(void)id;
	alone->writing = false;
	if (alone->failed != (error != NULL)) {
		alone->failed = error != NULL;
		alone->parts.trouble(alone->parts.arg,
				     error != NULL ? error : "");
	}
	if (error == NULL) {
		document_copy(&alone->document, &alone->next);
		follow(alone);
	}
	if (alone->more)
		write_next(alone);
}

int alone_new(struct alone **ret_alone, const char *folder,
	      const struct alone_parts *parts, struct err *err)
{
	struct alone *alone = calloc(1, sizeof(*alone));
	uint8_t bytes[DOCUMENT_BYTES_MAX + 1];
	char path[PATH_MAX];
	size_t size;
	int r;

	if (alone == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	alone->parts = *parts;
	snprintf(path, sizeof(path), "%s/" NAME, folder);
	r = hard_file_read(path, bytes, sizeof(bytes), &size, err);
	if (r == 0)
		r = document_decode(bytes, size, &alone->document, err);
	if (r < 0 && r != -ENOENT) {
		err_wrap(err, "%s: move it away to begin anew", path);
		free(alone);
		return r;
	}
	document_copy(&alone->next, &alone->document);
	r = hard_file_open(&alone->file, parts->loop, path, on_stored, alone,
			   err);
	if (r < 0) {
		free(alone);
		return r;
	}
	/* What was decided before is told once all others are there. */
	loop_after(parts->loop, follow, alone);
	*ret_alone = alone;
	return 0;
}

void alone_free(struct alone *alone)
{
	if (alone == NULL)
		return;
	loop_after_cancel(alone->parts.loop, follow, alone);
	hard_file_close(alone->file, SECOND);
	free(alone);
}

void alone_decide(struct alone *alone, const struct document_group *want)
{
	struct document *doc = &alone->next;
	unsigned i;

	for (i = 0; i < doc->group_count; i++)
		if (strcmp(doc->groups[i].name, want->name) == 0)
			break;
	if (i == DOCUMENT_GROUPS_MAX)
		return;
	if (i == doc->group_count)
		doc->group_count++;
	doc->groups[i] = *want;
	write_next(alone);
}

void alone_routed(struct alone *alone, uint64_t id, bool done)
{
	unsigned i;

	for (i = 0; i < alone->document.group_count; i++) {
		struct alone_route *route = &alone->routes[i];

		if (!route->waiting || route->id != id || !done)
			continue;
		route->waiting = false;
		if (route->withdrawing)
			alone->parts.withdrawn(alone->parts.arg,
					       alone->document.groups[i].name);
		route->withdrawing = false;
		return;
	}
}
