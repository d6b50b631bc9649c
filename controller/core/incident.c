#include "controller/core/incident.h"

#include <string.h>

void incident_serving(struct incident *inc, unsigned serving, unsigned wanted,
		      struct instant now)
{
	bool enough = serving >= wanted;

	if (enough && !instant_is_none(inc->outage_since)) {
		inc->outage_us += instant_diff_us(inc->outage_since, now);
		inc->outage_since = INSTANT_NONE;
	} else if (!enough && instant_is_none(inc->outage_since)) {
		inc->outage_since = now;
		inc->total = true;
	}
}

/* From @from to @to, or -1 when one of them has not happened. */
static int64_t span_us(struct instant from, struct instant to)
{
	if (instant_is_none(from) || instant_is_none(to))
		return -1;
	return instant_diff_us(from, to);
}

int64_t incident_detection_us(const struct incident *inc)
{
	return span_us(inc->onset_min, inc->detected);
}

int64_t incident_action_us(const struct incident *inc)
{
	return span_us(inc->detected, inc->acted);
}

int64_t incident_recovery_us(const struct incident *inc)
{
	return span_us(inc->onset_min, inc->recovered);
}

/* Nodes are told apart by the last decimal digit. */
#define NUMBER_STEP 10

_Static_assert(SETTINGS_NODES_MAX < NUMBER_STEP, "a digit for each node");

uint32_t incident_next_number(uint32_t last, unsigned node, unsigned nodes)
{
	uint32_t number;

	if (nodes == 1)
		return last + 1;
	number = last - last % NUMBER_STEP + node + 1;
	return number > last ? number : number + NUMBER_STEP;
}

bool incident_newer(const struct incident *a, const struct incident *b)
{
	if (a->term != b->term)
		return a->term > b->term;
	return a->revision > b->revision;
}

static bool ends_before(const struct incident *a, const struct incident *b)
{
	return !instant_is_none(a->recovered) &&
	       instant_reached(b->detected, a->recovered);
}

bool incident_same(const struct incident *a, const struct incident *b)
{
	return a->service == b->service && a->number != b->number &&
	       a->number % NUMBER_STEP != b->number % NUMBER_STEP &&
	       a->merged_into == 0 && b->merged_into == 0 &&
	       !ends_before(a, b) && !ends_before(b, a);
}

/* The earlier of two points; one that has not come counts for nothing. */
static struct instant earlier(struct instant a, struct instant b)
{
	if (instant_is_none(a) || instant_is_none(b))
		return instant_is_none(a) ? b : a;
	return instant_min(a, b);
}

/* All by the clock that wrote down @inc's detection at @detected. */
static void set_walls(struct incident *inc, struct instant detected,
		      int64_t detected_wall_us)
{
	inc->detected_wall_us =
		detected_wall_us + instant_diff_us(detected, inc->detected);
	inc->onset_min_wall_us = incident_wall_us(inc, inc->onset_min);
	inc->onset_max_wall_us = incident_wall_us(inc, inc->onset_max);
	inc->acted_wall_us = incident_wall_us(inc, inc->acted);
	inc->recovered_wall_us = incident_wall_us(inc, inc->recovered);
}

void incident_absorb(struct incident *into, struct incident *other)
{
	struct instant detected = into->detected;
	bool open = incident_open(into) || incident_open(other);

	into->onset_min = earlier(into->onset_min, other->onset_min);
	into->onset_max = earlier(into->onset_max, other->onset_max);
	into->detected = earlier(into->detected, other->detected);
	into->acted = earlier(into->acted, other->acted);
	into->recovered = open ? INSTANT_NONE
			       : instant_max(into->recovered, other->recovered);
	set_walls(into, detected, into->detected_wall_us);
	if (other->severity < into->severity)
		into->severity = other->severity;
	if (other->targets_down_max > into->targets_down_max)
		into->targets_down_max = other->targets_down_max;
	if (other->outage_us > into->outage_us)
		into->outage_us = other->outage_us;
	into->outage_since = earlier(into->outage_since, other->outage_since);
	if (!open)
		into->outage_since = INSTANT_NONE;
	into->total = into->total || other->total;
	into->held = into->held || other->held;
	into->nodes |= other->nodes;
	other->merged_into = into->number;
	if (instant_is_none(other->recovered)) {
		other->recovered = other->detected;
		other->recovered_wall_us = other->detected_wall_us;
	}
}

bool incident_precede(struct incident *inc, const struct incident *finding)
{
	struct incident was = *inc;
	uint32_t nodes = inc->nodes | finding->nodes;

	inc->onset_min = earlier(inc->onset_min, finding->onset_min);
	inc->onset_max = earlier(inc->onset_max, finding->onset_max);
	if (instant_before(finding->detected, inc->detected)) {
		inc->detected = finding->detected;
		inc->target = finding->target;
		inc->cause = finding->cause;
	}
	inc->nodes = nodes;
	set_walls(inc, was.detected, was.detected_wall_us);
	return was.nodes != nodes || was.onset_min.us != inc->onset_min.us ||
	       was.onset_max.us != inc->onset_max.us ||
	       was.detected.us != inc->detected.us;
}

int64_t incident_wall_us(const struct incident *inc, struct instant when)
{
	if (instant_is_none(when))
		return 0;
	return inc->detected_wall_us + instant_diff_us(inc->detected, when);
}

const char *incident_nodes_text(uint32_t nodes,
				const struct cluster_settings *cluster,
				char *buf, size_t size)
{
	size_t used = 0, length;
	const char *name;
	unsigned i;

	buf[0] = '\0';
	for (i = 0; cluster != NULL && i < cluster->node_count; i++) {
		name = cluster->nodes[i].name;
		length = strlen(name);
		if ((nodes >> i & 1) == 0 || used + length + 2 > size)
			continue;
		if (used > 0)
			buf[used++] = ',';
		memcpy(buf + used, name, length + 1);
		used += length;
	}
	return buf;
}

static uint32_t node_bit(const char *name, size_t length,
			 const struct cluster_settings *cluster)
{
	unsigned i;

	for (i = 0; cluster != NULL && i < cluster->node_count; i++)
		if (strlen(cluster->nodes[i].name) == length &&
		    memcmp(cluster->nodes[i].name, name, length) == 0)
			return UINT32_C(1) << i;
	return 0;
}

uint32_t incident_nodes_read(const char *text,
			     const struct cluster_settings *cluster)
{
	uint32_t nodes = 0;
	size_t length;

	for (; *text != '\0'; text += length + (text[length] == ',')) {
		length = strcspn(text, ",");
		nodes |= node_bit(text, length, cluster);
	}
	return nodes;
}
