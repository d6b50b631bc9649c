#include "controller/config/load.h"

#include <errno.h>
#include <libconfig.h>
#include <limits.h>
#include <malloc.h>
#include <string.h>
#include <unistd.h>

#include "controller/config/block.h"
#include "controller/config/check.h"
#include "controller/config/cluster.h"
#include "controller/config/value.h"

static unsigned list_length(config_setting_t *list)
{
	return list == NULL ? 0 : (unsigned)config_setting_length(list);
}

/* Whether @count is within @limit; else it is reported at @list. */
static bool count_check(const struct reader *reader,
			const config_setting_t *list, const char *what,
			unsigned count, unsigned limit)
{
	if (count <= limit)
		return true;
	reader_error(reader, list, "there are %u %s: %u are the limit", count,
		     what, limit);
	return false;
}

static unsigned targets_count(config_setting_t *services)
{
	unsigned count = 0, i;

	for (i = 0; i < list_length(services); i++)
		count += list_length(block_list(
			config_setting_get_elem(services, i), "targets"));
	return count;
}

/* Arrays for all that the file lists; false: too many, or out of memory. */
static bool arrays_make(const struct reader *reader, struct settings *settings,
			config_setting_t *root)
{
	config_setting_t *haproxies = block_list(root, "haproxy");
	config_setting_t *services = block_list(root, "services");
	unsigned targets = targets_count(services);
	bool fits = true;

	settings->haproxy_count = list_length(haproxies);
	settings->service_count = list_length(services);
	settings->target_count = targets;
	fits = count_check(reader, haproxies, "HAProxy processes",
			   settings->haproxy_count, SETTINGS_HAPROXIES_MAX) &&
	       fits;
	fits = count_check(reader, services, "services",
			   settings->service_count, SETTINGS_SERVICES_MAX) &&
	       fits;
	fits = count_check(reader, services, "targets", targets,
			   SETTINGS_TARGETS_MAX) &&
	       fits;
	if (!fits)
		return false;
	settings->haproxies =
		arena_array(reader->arena, settings->haproxy_count,
			    sizeof(*settings->haproxies));
	settings->services = arena_array(reader->arena, settings->service_count,
					 sizeof(*settings->services));
	settings->targets =
		arena_array(reader->arena, targets, sizeof(*settings->targets));
	return !arena_failed(reader->arena);
}

static void haproxy_read(const struct reader *reader,
			 struct haproxy_settings *haproxy,
			 config_setting_t *group)
{
	haproxy->line = group->line;
	block_defaults(reader, &keys_haproxy, haproxy);
	if (config_setting_is_group(group))
		block_read(reader, &keys_haproxy, group, haproxy);
}

static void targets_read(const struct reader *reader, struct settings *settings,
			 unsigned service, config_setting_t *list)
{
	struct service_settings *owner = &settings->services[service];
	struct target_settings *target;
	config_setting_t *group;
	unsigned i;

	owner->target_count = list_length(list);
	for (i = 0; i < owner->target_count; i++) {
		target = &settings->targets[owner->first_target + i];
		group = config_setting_get_elem(list, i);
		target->service = service;
		target->line = group->line;
		target->address = target->host = "";
		block_defaults(reader, &keys_target, target);
		if (config_setting_is_group(group))
			block_read(reader, &keys_target, group, target);
	}
}

/* Defaults that another setting decides. */
static void service_complete(struct service_settings *service,
			     config_setting_t *group)
{
	struct check_settings *check = &service->check;
	config_setting_t *given = block_given(group, "check");

	if (block_given(given, "fast_interval") == NULL &&
	    check->fast_interval_us > check->interval_us)
		check->fast_interval_us = check->interval_us;
	/* Held without a word it is not harmless to every server. */
	if (block_given(given, "tether") == NULL)
		check->tether =
			check->type != CHECK_TCP && check->type != CHECK_TLS;
	if (check->down_interval_us == 0)
		check->down_interval_us = check->interval_us;
	/* A disk's pauses say nothing of how fast questions are answered. */
	if (block_given(given, "timeout_min") == NULL &&
	    (check->timeout_min_us > check->timeout_us ||
	     (service->failover != NULL && service->failover->canary_us > 0)))
		check->timeout_min_us = check->timeout_us;
	if (block_given(given, "lost_interval") == NULL &&
	    check->lost_interval_us > check->timeout_us)
		check->lost_interval_us = check->timeout_us;
	if (check->slow_after_us == 0)
		check->slow_after_us = check->timeout_us / 2;
	if (service->concurrency == 0)
		service->concurrency = service->target_count;
	if (service->failover != NULL)
		service->failover->line = block_given(group, "failover")->line;
}

static void service_read(const struct reader *reader, struct settings *settings,
			 unsigned index, config_setting_t *group)
{
	struct service_settings *service = &settings->services[index];

	service->line = group->line;
	block_defaults(reader, &keys_service, service);
	if (config_setting_is_group(group))
		block_read(reader, &keys_service, group, service);
	targets_read(reader, settings, index, block_list(group, "targets"));
	service_complete(service, group);
}

static int node_complete(const struct reader *reader, struct settings *settings)
{
	char name[HOST_NAME_MAX + 1] = "";
	struct place whole = { settings->file, 0, 0 };

	if (settings->node != NULL)
		return 0;
	if (gethostname(name, sizeof(name) - 1) < 0 ||
	    value_name(name, NULL) < 0) {
		report_error(reader->report, whole,
			     "the host name \"%s\" will not do as the node's "
			     "name: set node = \"...\"",
			     name);
		return 0;
	}
	settings->node = arena_strdup(reader->arena, name);
	return settings->node == NULL ? -ENOMEM : 0;
}

static int settings_read(const struct reader *reader, struct settings *settings,
			 config_setting_t *root)
{
	config_setting_t *list;
	unsigned first = 0, i;

	if (config_setting_length(root) == 0) {
		report_error(reader->report,
			     (struct place){ settings->file, 0, 0 },
			     "the file holds no settings: write at least "
			     "services = ( ... ), see bascule.conf(5)");
		return -EINVAL;
	}
	block_defaults(reader, &keys_root, settings);
	block_read(reader, &keys_root, root, settings);
	if (!arrays_make(reader, settings, root))
		return arena_failed(reader->arena) ? -ENOMEM : -EINVAL;
	list = block_list(root, "haproxy");
	for (i = 0; i < settings->haproxy_count; i++)
		haproxy_read(reader, &settings->haproxies[i],
			     config_setting_get_elem(list, i));
	list = block_list(root, "services");
	for (i = 0; i < settings->service_count; i++) {
		settings->services[i].first_target = first;
		service_read(reader, settings, i,
			     config_setting_get_elem(list, i));
		first += settings->services[i].target_count;
	}
	if (block_given(root, "node") == NULL)
		return node_complete(reader, settings);
	return arena_failed(reader->arena) ? -ENOMEM : 0;
}

static void service_settle(const struct text *text,
			   struct service_settings *service)
{
	service->line = text_place(text, service->line).line;
	if (service->failover != NULL)
		service->failover->line =
			text_place(text, service->failover->line).line;
}

/* Until now lines were those of the whole text. */
static void lines_settle(const struct text *text, struct settings *settings)
{
	struct cluster_settings *cluster = settings->cluster;
	unsigned i;

	for (i = 0; cluster != NULL && i < cluster->node_count; i++)
		cluster->nodes[i].line =
			text_place(text, cluster->nodes[i].line).line;

	for (i = 0; i < settings->haproxy_count; i++)
		settings->haproxies[i].line =
			text_place(text, settings->haproxies[i].line).line;
	for (i = 0; i < settings->service_count; i++)
		service_settle(text, &settings->services[i]);
	for (i = 0; i < settings->target_count; i++)
		settings->targets[i].line =
			text_place(text, settings->targets[i].line).line;
}

static int settings_build(const struct reader *reader,
			  struct settings *settings, config_setting_t *root)
{
	int r;

	r = settings_read(reader, settings, root);
	if (r < 0)
		return r;
	cluster_read(reader, settings, root);
	if (arena_failed(reader->arena))
		return -ENOMEM;
	r = check_settings(reader, settings, root);
	if (r < 0)
		return r;
	if (arena_failed(reader->arena) || reader->report->failed)
		return -ENOMEM;
	if (reader->report->errors > 0)
		return -EINVAL;
	cluster_settle(reader, settings);
	depends_settle(reader, settings);
	lines_settle(reader->text, settings);
	readers_settle(reader, settings);
	return arena_failed(reader->arena) ? -ENOMEM : 0;
}

/* The scan knows libconfig's grammar, so this is not expected. */
static void parse_report(const struct text *text, const config_t *config,
			 struct report *report)
{
	unsigned order = (unsigned)config_error_line(config);

	if (report->errors == 0)
		report_error(report, text_place(text, order),
			     "libconfig says \"%s\": look here and on the "
			     "line before",
			     config_error_text(config));
}

static int text_settings(const struct text *text, const char *name,
			 struct settings **ret_settings, struct report *report)
{
	struct reader reader = { .report = report, .text = text };
	struct settings *settings = NULL;
	config_t config;
	int r = -ENOMEM;

	config_init(&config);
	reader.arena = arena_new();
	if (reader.arena != NULL)
		settings = arena_alloc(reader.arena, sizeof(*settings));
	if (settings == NULL)
		goto fail;
	settings->arena = reader.arena;
	settings->file = arena_strdup(reader.arena, name);
	if (settings->file == NULL)
		goto fail;
	r = -EINVAL;
	if (!config_read_string(&config, text->bytes)) {
		parse_report(text, &config, report);
		goto fail;
	}
	r = settings_build(&reader, settings, config_root_setting(&config));
	if (r < 0)
		goto fail;
	config_destroy(&config);
	*ret_settings = settings;
	return 0;
fail:
	config_destroy(&config);
	arena_free(reader.arena);
	return r;
}

int settings_load(const char *path, struct settings **ret_settings,
		  struct report *report)
{
	struct text text;
	int r;

	text_init(&text);
	r = text_load(&text, path, report);
	if (r == 0)
		r = text_settings(&text, path, ret_settings, report);
	text_done(&text);
	/* libconfig's tree was many times what stays. */
	malloc_trim(0);
	return r;
}

int settings_load_text(const char *name, const char *bytes, size_t length,
		       struct settings **ret_settings, struct report *report)
{
	struct text text;
	int r;

	text_init(&text);
	r = text_take(&text, name, bytes, length, report);
	if (r == 0)
		r = text_settings(&text, name, ret_settings, report);
	text_done(&text);
	return r;
}

void settings_free(struct settings *settings)
{
	if (settings != NULL)
		arena_free(settings->arena);
}
