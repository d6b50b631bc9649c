#include "controller/core/settings.h"

#include <string.h>

bool service_ends_sessions(const struct service_settings *svc)
{
	return svc->sessions == SESSIONS_END;
}

bool settings_text_same(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return strcmp(a, b) == 0;
}

unsigned settings_find_service(const struct settings *set, const char *name)
{
	unsigned i;

	for (i = 0; i < set->service_count; i++)
		if (settings_text_same(set->services[i].name, name))
			return i;
	return SETTINGS_NONE;
}

unsigned settings_find_target(const struct settings *set, unsigned service,
			      const char *name)
{
	const struct service_settings *svc;
	unsigned i;

	if (service == SETTINGS_NONE)
		return SETTINGS_NONE;
	svc = &set->services[service];
	for (i = 0; i < svc->target_count; i++)
		if (settings_text_same(set->targets[svc->first_target + i].name,
				       name))
			return svc->first_target + i;
	return SETTINGS_NONE;
}

unsigned settings_find_haproxy(const struct settings *set, const char *name)
{
	unsigned i;

	for (i = 0; i < set->haproxy_count; i++)
		if (settings_text_same(set->haproxies[i].name, name))
			return i;
	return SETTINGS_NONE;
}

static bool headers_same(const struct check_settings *a,
			 const struct check_settings *b)
{
	size_t i;

	if (a->headers_count != b->headers_count)
		return false;
	for (i = 0; i < a->headers_count; i++)
		if (strcmp(a->headers[i], b->headers[i]) != 0)
			return false;
	return true;
}

static bool status_same(const struct check_settings *a,
			const struct check_settings *b)
{
	size_t i;

	if (a->status_count != b->status_count)
		return false;
	for (i = 0; i < a->status_count; i++)
		if (a->status[i].first != b->status[i].first ||
		    a->status[i].last != b->status[i].last)
			return false;
	return true;
}

static bool command_same(const char *const *a, const char *const *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	while (*a != NULL && *b != NULL && strcmp(*a, *b) == 0) {
		a++;
		b++;
	}
	return *a == NULL && *b == NULL;
}

bool check_asks_same(const struct check_settings *a,
		     const struct check_settings *b)
{
	return a->type == b->type && a->port == b->port &&
	       a->verify == b->verify && a->tether == b->tether &&
	       a->expires_within_us == b->expires_within_us &&
	       settings_text_same(a->method, b->method) &&
	       settings_text_same(a->path, b->path) &&
	       settings_text_same(a->host, b->host) && headers_same(a, b) &&
	       status_same(a, b) && settings_text_same(a->body, b->body) &&
	       settings_text_same(a->body_regex, b->body_regex) &&
	       settings_text_same(a->ca_file, b->ca_file) &&
	       settings_text_same(a->cert_file, b->cert_file) &&
	       settings_text_same(a->key_file, b->key_file) &&
	       settings_text_same(a->server_name, b->server_name) &&
	       settings_text_same(a->user, b->user) &&
	       settings_text_same(a->password_file, b->password_file) &&
	       settings_text_same(a->database, b->database) &&
	       a->tls == b->tls && command_same(a->command, b->command);
}

bool target_asks_same(const struct settings *set, unsigned target,
		      const struct settings *old, unsigned from)
{
	const struct target_settings *a = &set->targets[target];
	const struct target_settings *b = &old->targets[from];

	return a->port == b->port && settings_text_same(a->host, b->host) &&
	       check_asks_same(&set->services[a->service].check,
			       &old->services[b->service].check);
}
