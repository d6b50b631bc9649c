#include "tests/unit/view_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/daemon/api.h"

void view_init(struct view_world *w)
{
	memset(w, 0, sizeof(*w));
	core_init(&w->core);
	w->core.set.history_us = 90 * DAY;
	w->core.haproxies[0].socket = "/run/haproxy/admin.sock";
	core_start(&w->core, NULL);
	cluster_facts_init(&w->view.cluster);
	w->view.set = &w->core.set;
	w->view.ctl = w->core.ctl;
	w->view.window = window_new(&w->core.set, CORE_WALL - 1 * HOUR);
	w->view.metrics = metrics_new(&w->core.set);
	assert_non_null(w->view.window);
	assert_non_null(w->view.metrics);
	w->view.started = instant_add(w->core.now, -1 * HOUR);
	w->view.started_wall_us = CORE_WALL + w->view.started.us;
	view_now(w);
}

void view_done(struct view_world *w)
{
	window_free(w->view.window);
	metrics_free(w->view.metrics);
	core_done(&w->core);
}

void view_now(struct view_world *w)
{
	w->view.now = w->core.now;
	w->view.wall_us = w->view.started_wall_us +
			  instant_diff_us(w->view.started, w->core.now);
}

char *view_document(buffer_piece_fn piece, void *state, unsigned *ret_pieces)
{
	struct buffer to = { 0 };

	*ret_pieces = 1;
	while (piece(state, &to))
		(*ret_pieces)++;
	assert_false(to.failed);
	return to.buf;
}

json_t *view_status(struct view_world *w)
{
	struct api_status status = { .view = &w->view, .started = true };
	json_error_t error;
	unsigned pieces;
	json_t *doc;
	char *text;

	view_now(w);
	text = view_document(api_status_piece, &status, &pieces);
	doc = json_loads(text, 0, &error);
	if (doc == NULL)
		fail_msg("%s: %s", error.text, text);
	free(text);
	return doc;
}

json_t *view_get(json_t *doc, const char *path)
{
	const char *rest = path;
	char name[64];
	size_t n;

	while (*rest != '\0' && doc != NULL) {
		n = strcspn(rest, ".");
		snprintf(name, sizeof(name), "%.*s", (int)n, rest);
		doc = json_is_array(doc)
			      ? json_array_get(doc, strtoul(name, NULL, 10))
			      : json_object_get(doc, name);
		rest += n + (rest[n] == '.');
	}
	if (doc == NULL)
		fail_msg("no %s", path);
	return doc;
}

const char *view_text(json_t *doc, const char *path)
{
	json_t *value = view_get(doc, path);

	if (!json_is_string(value))
		fail_msg("%s is no string", path);
	return json_string_value(value);
}
