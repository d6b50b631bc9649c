#include "controller/config/keys.h"

#include "controller/config/keys_row.h"
#include "controller/core/instant.h"
#include "controller/core/settings.h"

static const struct choice sessions[] = {
	{ "keep", SESSIONS_KEEP, NULL, "leave them to end by themselves" },
	{ "end-writers", SESSIONS_END_WRITERS, NULL,
	  "end those to a primary that may write no more, keep all others; see "
	  "SESSIONS" },
	{ "end", SESSIONS_END, NULL, "end all of them at once" },
	{ NULL, 0, NULL, NULL },
};

static const struct choice agrees[] = {
	{ "local", AGREE_LOCAL, NULL, "each node acts on what it sees itself" },
	{ "majority", AGREE_MAJORITY, NULL,
	  "a target is down when more than half of the nodes that can judge "
	  "it say so" },
	{ "any", AGREE_ANY, NULL,
	  "a target is down as soon as one node says so" },
	{ NULL, 0, NULL, NULL },
};

static const struct choice panics[] = {
	{ "hold", PANIC_HOLD, NULL,
	  "those in rotation stay there, those out stay out: when nearly all "
	  "look bad, the last ones are better than none" },
	{ "open", PANIC_OPEN, NULL,
	  "all of the service are put back in rotation, as Envoy does: when "
	  "nearly all look bad, perhaps it is the look that is wrong" },
	{ "closed", PANIC_CLOSED, NULL,
	  "the dead ones leave although min_up and max_withdrawn forbid it: "
	  "no answer is better than a wrong one" },
	{ NULL, 0, NULL, NULL },
};

static const struct choice severities[] = {
	{ "P1", SEVERITY_P1, NULL, NULL }, { "P2", SEVERITY_P2, NULL, NULL },
	{ "P3", SEVERITY_P3, NULL, NULL }, { "P4", SEVERITY_P4, NULL, NULL },
	{ NULL, 0, NULL, NULL },
};

static const struct key control_keys[] = {
	{ .name = "socket",
	  .type = KEY_SOCKET,
	  FIELD(settings, control_socket),
	  .dflt = "/run/bascule/control.sock",
	  .help = "The UNIX socket that bascule(1) talks to.  Root and the "
		  "group of the daemon may." },
	{ .name = NULL },
};

static const struct block keys_control = {
	.name = "control",
	.help = "Where the command line reaches the daemon.",
	.keys = control_keys,
};

static const struct key http_keys[] = {
	{ .name = "listen",
	  .type = KEY_LISTEN,
	  FIELD(settings, http_host),
	  PORT(settings, http_port),
	  .dflt = "127.0.0.1:7480",
	  .help = "Address and port for metrics, health endpoints and the "
		  "read-only API: an IP address, not a name.  \"off\" "
		  "switches HTTP off." },
	{ .name = NULL },
};

static const struct block keys_http = {
	.name = "http",
	.help = "Metrics, health and the read-only API over HTTP.",
	.keys = http_keys,
};

static const struct key haproxy_keys[] = {
	{ .name = "name",
	  .type = KEY_NAME,
	  FIELD(haproxy_settings, name),
	  .dflt = "local",
	  .help = "What this HAProxy is called in messages and metrics." },
	{ .name = "socket",
	  .type = KEY_SOCKET,
	  FIELD(haproxy_settings, socket),
	  .help = "Its runtime socket (stats socket ... level admin), as a "
		  "path.  Either this or address is needed." },
	{ .name = "address",
	  .type = KEY_ADDRESS,
	  FIELD(haproxy_settings, host),
	  PORT(haproxy_settings, port),
	  .help = "Its runtime socket over TCP, as \"HOST:PORT\"." },
	{ .name = "node",
	  .type = KEY_NAME,
	  FIELD(haproxy_settings, node),
	  .dflt_help = "each node drives its own",
	  .help = "The node of the cluster that drives this HAProxy; the "
		  "others leave it alone." },
	{ .name = "counters_interval",
	  .type = KEY_DURATION,
	  FIELD(haproxy_settings, counters_interval_us),
	  .max = MINUTE,
	  .dflt = "20ms",
	  .help = "How often its counters of our servers are read (show "
		  "stat): a target that they speak against (errors, 5xx, "
		  "requests left unanswered) is asked at once.  Reading them "
		  "takes at most 2 % of HAProxy's time; "
		  "where they are many it is done less often.  \"0s\": "
		  "never." },
	{ .name = "master_socket",
	  .type = KEY_SOCKET,
	  FIELD(haproxy_settings, master_socket),
	  .dflt_help = "none",
	  .help = "Its master socket (haproxy -S), as a path: with it the "
		  "sessions of workers that leave after a reload end, too, "
		  "where sessions says so, and always those of writers to "
		  "a former primary." },
	{ .name = "agent_listen",
	  .type = KEY_ADDRESS,
	  FIELD(haproxy_settings, agent_host),
	  PORT(haproxy_settings, agent_port),
	  TEXT(haproxy_settings, agent_listen),
	  .dflt_help = "none",
	  .help = "Where this HAProxy's agent checks are answered, as "
		  "\"HOST:PORT\": servers whose line has agent-check, and "
		  "names this port, are withdrawn by the agent's word "
		  "instead of by maintenance.  See AGENT CHECKS." },
	{ .name = NULL },
};

const struct block keys_haproxy = {
	.name = "haproxy",
	.help = "The HAProxy processes to steer, each over its runtime "
		"socket.",
	.keys = haproxy_keys,
};

static const struct key severity_keys[] = {
	{ .name = "partial",
	  .type = KEY_CHOICE,
	  FIELD(service_settings, severity_partial),
	  .choices = severities,
	  .dflt = "P2",
	  .help = "While some targets are down, and min_up still serve." },
	{ .name = "total",
	  .type = KEY_CHOICE,
	  FIELD(service_settings, severity_total),
	  .choices = severities,
	  .dflt = "P1",
	  .help = "While fewer than min_up serve." },
	{ .name = NULL },
};

static const struct block keys_severity = {
	.name = "services.severity",
	.help = "How grave an incident of this service is: P1 is the gravest.",
	.keys = severity_keys,
};

static const struct key objective_keys[] = {
	{ .name = "availability",
	  .type = KEY_PERCENT,
	  FIELD(objective, availability_percent),
	  .dflt_help = "none",
	  .help = "Percent of the time that min_up targets or more are to "
		  "serve: above 0, below 100." },
	{ .name = "mttd",
	  .type = KEY_DURATION,
	  FIELD(objective, mttd_us),
	  .min = MS,
	  .max = 30 * DAY,
	  .dflt_help = "none",
	  .help = "How fast, on average, a fault is to be detected." },
	{ .name = "mttr",
	  .type = KEY_DURATION,
	  FIELD(objective, mttr_us),
	  .min = MS,
	  .max = 30 * DAY,
	  .dflt_help = "none",
	  .help = "How fast, on average, the service is to be whole "
		  "again." },
	{ .name = NULL },
};

static const struct block keys_objective = {
	.name = "services.objective",
	.help = "What the service promises; reports compare with it.",
	.keys = objective_keys,
};

static const struct key target_keys[] = {
	{ .name = "name",
	  .type = KEY_NAME,
	  FIELD(target_settings, name),
	  .required = true,
	  .help = "The target's name, which is also its server's name in "
		  "HAProxy's backend." },
	{ .name = "address",
	  .type = KEY_ADDRESS,
	  FIELD(target_settings, host),
	  PORT(target_settings, port),
	  TEXT(target_settings, address),
	  .help = "\"HOST:PORT\", where HOST is an IPv4 address, an IPv6 "
		  "address in brackets, or a name.  A check of type exec "
		  "needs no port, and no address." },
	{ .name = "pidfile",
	  .type = KEY_PATH,
	  FIELD(target_settings, pidfile),
	  .help = "A file with the number of the target's process: when that "
		  "ends, the target is asked at once.  It is looked at only on "
		  "the machine that has the target's address." },
	{ .name = "unit",
	  .type = KEY_UNIT,
	  FIELD(target_settings, unit),
	  .help = "The target's systemd unit, such as \"api.service\": when it "
		  "is not active any more, the target is asked at once.  The "
		  "same holds as for pidfile." },
	{ .name = "priority",
	  .type = KEY_COUNT,
	  FIELD(target_settings, priority),
	  .max = 1000,
	  .dflt = "100",
	  .unit = "",
	  .help = "Of replicas that have the same data the one with the "
		  "highest becomes the primary.  Only with failover." },
	{ .name = "node",
	  .type = KEY_NAME,
	  FIELD(target_settings, node),
	  .dflt_help = "none: the primary node runs what concerns it",
	  .help = "The node on whose machine this instance runs: rejoin is "
		  "run there, and nowhere else.  Only with failover." },
	{ .name = NULL },
};

const struct block keys_target = {
	.name = "services.targets",
	.help = "The servers of a service.",
	.keys = target_keys,
};

static const struct key service_keys[] = {
	{ .name = "name",
	  .type = KEY_NAME,
	  FIELD(service_settings, name),
	  .required = true,
	  .help = "The service's name." },
	{ .name = "targets",
	  .type = KEY_LIST,
	  .block = &keys_target,
	  .required = true,
	  .help = "Its servers." },
	{ .name = "check",
	  .type = KEY_BLOCK,
	  FIELD(service_settings, check),
	  .block = &keys_check,
	  .help = "How they are checked." },
	{ .name = "backend",
	  .type = KEY_NAME,
	  FIELD(service_settings, backend),
	  .dflt_help = "none",
	  .help = "The backend of this service in HAProxy; its servers bear "
		  "the targets' names.  Without one the daemon observes and "
		  "reports, and acts on nothing." },
	{ .name = "add_servers",
	  .type = KEY_BOOLEAN,
	  FIELD(service_settings, add_servers),
	  .dflt = "false",
	  .proxied = true,
	  .help = "Add a target whose server a HAProxy does not know to the "
		  "backend there (add server), again after each reload of "
		  "HAProxy, and remove it when the target leaves this file.  "
		  "The backend must exist and balance dynamically: "
		  "roundrobin, leastconn, random, first, or consistent "
		  "hashing." },
	{ .name = "server_params",
	  .type = KEY_STRING,
	  FIELD(service_settings, server_params),
	  .dflt_help = "none",
	  .proxied = true,
	  .help = "What follows the address of a server that is added, as on "
		  "a server line of HAProxy: its default-server is not heeded "
		  "there.  Checks of HAProxy's own are not needed." },
	{ .name = "min_up",
	  .type = KEY_COUNT,
	  FIELD(service_settings, min_up),
	  .max = SETTINGS_TARGETS_MAX,
	  .dflt = "1",
	  .unit = "targets",
	  .help = "So many targets are never withdrawn from HAProxy, however "
		  "bad they look; with fewer serving the service is down." },
	{ .name = "max_withdrawn",
	  .type = KEY_COUNT,
	  FIELD(service_settings, max_withdrawn),
	  .min = 1,
	  .max = 100,
	  .dflt = "100",
	  .unit = "percent",
	  .help = "So many of the service's targets, in percent of all, may be "
		  "kept out of HAProxy at once by the daemon, drained ones "
		  "included.  Rounded down, but one may always leave." },
	{ .name = "on_panic",
	  .type = KEY_CHOICE,
	  FIELD(service_settings, on_panic),
	  .choices = panics,
	  .dflt = "hold",
	  .proxied = true,
	  .help = "What is done while more targets are down than min_up and "
		  "max_withdrawn let go, or none serves.  It ends by "
		  "itself when enough of them are well.  What an operator "
		  "took out is left alone." },
	{ .name = "concurrency",
	  .type = KEY_COUNT,
	  FIELD(service_settings, concurrency),
	  .min = 1,
	  .max = SETTINGS_TARGETS_MAX,
	  .dflt_help = "the number of targets",
	  .unit = "checks",
	  .help = "Checks under way at once, at most." },
	{ .name = "sessions",
	  .type = KEY_CHOICE,
	  FIELD(service_settings, sessions),
	  .choices = sessions,
	  .dflt = "end-writers",
	  .proxied = true,
	  .help = "What becomes of the client sessions on a withdrawn "
		  "server." },
	{ .name = "slow_start",
	  .type = KEY_DURATION,
	  FIELD(service_settings, slow_start_us),
	  .max = HOUR,
	  .dflt = "0s",
	  .proxied = true,
	  .help = "How long a server that comes back takes to get from a "
		  "small weight to its full one." },
	{ .name = "trial",
	  .type = KEY_COUNT,
	  FIELD(service_settings, trial),
	  .max = 1000,
	  .dflt = "0",
	  .unit = "checks",
	  .proxied = true,
	  .help = "So many answers in a row, slow ones too, are wanted of a "
		  "server that comes back, while it has a tenth of its "
		  "weight, before that rises: HALF_OPEN.  The first failure "
		  "takes it out again.  slow_start counts from the return; "
		  "without it the "
		  "full weight follows at once." },
	{ .name = "depends_on",
	  .type = KEY_STRINGS,
	  FIELD(service_settings, depends_on),
	  COUNT(service_settings, depends_on_count),
	  .max = 16,
	  .dflt_help = "nothing",
	  .help = "Services without which this one cannot work.  While fewer "
		  "than min_up targets of one of them are well, targets of "
		  "this one that answer, but with a wrong status or body, "
		  "stay in rotation and have no incident of their own: they "
		  "only report it.  One that refuses, resets or keeps silent "
		  "is at fault itself.  Afterwards there is a grace of ten "
		  "intervals, and counts begin anew." },
	{ .name = "recovery_timeout",
	  .type = KEY_DURATION,
	  FIELD(service_settings, recovery_timeout_us),
	  .max = HOUR,
	  .dflt = "0s",
	  .help = "The least time from the moment a target goes DOWN until it "
		  "may recover, however well it answers: the time for which "
		  "its circuit breaker stays OPEN." },
	{ .name = "flap_limit",
	  .type = KEY_COUNT,
	  FIELD(service_settings, flap_limit),
	  .max = 100,
	  .dflt = "5",
	  .unit = "withdrawals",
	  .help = "Each time a target goes DOWN adds one to a penalty that "
		  "halves with each flap_half_life.  Above this limit the "
		  "target stays out, after it has recovered, until the "
		  "penalty is half the limit: flap damping, as RFC 2439 "
		  "has it for routes.  It never delays a withdrawal, and "
		  "holds nobody back while fewer than min_up serve.  0 "
		  "switches it off." },
	{ .name = "flap_half_life",
	  .type = KEY_DURATION,
	  FIELD(service_settings, flap_half_life_us),
	  .min = SECOND,
	  .max = HOUR,
	  .dflt = "1m",
	  .help = "How fast the penalty for flapping is forgotten." },
	{ .name = "flap_max",
	  .type = KEY_DURATION,
	  FIELD(service_settings, flap_max_us),
	  .min = SECOND,
	  .max = DAY,
	  .dflt = "10m",
	  .help = "The longest that a target is kept out for flapping, after "
		  "it went DOWN; at least flap_half_life." },
	{ .name = "drain",
	  .type = KEY_DURATION,
	  FIELD(service_settings, drain_us),
	  .max = DAY,
	  .dflt = "10s",
	  .proxied = true,
	  .help = "In a planned withdrawal: how long the server only "
		  "finishes what it has before it is put in maintenance." },
	{ .name = "severity",
	  .type = KEY_BLOCK,
	  .block = &keys_severity,
	  .help = "How grave its incidents are." },
	{ .name = "objective",
	  .type = KEY_BLOCK,
	  FIELD(service_settings, objective),
	  .block = &keys_objective,
	  .help = "What it promises." },
	{ .name = "agree",
	  .type = KEY_CHOICE,
	  FIELD(service_settings, agree),
	  .choices = agrees,
	  .dflt = "local",
	  .help = "Whose view of a target counts.  Any but \"local\" needs a "
		  "cluster block." },
	{ .name = "failover",
	  .type = KEY_BLOCK,
	  FIELD(service_settings, failover),
	  .size = sizeof(struct failover_settings),
	  .block = &keys_failover,
	  .help = "Makes the service a group of databases: one of its targets "
		  "is the primary, and only that one is routed.  Without it "
		  "the databases are checked and nothing else." },
	{ .name = NULL },
};

const struct block keys_service = {
	.name = "services",
	.help = "What is watched: each service is a set of targets that do "
		"the same work.",
	.keys = service_keys,
};

static const struct key root_keys[] = {
	{ .name = "node",
	  .type = KEY_NAME,
	  FIELD(settings, node),
	  .dflt_help = "the host name",
	  .help = "What this machine is called in messages, events and "
		  "metrics, and among the nodes of a cluster.  Left out, "
		  "the file can be the same on every node." },
	{ .name = "state_dir",
	  .type = KEY_PATH,
	  FIELD(settings, state_dir),
	  .dflt = "/var/lib/bascule",
	  .help = "The folder for what must outlive the daemon: events, "
		  "incidents, maintenance." },
	{ .name = "history",
	  .type = KEY_DURATION,
	  FIELD(settings, history_us),
	  .min = HOUR,
	  .max = 3650 * DAY,
	  .dflt = "90d",
	  .help = "How long events and incidents are kept." },
	{ .name = "self_doubt",
	  .type = KEY_DURATION,
	  FIELD(settings, doubt_us),
	  .min = 0,
	  .max = HOUR,
	  .dflt = "10s",
	  .help = "How long this node may blame itself for what it sees: "
		  "while it was stopped or is starved, or while targets of "
		  "several hosts fall silent together, silence withdraws "
		  "nobody.  After so long what persists counts all the same.  "
		  "0s: never." },
	{ .name = "control",
	  .type = KEY_BLOCK,
	  .block = &keys_control,
	  .help = "The control socket." },
	{ .name = "http",
	  .type = KEY_BLOCK,
	  .block = &keys_http,
	  .help = "The HTTP listener." },
	{ .name = "haproxy",
	  .type = KEY_LIST,
	  .block = &keys_haproxy,
	  .help = "The HAProxy processes." },
	{ .name = "services",
	  .type = KEY_LIST,
	  .block = &keys_service,
	  .help = "The services.  Only a node with a cluster block can do "
		  "without." },
	{ .name = "cluster",
	  .type = KEY_BLOCK,
	  FIELD(settings, cluster),
	  .size = sizeof(struct cluster_settings),
	  .block = &keys_cluster,
	  .help = "The nodes that elect one primary.  Without this block "
		  "the node is a cluster of one, always primary." },
	{ .name = "primary",
	  .type = KEY_BLOCK,
	  FIELD(settings, primary),
	  .block = &keys_primary,
	  .help = "What being the primary node means." },
	{ .name = "notify",
	  .type = KEY_LATER,
	  .help = "notifications are not built yet: remove the block, and "
		  "alert on the metrics" },
	{ .name = NULL },
};

const struct block keys_root = {
	.name = "",
	.help = "What stands at the top of the file.",
	.keys = root_keys,
};

const struct block *const key_blocks[] = {
	&keys_root,     &keys_control,   &keys_http,    &keys_haproxy,
	&keys_service,  &keys_target,    &keys_check,   &keys_failover,
	&keys_severity, &keys_objective, &keys_cluster, &keys_node,
	&keys_primary,  &keys_vip,       NULL,
};
