/* A daemon to look at: the core's world behind a view. */
#ifndef BASCULE_TESTS_VIEW_WORLD_H
#define BASCULE_TESTS_VIEW_WORLD_H

#include <jansson.h>

#include "controller/daemon/buffer.h"
#include "controller/daemon/metrics.h"
#include "controller/daemon/view.h"
#include "controller/daemon/window.h"
#include "tests/unit/core_world.h"

struct view_world {
	struct core_world core;
	struct daemon_view view;
};

/* Started an hour ago, nothing was answered yet. */
void view_init(struct view_world *w);
void view_done(struct view_world *w);

/* Bring the view up to the core's present. */
void view_now(struct view_world *w);

/* A whole document; the caller's to release. */
char *view_document(buffer_piece_fn piece, void *state, unsigned *ret_pieces);
json_t *view_status(struct view_world *w);

/* "services.0.targets.1.state": a value inside; fails the test when there is
 * none. */
json_t *view_get(json_t *doc, const char *path);
const char *view_text(json_t *doc, const char *path);

#endif
