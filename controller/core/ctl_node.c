/* The loss of the primary node as an incident of its own.
 *
 * The next primary records it: acted is when it became primary, recovered when
 * every node is heard again.
 */
#include "controller/core/ctl_state.h"

static const char *node_name(const struct ctl *ctl, unsigned node)
{
	const struct cluster_settings *cluster = ctl->set->cluster;

	return node < cluster->node_count ? cluster->nodes[node].name : "?";
}

static void open_incident(struct ctl *ctl, const struct node_loss *loss)
{
	struct incident *inc = &ctl->node_incident;

	*inc = (struct incident){
		.number = share_next_number(ctl),
		.service = INCIDENT_NODE,
		.target = loss->node,
		.severity = SEVERITY_P2,
		.cause = result_make(
			RESULT_L4TOUT, 0,
			instant_diff_us(loss->onset_min, loss->detected),
			loss->gave_up ? "the primary node gave up its office"
				      : "the primary node fell silent"),
		.onset_min = loss->onset_min,
		.onset_max = loss->onset_max,
		.detected = loss->detected,
		.acted = ctl->now,
		.recovered = INSTANT_NONE,
		.outage_since = INSTANT_NONE,
		.total = true,
		.nodes = UINT32_C(1) << ctl->set->cluster->self,
	};
	inc->detected_wall_us =
		ctl->wall_us - instant_diff_us(loss->detected, ctl->now);
	inc->onset_min_wall_us = incident_wall_us(inc, inc->onset_min);
	inc->onset_max_wall_us = incident_wall_us(inc, inc->onset_max);
	inc->acted_wall_us = incident_wall_us(inc, inc->acted);
}

/* A further primary that is lost before the cluster is whole again belongs to
 * the same incident. */
static void lost(struct ctl *ctl, const struct node_loss *loss)
{
	struct incident *inc = &ctl->node_incident;
	bool known = inc->number != 0;
	struct note *note;

	if (!known)
		open_incident(ctl, loss);
	inc->targets_down_max++;
	inc->outage_us += instant_diff_us(loss->gone, ctl->now);
	if (loss->late)
		inc->severity = SEVERITY_P1;
	note = incidents_say(
		ctl, known ? NOTE_INCIDENT_RAISED : NOTE_INCIDENT_OPENED, inc);
	if (loss->node == ctl->set->cluster->self)
		note_say(note, "%.40s was not primary for a while, now again",
			 node_name(ctl, loss->node));
	else
		note_say(note, "%.40s %s, %.40s took over",
			 node_name(ctl, loss->node),
			 loss->gave_up ? "gave up its office" : "is lost",
			 node_name(ctl, ctl->set->cluster->self));
	share_write(ctl, inc);
}

static void whole(struct ctl *ctl)
{
	struct incident *inc = &ctl->node_incident;

	if (inc->number == 0)
		return;
	inc->recovered = ctl->now;
	inc->recovered_wall_us = incident_wall_us(inc, ctl->now);
	incidents_say_closed(ctl, inc);
	share_write(ctl, inc);
	inc->number = 0;
}

void node_primary(struct ctl *ctl, const struct primary_seen *seen)
{
	if (ctl->set->cluster == NULL)
		return;
	share_set_primary(ctl, seen->primary, seen->term);
	if (!share_is_primary(ctl))
		return;
	if (seen->loss.node != NOTE_NONE)
		lost(ctl, &seen->loss);
	if (seen->whole)
		whole(ctl);
}
