/* Give one order to a database and print what came of it.
 *
 *   order_once [-t TIMEOUT_MS] TYPE NAME PORT ORDER [KEY=VALUE]...
 *
 * ORDER is promote, follow, fence, unfence, catch_up or canary; the target is
 * NAME at 127.0.0.1:PORT.  Keys: user, password_file; replication_user,
 * replication_password_file; source (a port) of follow; offset of catch_up;
 * epoch.  Prints "done", or "failed: WHY".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "controller/core/result.h"
#include "databases/databases_io.h"

struct run {
	struct loop *loop;
	struct databases *dbs;
	struct database_order order;
};

static struct failover_settings failover;
static struct service_settings service = { .name = "db",
					   .failover = &failover,
					   .target_count = 2 };
static struct target_settings targets[2] = {
	{ .host = "127.0.0.1", .address = "127.0.0.1" },
	{ .name = "source", .host = "127.0.0.1", .address = "127.0.0.1" },
};
static struct settings settings = { .services = &service,
				    .service_count = 1,
				    .targets = targets,
				    .target_count = 2 };

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "order_once: %s\n", what);
	exit(64);
}

static void parse_type(const char *name)
{
	enum check_type type = CHECK_POSTGRESQL;

	while (type < CHECK_TYPES && strcmp(check_type_name(type), name) != 0)
		type++;
	if (type == CHECK_TYPES)
		die("no such type");
	service.check.type = type;
}

static void parse_order(struct run *run, const char *name)
{
	static const char *const names[DATABASE_ORDERS] = {
		[DATABASE_PROMOTE] = "promote",
		[DATABASE_FOLLOW] = "follow",
		[DATABASE_FENCE] = "fence",
		[DATABASE_UNFENCE] = "unfence",
		[DATABASE_CATCH_UP] = "catch_up",
		[DATABASE_CANARY] = "canary",
	};
	unsigned kind = 0;

	while (kind < DATABASE_ORDERS && strcmp(names[kind], name) != 0)
		kind++;
	if (kind == DATABASE_ORDERS)
		die("no such order");
	run->order.kind = (enum database_order_kind)kind;
}

static void parse_key(struct run *run, char *text)
{
	char *value = strchr(text, '=');

	if (value == NULL)
		die("KEY=VALUE is wanted");
	*value++ = '\0';
	if (strcmp(text, "user") == 0)
		service.check.user = value;
	else if (strcmp(text, "password_file") == 0)
		service.check.password_file = value;
	else if (strcmp(text, "replication_user") == 0)
		failover.replication_user = value;
	else if (strcmp(text, "replication_password_file") == 0)
		failover.replication_password_file = value;
	else if (strcmp(text, "source") == 0)
		targets[1].port = (uint16_t)atoi(value);
	else if (strcmp(text, "offset") == 0)
		run->order.position.offset = strtoull(value, NULL, 10);
	else if (strcmp(text, "epoch") == 0)
		run->order.epoch = strtoull(value, NULL, 10);
	else
		die("no such key");
}

static void on_done(void *arg, uint64_t id, const char *failed_why, bool parted)
{
	struct run *run = arg;

	(void)id;
	if (failed_why != NULL)
		printf("%s: %s\n", parted ? "parted" : "failed", failed_why);
	else
		puts("done");
	loop_stop(run->loop);
}

int main(int argc, char **argv)
{
	struct run run = { .order = { .source = 1, .timeout_us = 5 * SECOND } };
	struct resolver *resolver = NULL;
	struct err err = { 0 };

	if (argc > 2 && strcmp(argv[1], "-t") == 0) {
		run.order.timeout_us = atoi(argv[2]) * MS;
		argc -= 2;
		argv += 2;
	}
	if (argc < 5)
		die("wrong usage");
	parse_type(argv[1]);
	targets[0].name = argv[2];
	targets[0].port = (uint16_t)atoi(argv[3]);
	parse_order(&run, argv[4]);
	for (argv += 5; *argv != NULL; argv++)
		parse_key(&run, *argv);
	if (loop_new(&run.loop, &err) < 0 ||
	    resolver_new(&resolver, run.loop, &err) < 0 ||
	    databases_new(&run.dbs, run.loop, resolver, &settings, on_done,
			  &run, &err) < 0)
		die(err.text);
	databases_order(run.dbs, 1, &run.order);
	loop_run(run.loop);
	databases_free(run.dbs);
	resolver_free(resolver);
	loop_free(run.loop);
	return 0;
}
