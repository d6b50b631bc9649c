/* The settings of a check. */

#include "controller/config/keys.h"
#include "controller/config/keys_row.h"
#include "controller/core/instant.h"
#include "controller/core/settings.h"

#define FOR(type_) (1 << (type_))
#define HTTP_ONLY  (FOR(CHECK_HTTP) | FOR(CHECK_HTTPS))
#define DATABASE_ONLY                                                          \
	(FOR(CHECK_POSTGRESQL) | FOR(CHECK_MYSQL) | FOR(CHECK_REDIS))
#define CERT_ONLY (FOR(CHECK_HTTPS) | FOR(CHECK_TLS))
#define TLS_ONLY  (CERT_ONLY | DATABASE_ONLY)
#define EXEC_ONLY FOR(CHECK_EXEC)
#define NET_ONLY  (HTTP_ONLY | TLS_ONLY | FOR(CHECK_TCP))

static const struct choice types[] = {
	{ "http", CHECK_HTTP, NULL,
	  "a request over a kept connection; the status, and the body if "
	  "asked, decide" },
	{ "https", CHECK_HTTPS, NULL,
	  "the same over TLS, the certificate verified" },
	{ "tcp", CHECK_TCP, NULL, "a connection can be made" },
	{ "tls", CHECK_TLS, NULL,
	  "a TLS handshake succeeds, the certificate verified" },
	{ "exec", CHECK_EXEC, NULL,
	  "a program of the Nagios plugin convention: exit status 0 is good, "
	  "1 a warning, 2 bad, any other no verdict" },
	{ "postgresql", CHECK_POSTGRESQL, NULL,
	  "what PostgreSQL says of itself: whether it is the primary or a "
	  "replica, where in the log it stands, and what its replicas have" },
	{ "mysql", CHECK_MYSQL, NULL, "the same of MariaDB or MySQL" },
	{ "redis", CHECK_REDIS, NULL, "the same of Redis" },
	{ "systemd", 0, "use exec with \"systemctl is-active\" for now", NULL },
	{ "file", 0, "use exec for now", NULL },
	{ "metric", 0, "use exec for now", NULL },
	{ NULL, 0, NULL, NULL },
};

static const struct choice tls_uses[] = {
	{ "off", TLS_OFF, NULL, "plain connections" },
	{ "required", TLS_REQUIRED, NULL,
	  "TLS, whoever's certificate is shown" },
	{ "verified", TLS_VERIFIED, NULL,
	  "TLS, and the certificate is verified against ca_file" },
	{ NULL, 0, NULL, NULL },
};

static const struct key check_keys[] = {
	{ .name = "type",
	  .type = KEY_CHOICE,
	  FIELD(check_settings, type),
	  .choices = types,
	  .dflt = "http",
	  .help = "What a check is." },
	{ .name = "interval",
	  .type = KEY_DURATION,
	  FIELD(check_settings, interval_us),
	  .min = 10 * MS,
	  .max = HOUR,
	  .dflt = "1s",
	  .help = "Time from one check to the next while a target is up." },
	{ .name = "fast_interval",
	  .type = KEY_DURATION,
	  FIELD(check_settings, fast_interval_us),
	  .min = 10 * MS,
	  .max = HOUR,
	  .dflt = "100ms",
	  .dflt_help = "100ms, or interval if that is shorter",
	  .help = "The same while its state is in doubt: from the first bad "
		  "answer until fall or rise decides." },
	{ .name = "down_interval",
	  .type = KEY_DURATION,
	  FIELD(check_settings, down_interval_us),
	  .min = 10 * MS,
	  .max = HOUR,
	  .dflt_help = "interval",
	  .help = "The same while it is down." },
	{ .name = "timeout",
	  .type = KEY_DURATION,
	  FIELD(check_settings, timeout_us),
	  .min = MS,
	  .max = 10 * MINUTE,
	  .dflt = "500ms",
	  .help = "How long to wait for an answer at most.  The wait adapts "
		  "to how fast the target usually answers, between "
		  "timeout_min and this." },
	{ .name = "timeout_min",
	  .type = KEY_DURATION,
	  FIELD(check_settings, timeout_min_us),
	  .min = MS,
	  .max = 10 * MINUTE,
	  .dflt = "20ms",
	  .dflt_help = "20ms, or timeout if that is shorter or there is a "
		       "failover.canary",
	  .help = "How long to wait at least.  Equal to timeout, the wait "
		  "does not adapt." },
	{ .name = "slow_after",
	  .type = KEY_DURATION,
	  FIELD(check_settings, slow_after_us),
	  .min = MS,
	  .max = 10 * MINUTE,
	  .dflt_help = "half of timeout",
	  .help = "A good answer that took longer counts as slow; fall of "
		  "them in a row make the target DEGRADED." },
	{ .name = "fall",
	  .type = KEY_COUNT,
	  FIELD(check_settings, fall),
	  .min = 1,
	  .max = 100,
	  .dflt = "3",
	  .unit = "checks",
	  .help = "Failures in a row that take a target down, when each is "
		  "only "
		  "likely to mean it: bad answers, or none although the "
		  "question was acknowledged.  Refused or reset twice, the "
		  "second time on an immediate second look, it is down at "
		  "once." },
	{ .name = "lost",
	  .type = KEY_COUNT,
	  FIELD(check_settings, lost),
	  .min = 1,
	  .max = 64,
	  .dflt = "10",
	  .unit = "questions",
	  .types = NET_ONLY,
	  .help = "Questions in a row that take a target down when its machine "
		  "did not even acknowledge them, as one that is gone or cut "
		  "off.  More are needed when packets were lost lately on the "
		  "way to targets that are well; never less than fall." },
	{ .name = "lost_max",
	  .type = KEY_COUNT,
	  FIELD(check_settings, lost_max),
	  .min = 1,
	  .max = 64,
	  .dflt = "64",
	  .unit = "questions",
	  .types = NET_ONLY,
	  .help = "So many are always enough." },
	{ .name = "lost_interval",
	  .type = KEY_DURATION,
	  FIELD(check_settings, lost_interval_us),
	  .min = MS,
	  .max = MINUTE,
	  .dflt = "8ms",
	  .dflt_help = "8ms, or timeout if that is shorter",
	  .types = NET_ONLY,
	  .help = "Time from one of these questions to the next, each over a "
		  "new connection; longer if the way there and back takes "
		  "longer." },
	{ .name = "rise",
	  .type = KEY_COUNT,
	  FIELD(check_settings, rise),
	  .min = 1,
	  .max = 100,
	  .dflt = "2",
	  .unit = "checks",
	  .help = "Good answers in a row that bring it back." },
	{ .name = "start_period",
	  .type = KEY_DURATION,
	  FIELD(check_settings, start_period_us),
	  .min = 0,
	  .max = DAY,
	  .dflt = "0s",
	  .help = "For so long after the daemon first sees a target, bad "
		  "answers do not take it down." },
	{ .name = "fresh_every",
	  .type = KEY_COUNT,
	  FIELD(check_settings, fresh_every),
	  .min = 1,
	  .max = 1000000,
	  .dflt = "10",
	  .unit = "checks",
	  .types = HTTP_ONLY,
	  .help = "Each so many checks go over a new connection, so that a "
		  "target that takes no new ones is noticed.  While the held "
		  "one is answered, a full accept queue or a closed listener "
		  "may stay unseen for so many intervals: LISTENER in the "
		  "table of bascule check-config." },
	{
		.name = "tether",
		.type = KEY_BOOLEAN,
		FIELD(check_settings, tether),
		.dflt = "true",
		.dflt_help = "true, but false for tcp and tls",
		.types = NET_ONLY,
		.help = "Whether a connection to the target is held between "
			"checks "
			"and watched: when it closes, the target is asked at "
			"once.  "
			"An HTTP check holds the one that the server keeps "
			"open, and "
			"none if it closes each.  A tcp or tls check holds a "
			"connection that says nothing, which keeps a worker of "
			"some "
			"servers busy: those that serve one connection a "
			"process, or "
			"count clients that do not log in.  A database check "
			"asks over the connection that it holds.",
	},
	{ .name = "port",
	  .type = KEY_PORT,
	  FIELD(check_settings, port),
	  .min = 1,
	  .max = 65535,
	  .dflt_help = "the target's own",
	  .types = NET_ONLY,
	  .help = "Check this port instead." },
	{ .name = "method",
	  .type = KEY_STRING,
	  FIELD(check_settings, method),
	  .dflt = "GET",
	  .types = HTTP_ONLY,
	  .help = "The request's method." },
	{ .name = "path",
	  .type = KEY_STRING,
	  FIELD(check_settings, path),
	  .dflt = "/",
	  .types = HTTP_ONLY,
	  .help = "The request's path, with its query." },
	{ .name = "host",
	  .type = KEY_STRING,
	  FIELD(check_settings, host),
	  .dflt_help = "the target's address",
	  .types = HTTP_ONLY,
	  .help = "The request's Host header." },
	{ .name = "headers",
	  .type = KEY_STRINGS,
	  FIELD(check_settings, headers),
	  COUNT(check_settings, headers_count),
	  .max = 64,
	  .types = HTTP_ONLY,
	  .help = "More headers, each as \"Name: value\"." },
	{ .name = "status",
	  .type = KEY_STATUS,
	  FIELD(check_settings, status),
	  COUNT(check_settings, status_count),
	  .dflt = "200-399",
	  .types = HTTP_ONLY,
	  .help = "The statuses that are good: a number, or a string such as "
		  "\"200-299,401\"." },
	{ .name = "body",
	  .type = KEY_STRING,
	  FIELD(check_settings, body),
	  .types = HTTP_ONLY,
	  .help = "Text that the answer's body must hold.  A body of more "
		  "than 1 MiB is bad." },
	{ .name = "body_regex",
	  .type = KEY_STRING,
	  FIELD(check_settings, body_regex),
	  .types = HTTP_ONLY,
	  .help = "A POSIX extended regular expression that the first 64 KiB "
		  "of the body must match.  Either this or body." },
	{ .name = "ca_file",
	  .type = KEY_FILE,
	  FIELD(check_settings, ca_file),
	  .dflt_help = "the system's own",
	  .types = TLS_ONLY,
	  .help = "The authorities (PEM) that may have signed the target's "
		  "certificate." },
	{ .name = "cert_file",
	  .type = KEY_FILE,
	  FIELD(check_settings, cert_file),
	  .types = TLS_ONLY,
	  .help = "The certificate (PEM) to show to the target; needs "
		  "key_file." },
	{ .name = "key_file",
	  .type = KEY_FILE,
	  FIELD(check_settings, key_file),
	  .types = TLS_ONLY,
	  .help = "Its private key (PEM), which not everybody may read." },
	{ .name = "server_name",
	  .type = KEY_STRING,
	  FIELD(check_settings, server_name),
	  .dflt_help = "host, or the target's address",
	  .types = TLS_ONLY,
	  .help = "The name asked for (SNI) and looked for in the "
		  "certificate." },
	{ .name = "verify",
	  .type = KEY_BOOLEAN,
	  FIELD(check_settings, verify),
	  .dflt = "true",
	  .types = CERT_ONLY,
	  .help = "Whether an unknown, expired or wrongly named certificate "
		  "is a bad answer." },
	{ .name = "expires_within",
	  .type = KEY_DURATION,
	  FIELD(check_settings, expires_within_us),
	  .min = 0,
	  .max = 3650 * DAY,
	  .dflt = "14d",
	  .types = CERT_ONLY,
	  .help = "A certificate that ends sooner makes the target "
		  "DEGRADED.  \"0s\" switches this off." },
	{ .name = "command",
	  .type = KEY_STRINGS,
	  FIELD(check_settings, command),
	  .min = 1,
	  .max = 256,
	  .types = EXEC_ONLY,
	  .help = "The program to run, as an absolute path, and its "
		  "arguments; no shell comes between.  It is killed with all "
		  "it started when timeout is over.  Its environment names "
		  "the target: BASCULE_SERVICE, BASCULE_TARGET, "
		  "BASCULE_ADDRESS and BASCULE_PORT, and as for HAProxy's "
		  "external checks HAPROXY_PROXY_NAME, HAPROXY_SERVER_NAME, "
		  "HAPROXY_SERVER_ADDR and HAPROXY_SERVER_PORT." },
	{ .name = "user",
	  .type = KEY_STRING,
	  FIELD(check_settings, user),
	  .dflt_help = "postgres, root, or Redis' default user",
	  .types = DATABASE_ONLY,
	  .help = "Whom to log in as; what it needs to be allowed is in "
		  "docs/databases.md." },
	{ .name = "password_file",
	  .type = KEY_SECRET,
	  FIELD(check_settings, password_file),
	  .types = DATABASE_ONLY,
	  .help = "A file whose first line is that user's password.  It is "
		  "read anew for each connection.  Not everybody may read "
		  "it." },
	{ .name = "database",
	  .type = KEY_STRING,
	  FIELD(check_settings, database),
	  .dflt_help = "postgres, bascule, or Redis' 0",
	  .types = DATABASE_ONLY,
	  .help = "The database to connect to; of Redis its number; of "
		  "MariaDB where the canary's table is." },
	{ .name = "tls",
	  .type = KEY_CHOICE,
	  FIELD(check_settings, tls),
	  .choices = tls_uses,
	  .dflt = "off",
	  .types = DATABASE_ONLY,
	  .help = "Whether the database is talked to over TLS." },
	{ .name = NULL },
};

const struct block keys_check = {
	.name = "services.check",
	.help = "How the targets of a service are asked whether they are "
		"well.",
	.keys = check_keys,
};
