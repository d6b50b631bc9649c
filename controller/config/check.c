#include "controller/config/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/core/incident.h"

/* Something with a name, for the search for twins. */
struct named {
	const char *scope; /* twins are of one scope */
	const char *name;
	unsigned order; /* its line */
};

static int named_compare(const void *left, const void *right)
{
	const struct named *a = left, *b = right;
	int r = strcmp(a->scope, b->scope);

	if (r == 0)
		r = strcmp(a->name, b->name);
	if (r == 0)
		r = a->order < b->order ? -1 : a->order > b->order;
	return r;
}

/* Say that @twin's name is taken, @first says where. */
typedef void twin_report(const struct reader *reader, const struct named *twin,
			 const char *first);

/* Tell of @twin, and where @first of that name stands. */
static void twin_tell(const struct reader *reader, const struct named *twin,
		      const struct named *first, twin_report *tell)
{
	struct place here = text_place(reader->text, twin->order);
	char where[WHERE_MAX];

	tell(reader, twin, reader_where(reader, here, first->order, where));
}

/* Call @tell for each of @named that bears the name of one before it. */
static void twins_find(const struct reader *reader, struct named *named,
		       size_t count, twin_report *tell)
{
	size_t i, first = 0;

	qsort(named, count, sizeof(*named), named_compare);
	for (i = 1; i < count; i++) {
		if (strcmp(named[i].scope, named[first].scope) != 0 ||
		    strcmp(named[i].name, named[first].name) != 0)
			first = i;
		else
			twin_tell(reader, &named[i], &named[first], tell);
	}
}

static void service_twin(const struct reader *reader, const struct named *twin,
			 const char *first)
{
	report_error(reader->report, text_place(reader->text, twin->order),
		     "service \"%s\" exists already (%s): give it another "
		     "name",
		     twin->name, first);
}

static void haproxy_twin(const struct reader *reader, const struct named *twin,
			 const char *first)
{
	report_error(reader->report, text_place(reader->text, twin->order),
		     "HAProxy \"%s\" exists already (%s): give it another "
		     "name",
		     twin->name, first);
}

static void socket_twin(const struct reader *reader, const struct named *twin,
			const char *first)
{
	report_error(reader->report, text_place(reader->text, twin->order),
		     "socket \"%s\" is another HAProxy's already (%s): "
		     "name each process once",
		     twin->name, first);
}

static void agent_twin(const struct reader *reader, const struct named *twin,
		       const char *first)
{
	report_error(reader->report, text_place(reader->text, twin->order),
		     "agent_listen \"%s\" answers another HAProxy already "
		     "(%s): give each a port of its own",
		     twin->name, first);
}

static void target_twin(const struct reader *reader, const struct named *twin,
			const char *first)
{
	report_error(reader->report, text_place(reader->text, twin->order),
		     "target \"%s\" exists already in service \"%s\" (%s): "
		     "give it another name",
		     twin->name, twin->scope, first);
}

static void server_twin(const struct reader *reader, const struct named *twin,
			const char *first)
{
	report_error(reader->report, text_place(reader->text, twin->order),
		     "server \"%s/%s\" of HAProxy is another service's target "
		     "already (%s): a server obeys one service",
		     twin->scope, twin->name, first);
}

static void address_twin(const struct reader *reader, const struct named *twin,
			 const char *first)
{
	report_warning(reader->report, text_place(reader->text, twin->order),
		       "address \"%s\" is another target's of service \"%s\" "
		       "already (%s): is one of them mistyped?",
		       twin->name, twin->scope, first);
}

static void services_twins(const struct reader *reader,
			   const struct settings *settings, struct named *named)
{
	const struct service_settings *service;
	size_t count = 0;
	unsigned i;

	for (i = 0; i < settings->service_count; i++) {
		service = &settings->services[i];
		if (service->name != NULL)
			named[count++] = (struct named){ "", service->name,
							 service->line };
	}
	twins_find(reader, named, count, service_twin);
}

static bool text_same(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* Whether some node drives both. */
static bool driven_together(const struct haproxy_settings *a,
			    const struct haproxy_settings *b)
{
	return a->node == NULL || b->node == NULL ||
	       strcmp(a->node, b->node) == 0;
}

/* HAProxy @index, should one before it on the same node be called the same,
 * be at the same socket, or ask at the same address.
 */
static void haproxy_twins(const struct reader *reader,
			  const struct settings *settings, unsigned index)
{
	const struct haproxy_settings *here = &settings->haproxies[index];
	struct named name = { "", here->name, here->line };
	struct named socket = { "", here->socket, here->line };
	struct named agent = { "", here->agent_listen, here->line };
	const struct haproxy_settings *other;
	bool named = false, used = false, asked = false;
	struct named first;
	unsigned i;

	for (i = 0; i < index; i++) {
		other = &settings->haproxies[i];
		first = (struct named){ "", other->name, other->line };
		if (!driven_together(here, other))
			continue;
		if (!named && text_same(here->name, other->name))
			twin_tell(reader, &name, &first, haproxy_twin);
		if (!used && text_same(here->socket, other->socket))
			twin_tell(reader, &socket, &first, socket_twin);
		if (!asked &&
		    text_same(here->agent_listen, other->agent_listen))
			twin_tell(reader, &agent, &first, agent_twin);
		named = named || text_same(here->name, other->name);
		used = used || text_same(here->socket, other->socket);
		asked = asked ||
			text_same(here->agent_listen, other->agent_listen);
	}
}

static void haproxies_twins(const struct reader *reader,
			    const struct settings *settings)
{
	unsigned i;

	for (i = 0; i < settings->haproxy_count; i++)
		haproxy_twins(reader, settings, i);
}

/* What of a target must not stand twice in which scope. */
enum twin_kind { TWIN_TARGET, TWIN_SERVER, TWIN_ADDRESS };

static struct named target_named(const struct settings *settings,
				 const struct target_settings *target,
				 enum twin_kind kind)
{
	const struct service_settings *service;
	struct named named = { NULL, target->name, target->line };

	service = &settings->services[target->service];
	named.scope = kind == TWIN_SERVER ? service->backend : service->name;
	if (kind == TWIN_ADDRESS)
		named.name = *target->address ? target->address : NULL;
	return named;
}

static void targets_twins(const struct reader *reader,
			  const struct settings *settings, struct named *named,
			  enum twin_kind kind, twin_report *tell)
{
	size_t count = 0;
	unsigned i;

	for (i = 0; i < settings->target_count; i++) {
		named[count] =
			target_named(settings, &settings->targets[i], kind);
		if (named[count].scope != NULL && named[count].name != NULL)
			count++;
	}
	twins_find(reader, named, count, tell);
}

static int check_twins(const struct reader *reader,
		       const struct settings *settings)
{
	size_t errors, most = 1 + settings->target_count;
	struct named *named;

	most += settings->service_count;
	named = malloc(most * sizeof(*named));
	if (named == NULL)
		return -ENOMEM;
	services_twins(reader, settings, named);
	haproxies_twins(reader, settings);
	errors = reader->report->errors;
	targets_twins(reader, settings, named, TWIN_TARGET, target_twin);
	/* Twins of one service are twins in its backend too: once is enough */
	if (reader->report->errors == errors)
		targets_twins(reader, settings, named, TWIN_SERVER,
			      server_twin);
	targets_twins(reader, settings, named, TWIN_ADDRESS, address_twin);
	free(named);
	return 0;
}

static void check_haproxy(const struct reader *reader,
			  const struct haproxy_settings *haproxy,
			  config_setting_t *group)
{
	config_setting_t *socket = block_given(group, "socket");
	config_setting_t *address = block_given(group, "address");

	if (socket != NULL && address != NULL)
		reader_error(reader, address,
			     "socket and address are both given: keep one");
	if (socket == NULL && address == NULL)
		reader_error(reader, group,
			     "HAProxy \"%s\" has no socket: add socket = "
			     "\"/run/haproxy/admin.sock\"",
			     haproxy->name);
	if (haproxy->host != NULL && haproxy->port == 0)
		reader_error(reader, address,
			     "address \"%s\" has no port: add one, such as "
			     "\"%s:9999\"",
			     haproxy->host, haproxy->host);
	if (haproxy->agent_host != NULL && haproxy->agent_port == 0)
		reader_error(reader, block_given(group, "agent_listen"),
			     "agent_listen \"%s\" has no port: add one, such "
			     "as \"%s:7481\"",
			     haproxy->agent_host, haproxy->agent_host);
}

static const char *usual_port(enum check_type type)
{
	switch (type) {
	case CHECK_HTTPS:
	case CHECK_TLS:
		return "443";
	case CHECK_POSTGRESQL:
		return "5432";
	case CHECK_MYSQL:
		return "3306";
	case CHECK_REDIS:
		return "6379";
	default:
		return "80";
	}
}

static void check_target(const struct reader *reader,
			 const struct service_settings *service,
			 const struct target_settings *target,
			 config_setting_t *group)
{
	config_setting_t *address = block_given(group, "address");

	if (service->check.type == CHECK_EXEC && !service->add_servers)
		return;
	if (address == NULL)
		reader_error(reader, group,
			     "target \"%s\" has no address: add address = "
			     "\"HOST:PORT\"",
			     target->name == NULL ? "" : target->name);
	else if (*target->host != '\0' && target->port == 0)
		reader_error(reader, address,
			     "address \"%s\" has no port: add one, such as "
			     "\"%s:%s\"",
			     target->address, target->address,
			     usual_port(service->check.type));
}

/* Settings that speak of HAProxy's servers, in a service that has none. */
static void check_proxied(const struct reader *reader,
			  const struct service_settings *service,
			  config_setting_t *group)
{
	const struct key *key;
	config_setting_t *given;

	for (key = keys_service.keys; key->name != NULL; key++) {
		given = block_given(group, key->name);
		if (key->proxied && given != NULL && service->backend == NULL)
			reader_warning(reader, given,
				       "%s does nothing without a backend: "
				       "add backend = \"...\", or remove it",
				       key->name);
	}
}

#define PARAMS_MAX 100

/* What HAProxy's command line takes apart is not let through. */
static void check_params(const struct reader *reader,
			 const struct service_settings *service,
			 config_setting_t *given)
{
	const char *params = service->server_params;

	if (params == NULL)
		return;
	if (strlen(params) > PARAMS_MAX ||
	    params[strspn(params, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "abcdefghijklmnopqrstuvwxyz"
				  "0123456789 -_.:,/=+@%")] != '\0')
		reader_error(reader, given,
			     "server_params \"%s\" is not what HAProxy takes: "
			     "words such as \"maxconn 100 send-proxy\", at "
			     "most %d bytes",
			     params, PARAMS_MAX);
	if (!service->add_servers)
		reader_warning(reader, given,
			       "server_params does nothing without "
			       "add_servers = true: add it, or remove this");
}

static void check_service(const struct reader *reader,
			  const struct settings *settings,
			  const struct service_settings *service,
			  config_setting_t *group)
{
	config_setting_t *targets = block_list(group, "targets");
	config_setting_t *min_up = block_given(group, "min_up");
	unsigned i;

	if (targets != NULL && service->target_count == 0)
		reader_error(reader, targets,
			     "targets is empty: a service needs at least one");
	if (settings->cluster != NULL && service->name != NULL &&
	    strcmp(service->name, INCIDENT_NODE_NAME) == 0)
		reader_error(reader, block_given(group, "name"),
			     "name \"%s\" is what incidents of the cluster's "
			     "nodes are called: give the service another one",
			     service->name);
	if (min_up != NULL && service->min_up > service->target_count)
		reader_error(reader, min_up,
			     "min_up = %u is more than the %u targets there "
			     "are: give less",
			     service->min_up, service->target_count);
	if (service->backend != NULL && settings->haproxy_count == 0)
		reader_error(reader, block_given(group, "backend"),
			     "backend \"%s\" is named but no HAProxy: add "
			     "haproxy = ( { socket = \"...\"; } ), or remove "
			     "backend",
			     service->backend);
	check_rails(reader, service, group);
	check_proxied(reader, service, group);
	check_params(reader, service, block_given(group, "server_params"));
	check_probe(reader, service, block_given(group, "check"));
	check_failover(reader, settings, service, group);
	for (i = 0; i < service->target_count; i++)
		check_target(reader, service,
			     &settings->targets[service->first_target + i],
			     config_setting_get_elem(targets, i));
}

static void check_unused(const struct reader *reader,
			 const struct settings *settings,
			 config_setting_t *haproxies)
{
	unsigned i;

	for (i = 0; i < settings->service_count; i++)
		if (settings->services[i].backend != NULL)
			return;
	if (settings->haproxy_count > 0 && settings->service_count > 0)
		reader_warning(reader, haproxies,
			       "no service names a backend, so HAProxy is "
			       "left alone: add backend = \"...\" to a "
			       "service");
}

static void check_services_given(const struct reader *reader,
				 const struct settings *settings,
				 config_setting_t *root,
				 config_setting_t *services)
{
	if (block_given(root, "services") == NULL)
		reader_error(reader, root,
			     "services is missing: add services = ( { ... }, "
			     "{ ... } )");
	else if (services != NULL && settings->service_count == 0)
		reader_error(reader, services,
			     "services is empty: add at least one");
}

int check_settings(const struct reader *reader, const struct settings *settings,
		   config_setting_t *root)
{
	config_setting_t *haproxies = block_list(root, "haproxy");
	config_setting_t *services = block_list(root, "services");
	unsigned i;

	/* A cluster may be there for its primary alone. */
	if (block_given(root, "cluster") == NULL)
		check_services_given(reader, settings, root, services);
	for (i = 0; i < settings->haproxy_count; i++)
		check_haproxy(reader, &settings->haproxies[i],
			      config_setting_get_elem(haproxies, i));
	for (i = 0; i < settings->service_count; i++)
		check_service(reader, settings, &settings->services[i],
			      config_setting_get_elem(services, i));
	check_depends(reader, settings, services);
	check_groups(reader, settings, services);
	check_unused(reader, settings, haproxies);
	check_listeners(reader, settings, haproxies);
	check_cluster(reader, settings, root);
	return check_twins(reader, settings);
}
