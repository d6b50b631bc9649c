/* The rules of what concerns databases: their checks, and their groups. */

#include <stdlib.h>
#include <string.h>

#include "controller/config/check.h"
#include "controller/core/document.h"
#include "controller/core/plan.h"

/* What Redis has can be more, by its configuration. */
#define REDIS_DATABASES_MAX 100000
/* Its readers are called so, and "/readers". */
#define NAME_MAX_READ (SETTINGS_NAME_MAX - 8)

static bool is_database(const struct check_settings *check)
{
	return check->type == CHECK_POSTGRESQL || check->type == CHECK_MYSQL ||
	       check->type == CHECK_REDIS;
}

static bool is_number(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return digits > 0 && digits < 7 && text[digits] == '\0' &&
	       atoi(text) < REDIS_DATABASES_MAX;
}

static void check_redis(const struct reader *reader,
			const struct check_settings *check,
			config_setting_t *given)
{
	config_setting_t *user = block_given(given, "user");

	if (check->database != NULL && !is_number(check->database))
		reader_error(reader, block_given(given, "database"),
			     "database \"%.80s\" is no number: Redis counts "
			     "its databases from \"0\"",
			     check->database);
	if (user != NULL && block_given(given, "password_file") == NULL)
		reader_error(reader, user,
			     "user has no password_file: Redis lets nobody log "
			     "in without a password, add it");
}

void check_database(const struct reader *reader,
		    const struct check_settings *check, config_setting_t *given)
{
	static const char *const names[] = { "ca_file", "cert_file",
					     "server_name" };
	config_setting_t *setting;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		setting = block_given(given, names[i]);
		if (setting != NULL && check->tls == TLS_OFF)
			reader_error(reader, setting,
				     "%s does nothing without TLS: add tls = "
				     "\"verified\", or remove it",
				     names[i]);
	}
	if (check->type == CHECK_REDIS)
		check_redis(reader, check, given);
}

/* What of @target means something in a group only. */
static void check_instance(const struct reader *reader,
			   const struct settings *settings,
			   const struct service_settings *service,
			   const struct target_settings *target,
			   config_setting_t *group)
{
	const struct cluster_settings *cluster = settings->cluster;
	config_setting_t *node = block_given(group, "node");
	config_setting_t *priority = block_given(group, "priority");
	unsigned i;

	if (service->failover == NULL) {
		if (priority != NULL)
			reader_warning(reader, priority,
				       "priority does nothing without failover "
				       "of \"%s\": remove it",
				       service->name);
		if (node != NULL)
			reader_warning(reader, node,
				       "node does nothing without failover of "
				       "\"%s\": remove it",
				       service->name);
		return;
	}
	for (i = 0; cluster != NULL && i < cluster->node_count; i++)
		if (settings_text_same(cluster->nodes[i].name, target->node))
			return;
	if (node != NULL && cluster != NULL)
		reader_error(reader, node,
			     "node \"%.80s\" is none of the cluster's: name "
			     "one of cluster.nodes",
			     target->node);
}

/* What a group must have around it. */
static void check_group(const struct reader *reader,
			const struct service_settings *service,
			config_setting_t *given)
{
	if (!is_database(&service->check))
		reader_error(reader, given,
			     "failover of \"%s\" has no database: give check a "
			     "type of \"postgresql\", \"mysql\" or \"redis\"",
			     service->name);
	if (service->backend == NULL &&
	    service->failover->mode != FAILOVER_OBSERVE)
		reader_error(reader, given,
			     "failover of \"%s\" has nothing to route: add "
			     "backend = \"...\", or mode = \"observe\"",
			     service->name);
	if (service->target_count < 2 ||
	    service->target_count > PLAN_INSTANCES_MAX)
		reader_error(reader, given,
			     "failover of \"%s\" has %u targets: give 2 to %d",
			     service->name, service->target_count,
			     PLAN_INSTANCES_MAX);
}

/* What its settings say of one another. */
static void check_terms(const struct reader *reader,
			const struct service_settings *service,
			config_setting_t *given)
{
	const struct failover_settings *set = service->failover;
	config_setting_t *user = block_given(given, "replication_user");
	config_setting_t *pass =
		block_given(given, "replication_password_file");

	if (user != NULL && pass == NULL)
		reader_error(reader, user,
			     "replication_user has no "
			     "replication_password_file: add it");
	if (pass != NULL && user == NULL && service->check.type != CHECK_REDIS)
		reader_error(reader, pass,
			     "replication_password_file has no "
			     "replication_user: add it");
	if (set->durability == DURABILITY_NO_LOSS &&
	    service->check.type == CHECK_REDIS &&
	    set->mode == FAILOVER_AUTOMATIC)
		reader_warning(reader, block_given(given, "durability"),
			       "Redis acknowledges writes before a replica has "
			       "them: with \"no-loss\" nothing is promoted "
			       "when its primary fails");
	if (set->on_quorum_loss == QUORUM_LOSS_HOLD &&
	    set->durability != DURABILITY_NO_LOSS &&
	    set->mode == FAILOVER_AUTOMATIC)
		reader_error(
			reader, block_given(given, "on_quorum_loss"),
			"on_quorum_loss = \"hold\" would let two primaries "
			"acknowledge writes: add durability = "
			"\"no-loss\" or mode = \"manual\", or let it "
			"withdraw");
}

/* The port is what is closed. */
static void check_port(const struct reader *reader,
		       const struct settings *settings, unsigned i,
		       config_setting_t *given)
{
	const struct target_settings *mine = &settings->targets[i], *other;
	unsigned k;

	for (k = 0; k < i; k++) {
		other = &settings->targets[k];
		if (settings->services[other->service].readers_of == 0 &&
		    settings->services[other->service].failover != NULL &&
		    settings_text_same(mine->node, other->node) &&
		    mine->port == other->port)
			reader_error(reader, given,
				     "door of \"%.63s\" would close port %u of "
				     "\"%.63s\", too, on node \"%.63s\": give "
				     "them ports of their own",
				     mine->name, mine->port, other->name,
				     mine->node);
	}
}

static void check_door(const struct reader *reader,
		       const struct settings *settings,
		       const struct service_settings *service,
		       config_setting_t *failover)
{
	const struct failover_settings *set = service->failover;
	config_setting_t *given = block_given(failover, "door");
	const struct target_settings *target;
	unsigned i;

	if (!set->door)
		return;
	if (settings->cluster == NULL)
		reader_error(reader, given,
			     "door has no cluster: who would not renew it? "
			     "Add cluster, or remove door");
	if (set->mode == FAILOVER_OBSERVE)
		reader_error(reader, given,
			     "door closes ports, and mode = \"observe\" "
			     "changes nothing: remove one of them");
	if (set->on_quorum_loss == QUORUM_LOSS_HOLD)
		reader_error(reader, given,
			     "door closes what on_quorum_loss = \"hold\" "
			     "keeps: remove one of them");
	for (i = 0; i < service->target_count; i++) {
		target = &settings->targets[service->first_target + i];
		if (target->node == NULL)
			reader_error(reader, given,
				     "door of \"%.63s\" is kept by the node "
				     "that hosts it: add node to the target",
				     target->name);
		else
			check_port(reader, settings, service->first_target + i,
				   given);
	}
}

/* A server obeys one service. */
static void check_readers(const struct reader *reader,
			  const struct settings *settings,
			  const struct service_settings *service,
			  config_setting_t *given)
{
	const struct failover_settings *set = service->failover;
	config_setting_t *setting = block_given(given, "readers");
	config_setting_t *min_up = block_given(given, "readers_min_up");
	const struct service_settings *other;
	unsigned i;

	if (min_up != NULL && set->readers == NULL)
		reader_error(reader, min_up,
			     "readers_min_up does nothing without readers: add "
			     "readers = \"...\", or remove it");
	if (min_up != NULL && set->readers_min_up >= service->target_count)
		reader_error(reader, min_up,
			     "readers_min_up = %u but there are %u replicas: "
			     "give at most that",
			     set->readers_min_up, service->target_count - 1);
	if (set->readers != NULL && service->name != NULL &&
	    strlen(service->name) > NAME_MAX_READ)
		reader_error(reader, setting,
			     "the name of \"%s\" is too long for readers: "
			     "shorten it to %d bytes",
			     service->name, NAME_MAX_READ);
	for (i = 0; set->readers != NULL && i < settings->service_count; i++) {
		other = &settings->services[i];
		if (settings_text_same(other->backend, set->readers) ||
		    (other != service && other->failover != NULL &&
		     settings_text_same(other->failover->readers,
					set->readers)))
			reader_error(reader, setting,
				     "readers = \"%.80s\" is a backend of "
				     "\"%.63s\" already: give readers one of "
				     "their own",
				     set->readers, other->name);
	}
}

/* What a leaving worker of HAProxy still writes to, nobody has withdrawn. */
static void check_leavers(const struct reader *reader,
			  const struct settings *settings,
			  const struct service_settings *service,
			  config_setting_t *given)
{
	const struct haproxy_settings *ha = settings->haproxies;
	const struct haproxy_settings *end = ha + settings->haproxy_count;

	for (; service->backend != NULL && ha < end; ha++)
		if (ha->socket != NULL && ha->master_socket == NULL)
			reader_warning(reader, given,
				       "haproxy \"%s\" has no master_socket: "
				       "workers that leave after its reload "
				       "keep their sessions to a former "
				       "primary: add it (haproxy -S)",
				       ha->name);
}

void check_failover(const struct reader *reader,
		    const struct settings *settings,
		    const struct service_settings *service,
		    config_setting_t *group)
{
	config_setting_t *targets = block_list(group, "targets");
	config_setting_t *given = block_given(group, "failover");
	unsigned i;

	for (i = 0; i < service->target_count; i++)
		check_instance(reader, settings, service,
			       &settings->targets[service->first_target + i],
			       config_setting_get_elem(targets, i));
	if (service->failover == NULL)
		return;
	check_group(reader, service, given);
	check_terms(reader, service, given);
	check_readers(reader, settings, service, given);
	check_door(reader, settings, service, given);
	check_leavers(reader, settings, service, given);
	if (check_self_leads(settings->cluster)) {
		check_hook(reader, "fence", service->failover->fence, given);
		check_hook(reader, "rejoin", service->failover->rejoin, given);
	}
}

void check_groups(const struct reader *reader, const struct settings *settings,
		  config_setting_t *services)
{
	unsigned i, count = 0;

	for (i = 0; i < settings->service_count; i++)
		if (settings->services[i].failover != NULL &&
		    ++count == DOCUMENT_GROUPS_MAX + 1)
			reader_error(reader,
				     config_setting_get_elem(services, i),
				     "\"%s\" is one group of databases too "
				     "many: %d are the limit",
				     settings->services[i].name,
				     DOCUMENT_GROUPS_MAX);
}
