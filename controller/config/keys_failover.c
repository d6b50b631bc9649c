/* The settings of a group of databases. */

#include "controller/config/keys.h"
#include "controller/config/keys_row.h"
#include "controller/core/instant.h"
#include "controller/core/plan.h"
#include "controller/core/settings.h"

#define TIB (INT64_C(1) << 40)

static const struct choice modes[] = {
	{ "automatic", FAILOVER_AUTOMATIC, NULL,
	  "when the primary fails, the best replica is promoted" },
	{ "manual", FAILOVER_MANUAL, NULL,
	  "only bascule switchover changes the primary" },
	{ "observe", FAILOVER_OBSERVE, NULL,
	  "nothing is decided, ordered or routed; what would be done is "
	  "said" },
	{ NULL, 0, NULL, NULL },
};

static const struct choice durabilities[] = {
	{ "availability", DURABILITY_AVAILABILITY, NULL,
	  "the most advanced replica within max_lag succeeds; what the old "
	  "primary had acknowledged and not sent is lost, and is estimated" },
	{ "no-loss", DURABILITY_NO_LOSS, NULL,
	  "only a replica that holds every acknowledged write succeeds: one "
	  "that commits wait for" },
	{ NULL, 0, NULL, NULL },
};

static const struct choice quorum_losses[] = {
	{ "withdraw", QUORUM_LOSS_WITHDRAW, NULL,
	  "a node that has lost the majority routes to nobody, since another "
	  "primary may be promoted on the other side" },
	{ "hold", QUORUM_LOSS_HOLD, NULL,
	  "it routes on to the last primary that it knew, for as long as its "
	  "daemon runs: with durability = \"no-loss\" or mode = \"manual\" "
	  "only" },
	{ NULL, 0, NULL, NULL },
};

static const struct key failover_keys[] = {
	{ .name = "mode",
	  .type = KEY_CHOICE,
	  FIELD(failover_settings, mode),
	  .choices = modes,
	  .dflt = "automatic",
	  .help = "Who changes the primary." },
	{ .name = "durability",
	  .type = KEY_CHOICE,
	  FIELD(failover_settings, durability),
	  .choices = durabilities,
	  .dflt = "availability",
	  .help = "What comes first when the primary fails." },
	{ .name = "on_quorum_loss",
	  .type = KEY_CHOICE,
	  FIELD(failover_settings, on_quorum_loss),
	  .choices = quorum_losses,
	  .dflt = "withdraw",
	  .help = "What a node does that no longer hears the majority." },
	{ .name = "max_lag",
	  .type = KEY_SIZE,
	  FIELD(failover_settings, max_lag_bytes),
	  .max = 1024 * TIB,
	  .dflt = "1MiB",
	  .help = "A replica that is further behind what the old primary was "
		  "seen to have written is not promoted, and not routed as a "
		  "reader.  Of MariaDB, whose positions count transactions, "
		  "each byte is one.  \"0B\": any may be." },
	{ .name = "cooldown",
	  .type = KEY_DURATION,
	  FIELD(failover_settings, cooldown_us),
	  .min = 0,
	  .max = DAY,
	  .dflt = "60s",
	  .help = "The least time from one failover of the group to the "
		  "next." },
	{ .name = "promote_timeout",
	  .type = KEY_DURATION,
	  FIELD(failover_settings, promote_timeout_us),
	  .min = 10 * MS,
	  .max = HOUR,
	  .dflt = "30s",
	  .help = "How long a promotion may take before the next candidate "
		  "is tried." },
	{ .name = "replication_user",
	  .type = KEY_STRING,
	  FIELD(failover_settings, replication_user),
	  .dflt_help = "what the replica has",
	  .help = "Whom a replica is told to log in as at the primary that it "
		  "is pointed to." },
	{ .name = "replication_password_file",
	  .type = KEY_SECRET,
	  FIELD(failover_settings, replication_password_file),
	  .dflt_help = "what the replica has",
	  .help = "A file whose first line is that user's password." },
	{ .name = "fence",
	  .type = KEY_HOOK,
	  FIELD(failover_settings, fence),
	  .help = "What to run to make sure that the old primary takes no "
		  "more writes, before another one is promoted: a program, or "
		  "\"unit:NAME\".  Until it succeeds nobody is promoted." },
	{ .name = "rejoin",
	  .type = KEY_HOOK,
	  FIELD(failover_settings, rejoin),
	  .help = "What to run to make an old primary a replica again, where "
		  "the database cannot do so itself." },
	{ .name = "hook_timeout",
	  .type = KEY_DURATION,
	  FIELD(failover_settings, hook_timeout_us),
	  .min = 10 * MS,
	  .max = DAY,
	  .dflt = "10s",
	  .help = "How long fence and rejoin may take before they are killed "
		  "with all they started." },
	{ .name = "readers",
	  .type = KEY_NAME,
	  FIELD(failover_settings, readers),
	  .help = "The HAProxy backend of those who only read: its servers "
		  "bear the targets' names too, and are not disabled in "
		  "haproxy.cfg.  In rotation are the replicas that answer, "
		  "follow the primary and are within max_lag; never the "
		  "primary." },
	{ .name = "readers_min_up",
	  .type = KEY_COUNT,
	  .unit = "replicas",
	  FIELD(failover_settings, readers_min_up),
	  .max = PLAN_INSTANCES_MAX,
	  .dflt = "0",
	  .help = "So many replicas stay among the readers although they are "
		  "too far behind.  0: rather none, and HAProxy sends readers "
		  "elsewhere." },
	{ .name = "canary",
	  .type = KEY_DURATION,
	  FIELD(failover_settings, canary_us),
	  .min = 0,
	  .max = HOUR,
	  .dflt = "0s",
	  .help = "How often the primary's check writes one row, or sets one "
		  "key: a disk that hangs shows only there.  \"0s\": never." },
	{ .name = "door",
	  .type = KEY_BOOLEAN,
	  FIELD(failover_settings, door),
	  .dflt = "false",
	  .help = "On the machine of each instance the kernel closes its port "
		  "and cuts its connections when the node that hosts it may "
		  "not let it be written to, or does not renew that in time, "
		  "whatever has become of its processes.  Needs CAP_NET_ADMIN "
		  "there, and node of each target." },
	{ .name = NULL },
};

const struct block keys_failover = {
	.name = "services.failover",
	.help = "How a group of databases changes its primary.",
	.keys = failover_keys,
};
