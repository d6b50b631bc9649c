/* The settings: what the configuration file says, checked and complete.
 *
 * Made by controller/config, read-only afterwards.  Every string and array is
 * owned by the settings; the core and the adapters borrow them for as long as
 * they run under these settings.  Targets stand in one flat array, those of
 * one service side by side; a target, a service and a HAProxy are known to
 * the rest of the program by their index here.
 */
#ifndef BASCULE_CORE_SETTINGS_H
#define BASCULE_CORE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/core/vip.h"

#define SETTINGS_NAME_MAX      63 /* bytes of a name, without the final NUL */
#define SETTINGS_TARGETS_MAX   20000
#define SETTINGS_SERVICES_MAX  1000
#define SETTINGS_HAPROXIES_MAX 16
#define SETTINGS_NODES_MAX     9

#define SETTINGS_NONE UINT32_MAX /* an index of nothing */

enum check_type {
	CHECK_HTTP,
	CHECK_HTTPS,
	CHECK_TCP,
	CHECK_TLS,
	CHECK_EXEC,
	CHECK_POSTGRESQL,
	CHECK_MYSQL,
	CHECK_REDIS,
	CHECK_TYPES
};
enum sessions_policy { SESSIONS_KEEP, SESSIONS_END_WRITERS, SESSIONS_END };
/* Whose view of a target counts. */
enum agree { AGREE_LOCAL, AGREE_MAJORITY, AGREE_ANY };
/* What becomes of a service of which more is bad than may leave. */
enum panic_policy { PANIC_HOLD, PANIC_OPEN, PANIC_CLOSED };
enum severity { SEVERITY_P1 = 1, SEVERITY_P2, SEVERITY_P3, SEVERITY_P4 };

/* HTTP statuses from @first to @last, both included. */
struct status_range {
	int first, last;
};

/* Whether a database is talked to over TLS. */
enum tls_use { TLS_OFF, TLS_REQUIRED, TLS_VERIFIED };

struct check_settings {
	enum check_type type;
	/* http, https */
	const char *method; /* "GET" */
	const char *path;   /* "/" */
	const char *host;   /* Host header; NULL: the target's address */
	const char *const *headers; /* "Name: value", headers_count of them */
	size_t headers_count;
	const struct status_range *status; /* default 200-399 */
	size_t status_count;
	const char *body;       /* substring wanted in the body, or NULL */
	const char *body_regex; /* POSIX extended, or NULL */
	/* https, tls */
	const char *ca_file, *cert_file, *key_file; /* NULL: not given */
	const char *server_name; /* SNI and name verified; NULL: the host */
	bool verify;
	int64_t expires_within_us; /* certificate nearer to its end: WARN */
	/* postgresql, mysql, redis */
	const char *user;          /* NULL: the protocol's own default */
	const char *password_file; /* NULL: none; its first line */
	const char *database;      /* NULL: "postgres", none, 0 */
	enum tls_use tls;
	/* exec: argv, ended by NULL */
	const char *const *command;
	/* all */
	uint16_t port; /* 0: the target's own */
	int64_t interval_us, fast_interval_us, down_interval_us;
	int64_t timeout_us, timeout_min_us; /* bounds of the adaptive one */
	int64_t slow_after_us; /* slower answers make the target DEGRADED */
	int64_t start_period_us;
	unsigned fall, rise;
	unsigned fresh_every; /* each so many checks over a new connection */
	bool tether; /* hold a connection between checks, and watch it */
	/* Questions in a row that were not even acknowledged: so many take a
	 * target down, at most so many on a bad network, so far apart. */
	unsigned lost, lost_max;
	int64_t lost_interval_us;
};

struct objective {
	double availability_percent; /* 0: none */
	int64_t mttd_us, mttr_us;    /* 0: none */
};

/* How a group of databases fails over. */
enum failover_mode { FAILOVER_OBSERVE, FAILOVER_MANUAL, FAILOVER_AUTOMATIC };
enum durability { DURABILITY_AVAILABILITY, DURABILITY_NO_LOSS };
enum quorum_loss { QUORUM_LOSS_WITHDRAW, QUORUM_LOSS_HOLD };

struct failover_settings {
	enum failover_mode mode;
	enum durability durability;
	enum quorum_loss on_quorum_loss;
	uint64_t max_lag_bytes; /* of a candidate; 0: none */
	int64_t cooldown_us;    /* between two failovers of the group */
	int64_t promote_timeout_us;
	/* Who replicates: what replicas log in with at their source. */
	const char *replication_user, *replication_password_file;
	/* A program's path, or "unit:NAME"; NULL: none. */
	const char *fence, *rejoin;
	int64_t hook_timeout_us;
	const char *readers;     /* HAProxy backend of the replicas, or NULL */
	unsigned readers_min_up; /* replicas that stay, whatever their lag */
	int64_t canary_us;       /* how often a row is written; 0: never */
	bool door;               /* the kernel closes the ports of instances */
	unsigned line;
};

struct target_settings {
	const char *name; /* also the HAProxy server's name */
	/* An exec target may have no address: then both are "". */
	const char *address; /* as written, for people: "10.0.0.1:5000" */
	const char *host;    /* numeric address or name, no brackets */
	uint16_t port;       /* 0 only for exec */
	const char *pidfile; /* where it runs: of its process, or NULL */
	const char *unit;    /* ... or its systemd unit, or NULL */
	unsigned service;    /* index */
	unsigned priority;   /* of databases: a higher one is preferred */
	const char *node;    /* of databases: which one hosts it, or NULL */
	unsigned line;       /* in the file, for messages */
};

struct service_settings {
	const char *name;
	const char *backend;       /* HAProxy backend, or NULL: report only */
	bool add_servers;          /* to the backend, where it lacks them */
	const char *server_params; /* of those, or NULL */
	struct check_settings check;
	enum agree agree; /* AGREE_LOCAL without a cluster */
	unsigned min_up;
	unsigned max_withdrawn; /* percent of the targets; 0: no limit */
	enum panic_policy on_panic;
	unsigned concurrency; /* checks under way at once */
	enum sessions_policy sessions;
	int64_t slow_start_us;
	unsigned trial; /* answers at a small weight before that */
	/* Services that it needs: their names, and their indices. */
	const char *const *depends_on;
	size_t depends_on_count;
	const unsigned *depends;
	unsigned depends_count;
	/* The least time from a withdrawal to a return. */
	int64_t recovery_timeout_us;
	unsigned flap_limit; /* flaps that are free; 0: no damping */
	int64_t flap_half_life_us, flap_max_us;
	int64_t drain_us; /* planned withdrawal: drain so long, then maint */
	enum severity severity_partial, severity_total;
	struct objective objective;
	struct failover_settings *failover; /* NULL: no group of databases */
	/* 1 + the index of the group whose readers these are, the same targets
	 * in the same order; 0: a service of its own. */
	unsigned readers_of;
	unsigned first_target, target_count;
	unsigned line;
};

struct haproxy_settings {
	const char *name;
	const char *node;   /* the one that drives it, or NULL: each */
	const char *socket; /* UNIX path, or NULL */
	const char *host;   /* for TCP, when socket is NULL */
	uint16_t port;
	int64_t counters_interval_us; /* 0: its counters are not read */
	const char *master_socket;    /* UNIX path, or NULL */
	/* Where its agent checks are answered; NULL and 0: nowhere. */
	const char *agent_listen; /* as written, for people */
	const char *agent_host;   /* numeric address or name, no brackets */
	uint16_t agent_port;
	unsigned line;
};

enum cluster_engine { CLUSTER_BUILTIN };

/* Where a node listens for its peers. */
struct node_address {
	const char *text; /* as written, for people: "10.0.0.1:7400" */
	const char *host; /* numeric address or name, no brackets */
	uint16_t port;
};

struct node_settings {
	const char *name;
	const struct node_address *addresses; /* at least one */
	size_t address_count;
	unsigned priority; /* a higher one is preferred */
	bool witness;      /* votes and observes, never leads */
	unsigned line;
};

/* Read at the start only: a reload that changes it is refused. */
struct cluster_settings {
	const char *name;
	const char *key_file;
	enum cluster_engine engine;
	int64_t heartbeat_us, lease_us, routing_lease_us;
	unsigned drift_ppm; /* of two nodes' clocks, at most */
	bool preempt;
	int64_t preempt_delay_us;
	struct node_settings *nodes;
	unsigned node_count;
	unsigned self; /* index of this node */
};

enum vip_driver { VIP_NETLINK, VIP_KEEPALIVED };

/* The addresses that clients use, which the primary node has.  Read at the
 * start only: a reload that changes it is refused. */
struct vip_settings {
	enum vip_driver driver;
	const char *interface;
	const char *track_file;   /* of VIP_KEEPALIVED */
	const char *notify_fifo;  /* the same; or NULL */
	const char *const *texts; /* the addresses as written */
	size_t text_count;
	struct vip_address addresses[VIP_ADDRESSES_MAX];
	unsigned address_count;
};

/* What being the primary node means on this machine. */
struct primary_settings {
	struct vip_settings *vip; /* NULL: no address moves with the role */
	/* A program's path, or "unit:NAME"; NULL: none. */
	const char *on_promote, *on_demote;
	int64_t hook_timeout_us;   /* of on_promote */
	int64_t demote_timeout_us; /* of on_demote */
	/* HAProxies that must be reached for this node to be eligible:
	 * indices into the settings' haproxies.
	 */
	const unsigned *required_haproxies;
	unsigned required_haproxy_count;
	const char *const *requires; /* as written; ended by NULL, or NULL */
	size_t requires_count;
};

struct settings {
	const char *file;
	const char *node;
	const char *state_dir;
	const char *control_socket;
	const char *http_host; /* NULL: no HTTP listener */
	uint16_t http_port;
	int64_t history_us; /* how long events and incidents are kept */
	int64_t doubt_us;   /* this node may doubt itself so long; 0: never */
	struct service_settings *services;
	unsigned service_count;
	struct target_settings *targets;
	unsigned target_count;
	struct haproxy_settings *haproxies; /* that this node drives */
	unsigned haproxy_count;
	struct cluster_settings *cluster; /* NULL: a cluster of one */
	struct primary_settings primary;
	void *arena; /* owned; what settings_free() releases */
};

/* Whether the sessions that HAProxy has to a withdrawn server of @svc are to
 * be ended: all of them, or those of writers.  Writers are the sessions to a
 * database's primary, which no kind of check knows yet. */
bool service_ends_sessions(const struct service_settings *svc);

/* Equal, or both NULL. */
bool settings_text_same(const char *a, const char *b);

/* The index of what has that name, or SETTINGS_NONE.  Targets are looked for in
 * @service, in which SETTINGS_NONE has none. */
unsigned settings_find_service(const struct settings *set, const char *name);
unsigned settings_find_target(const struct settings *set, unsigned service,
			      const char *name);
unsigned settings_find_haproxy(const struct settings *set, const char *name);

/* Whether two checks ask the same: equal in all that matters to the question,
 * the judgement of an answer and the connection; when it is asked does not
 * matter. */
bool check_asks_same(const struct check_settings *a,
		     const struct check_settings *b);

/* Whether @target of @set is asked the same way at the same address as @from
 * of @old: then a reload keeps its connection and its check under way. */
bool target_asks_same(const struct settings *set, unsigned target,
		      const struct settings *old, unsigned from);

#endif
