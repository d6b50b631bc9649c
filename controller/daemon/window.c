#include "controller/daemon/window.h"

#include <stdlib.h>
#include <string.h>

#include "controller/core/note.h"

#define WINDOW_MAX      10000
#define FIGURES_KEEP_US (1 * SECOND)

/* Sums of one service while they are added up. */
struct sums {
	int64_t detection_us, recovery_us, outage_us;
	unsigned detections, recoveries, onsets;
	int64_t first_onset_us, last_onset_us;
};

struct window {
	const struct settings *set; /* borrowed */
	int64_t began_wall_us;
	struct incident *list; /* owned: by number, oldest first */
	size_t count, room;
	struct window_figures *figures; /* owned: by service */
	struct sums *sums;              /* owned: by service */
	int64_t computed_us;            /* wall; 0: never */
};

static bool window_size(struct window *win, const struct settings *set)
{
	size_t n = set->service_count + 1;
	struct window_figures *figures = calloc(n, sizeof(*figures));
	struct sums *sums = calloc(n, sizeof(*sums));

	if (figures == NULL || sums == NULL) {
		free(figures);
		free(sums);
		return false;
	}
	free(win->figures);
	free(win->sums);
	win->figures = figures;
	win->sums = sums;
	win->set = set;
	win->computed_us = 0;
	return true;
}

struct window *window_new(const struct settings *set, int64_t began_wall_us)
{
	struct window *win = calloc(1, sizeof(*win));

	if (win == NULL)
		return NULL;
	win->began_wall_us = began_wall_us;
	if (!window_size(win, set)) {
		free(win);
		return NULL;
	}
	return win;
}

void window_free(struct window *win)
{
	if (win == NULL)
		return;
	free(win->list);
	free(win->figures);
	free(win->sums);
	free(win);
}

void window_began(struct window *win, int64_t wall_us)
{
	win->began_wall_us = wall_us;
	win->computed_us = 0;
}

/* Where @number is, or where it belongs. */
static size_t window_place(const struct window *win, uint32_t number)
{
	size_t i = win->count;

	while (i > 0 && win->list[i - 1].number >= number)
		i--;
	return i;
}

static bool window_room(struct window *win)
{
	size_t room = win->room != 0 ? 2 * win->room : 64;
	struct incident *list;

	if (win->count == WINDOW_MAX) {
		win->count--;
		memmove(win->list, win->list + 1,
			win->count * sizeof(*win->list));
	}
	if (win->count < win->room)
		return true;
	list = realloc(win->list, room * sizeof(*list));
	if (list == NULL)
		return false;
	win->list = list;
	win->room = room;
	return true;
}

static void window_insert(struct window *win, const struct incident *inc)
{
	size_t at;

	if (!window_room(win))
		return;
	at = window_place(win, inc->number);
	memmove(win->list + at + 1, win->list + at,
		(win->count - at) * sizeof(*win->list));
	win->list[at] = *inc;
	win->count++;
}

void window_restore(struct window *win, const struct incident *list,
		    size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		window_insert(win, &list[i]);
	win->computed_us = 0;
}

const struct incident *window_find(const struct window *win, uint32_t number)
{
	size_t at = window_place(win, number);

	return at < win->count && win->list[at].number == number
		       ? &win->list[at]
		       : NULL;
}

static bool is_watched(const struct window *win, unsigned service)
{
	return service < win->set->service_count || service == INCIDENT_NODE;
}

struct window_news window_incident(struct window *win,
				   const struct incident *inc)
{
	size_t at = window_place(win, inc->number);
	struct incident *known = NULL;
	struct window_news news = { 0 };

	/* Its service is watched no longer. */
	if (!is_watched(win, inc->service))
		return news;
	if (at < win->count && win->list[at].number == inc->number)
		known = &win->list[at];
	win->computed_us = 0;
	news.opened = known == NULL;
	news.raised = known != NULL && inc->severity < known->severity;
	news.acted = !instant_is_none(inc->acted) &&
		     (known == NULL || instant_is_none(known->acted));
	news.closed =
		!incident_open(inc) && (known == NULL || incident_open(known));
	if (known != NULL)
		*known = *inc;
	else
		window_insert(win, inc);
	return news;
}

void window_reload(struct window *win, const struct settings *old,
		   const struct settings *set)
{
	struct incident *inc;
	size_t i, kept = 0;
	unsigned service;

	if (!window_size(win, set)) {
		/* Without memory for other services none is counted. */
		win->count = 0;
		return;
	}
	for (i = 0; i < win->count; i++) {
		inc = &win->list[i];
		if (inc->service == INCIDENT_NODE) {
			win->list[kept++] = *inc;
			continue;
		}
		service = settings_find_service(
			set, old->services[inc->service].name);
		if (service == SETTINGS_NONE)
			continue;
		if (inc->target != NOTE_NONE)
			inc->target = settings_find_target(
				set, service, old->targets[inc->target].name);
		inc->service = service;
		win->list[kept++] = *inc;
	}
	win->count = kept;
}

int64_t window_from_us(const struct window *win, int64_t wall_us)
{
	int64_t from_us = wall_us - win->set->history_us;

	return from_us > win->began_wall_us ? from_us : win->began_wall_us;
}

/* ---- figures ---- */

static void add_outage(struct sums *sums, const struct incident *inc,
		       int64_t inside_us, struct instant now)
{
	int64_t outage_us = inc->outage_us;

	if (!instant_is_none(inc->outage_since) && incident_open(inc))
		outage_us += instant_diff_us(inc->outage_since, now);
	sums->outage_us += outage_us < inside_us ? outage_us : inside_us;
}

/* Of an incident that crosses the beginning, only the part inside counts. */
static void add_incident(struct window *win, const struct incident *inc,
			 int64_t from_us, struct instant now, int64_t wall_us)
{
	struct window_figures *fig;
	struct sums *sums;
	bool open = incident_open(inc);
	int64_t onset_us = inc->onset_min_wall_us;
	int64_t end_us = open ? wall_us : inc->recovered_wall_us;

	if (end_us < from_us || inc->merged_into != 0 ||
	    inc->service == INCIDENT_NODE)
		return;
	fig = &win->figures[inc->service];
	sums = &win->sums[inc->service];
	fig->incidents++;
	add_outage(sums, inc,
		   end_us - (onset_us > from_us ? onset_us : from_us), now);
	if (inc->detected_wall_us >= from_us &&
	    incident_detection_us(inc) >= 0) {
		sums->detection_us += incident_detection_us(inc);
		sums->detections++;
	}
	if (!open && !inc->maintenance) {
		sums->recovery_us += incident_recovery_us(inc);
		sums->recoveries++;
	}
	if (onset_us >= from_us) {
		/* Numbers of several nodes are nearly in order. */
		if (sums->onsets == 0 || onset_us < sums->first_onset_us)
			sums->first_onset_us = onset_us;
		if (sums->onsets++ == 0 || onset_us > sums->last_onset_us)
			sums->last_onset_us = onset_us;
	}
}

static void conclude(struct window_figures *fig, const struct sums *sums,
		     int64_t observed_us)
{
	fig->observed_us = observed_us;
	fig->mttd_us = fig->mttr_us = fig->mtbf_us = -1;
	fig->availability = -1;
	if (sums->detections > 0)
		fig->mttd_us = sums->detection_us / sums->detections;
	if (sums->recoveries > 0)
		fig->mttr_us = sums->recovery_us / sums->recoveries;
	if (sums->onsets > 1)
		fig->mtbf_us = (sums->last_onset_us - sums->first_onset_us) /
			       (sums->onsets - 1);
	if (observed_us > 0)
		fig->availability =
			1 - (double)sums->outage_us / (double)observed_us;
	if (observed_us > 0 && fig->availability < 0)
		fig->availability = 0;
}

static void window_compute(struct window *win, struct instant now,
			   int64_t wall_us)
{
	int64_t from_us = window_from_us(win, wall_us);
	unsigned n = win->set->service_count, i;
	size_t k;

	memset(win->figures, 0, n * sizeof(*win->figures));
	memset(win->sums, 0, n * sizeof(*win->sums));
	for (k = 0; k < win->count; k++)
		add_incident(win, &win->list[k], from_us, now, wall_us);
	for (i = 0; i < n; i++)
		conclude(&win->figures[i], &win->sums[i], wall_us - from_us);
	win->computed_us = wall_us;
}

const struct window_figures *window_service(struct window *win,
					    unsigned service,
					    struct instant now, int64_t wall_us)
{
	int64_t age_us = wall_us - win->computed_us;

	if (win->computed_us == 0 || age_us < 0 || age_us > FIGURES_KEEP_US)
		window_compute(win, now, wall_us);
	return &win->figures[service];
}

const struct incident *window_list(const struct window *win, size_t *ret_count)
{
	*ret_count = win->count;
	return win->list;
}
