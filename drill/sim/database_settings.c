#include "drill/sim/database_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/config/load.h"

/* The settings that all nodes run under, but for what differs between runs. */

static const char *const names[] = { "i1", "i2", "i3", "nobody" };

static struct node_settings nodes[CLUSTER_NODES] = {
	{ .name = "n1", .priority = 100 }, { .name = "n2", .priority = 90 },
	{ .name = "n3", .priority = 80 },  { .name = "n4", .priority = 70 },
	{ .name = "n5", .priority = 60 },
};

static const char text[] =
	"node = \"n1\";\n"
	"haproxy = ( { name = \"lb\"; socket = \"/run/lb.sock\"; } );\n"
	"services = ( { name = \"g0\"; backend = \"be\";\n"
	"  check = { type = \"redis\"; interval = \"100ms\";\n"
	"            fast_interval = \"50ms\"; down_interval = \"200ms\";\n"
	"            timeout = \"300ms\"; };\n"
	"  failover = { max_lag = \"100KiB\"; promote_timeout = \"3s\"; };\n"
	"  targets = ( { name = \"i1\"; address = \"10.0.0.1:5432\";\n"
	"                priority = 100; },\n"
	"              { name = \"i2\"; address = \"10.0.0.2:5432\";\n"
	"                priority = 90; },\n"
	"              { name = \"i3\"; address = \"10.0.0.3:5432\";\n"
	"                priority = 80; } ); } );\n";

const char *instance_name(unsigned i)
{
	return names[i < NOBODY ? i : NOBODY];
}

unsigned instance_named(const char *name)
{
	unsigned i;

	for (i = 0; i < NOBODY; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return NOBODY;
}

static struct settings *load(void)
{
	struct settings *set = NULL;
	struct report report;

	report_init(&report);
	if (settings_load_text("sim", text, strlen(text), &set, &report) < 0)
		fprintf(stderr, "%s\n",
			report.count > 0 ? report.entries[0].text : "memory");
	report_done(&report);
	return set;
}

int database_settings(struct cluster *cl)
{
	const struct cluster_script *script = cl->script;
	struct failover_settings *failover;
	unsigned i;

	if (db.set == NULL)
		db.set = load();
	if (db.set == NULL)
		abort();
	failover = db.set->services[0].failover;
	failover->durability =
		script->no_loss ? DURABILITY_NO_LOSS : DURABILITY_AVAILABILITY;
	failover->cooldown_us = script->cooldown_us;
	failover->rejoin = "rejoin";
	for (i = 0; i < script->nodes; i++) {
		struct driver *d = &db.drivers[i];

		nodes[i].witness = cl->settings[i].nodes[i].witness;
		d->cluster = (struct cluster_settings){
			.name = "sim",
			.heartbeat_us = script->heartbeat_us,
			.lease_us = script->lease_us,
			.routing_lease_us = script->routing_lease_us,
			.drift_ppm = 20000,
			.nodes = nodes,
			.node_count = script->nodes,
			.self = i,
		};
		d->set = *db.set;
		d->set.node = nodes[i].name;
		d->set.cluster = &d->cluster;
	}
	return 0;
}
