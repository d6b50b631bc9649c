/* A controller to feed by hand: settings, one ctl, and all that came out.
 *
 * Service api has api1, api2, api3 behind be_api, service shop has web1 and
 * web2 behind be_shop; checks each second, 100 ms while they count.
 */
#ifndef BASCULE_TESTS_CORE_WORLD_H
#define BASCULE_TESTS_CORE_WORLD_H

#include "controller/core/ctl.h"

#define CORE_WALL ((int64_t)1785000000 * SECOND)
#define CORE_LOG  4096

enum { API1, API2, API3, WEB1, WEB2, CORE_TARGETS };
enum { API, SHOP, CORE_SERVICES };

struct core_world {
	struct settings set;
	struct service_settings services[CORE_SERVICES];
	struct target_settings targets[CORE_TARGETS];
	struct haproxy_settings haproxies[SETTINGS_HAPROXIES_MAX];
	struct ctl *ctl;
	struct instant now;
	struct actions out;          /* of the last step */
	struct action log[CORE_LOG]; /* of all steps since core_forget() */
	unsigned count;
	uint64_t checks[CORE_TARGETS]; /* the last question to each */
};

/* Settings only: the test may change them before core_start(). */
void core_init(struct core_world *w);
void core_start(struct core_world *w, const struct stored *stored);
void core_done(struct core_world *w);

/* The same until all targets are up, and all servers ready at every HAProxy. */
void core_begin(struct core_world *w, const struct stored *stored);

/* Over to other settings, with all targets. */
void core_reload(struct core_world *w, const struct settings *next);

/* Forget what came out. */
void core_forget(struct core_world *w);

/* Give @ev to the controller, and DEADLINEs as long as it asks for them. */
void core_feed(struct core_world *w, struct event *ev);

/* Let time pass, with DEADLINE events where they are asked for. */
void core_wait(struct core_world *w, int64_t span_us);

/* Answer the question under way, asking for it first. */
void core_answer(struct core_world *w, unsigned target, enum result_code code);
void core_answers(struct core_world *w, unsigned target, unsigned times,
		  enum result_code code);

void core_link(struct core_world *w, unsigned haproxy, bool up);
/* The link was lost for a moment; it is the same process. */
void core_link_again(struct core_world *w, unsigned haproxy);
void core_see(struct core_world *w, unsigned haproxy, unsigned target,
	      enum server_state state, unsigned weight);
void core_see_all(struct core_world *w, unsigned haproxy,
		  enum server_state state);
void core_acted(struct core_world *w, uint64_t id, const char *failed);
void core_admin(struct core_world *w, const struct maintenance *m,
		uint64_t token);

/* The last action of that kind since core_forget(), or NULL; with @index
 * other than NOTE_NONE only one about that target (for a store: claims). */
const struct action *core_order(struct core_world *w, unsigned target);
const struct action *core_store(struct core_world *w, enum store_kind kind);
const struct action *core_note(struct core_world *w, enum note_kind kind);
const struct action *core_reply(struct core_world *w);

/* All orders and stores so far are carried out; what follows too. */
void core_carry_out(struct core_world *w);
/* The same, and it is forgotten. */
void core_settle(struct core_world *w);

#endif
