#include "controller/config/diff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A target of the old settings, sortable. */
struct known {
	const char *service, *target; /* borrowed from the settings */
	unsigned index;
};

static int known_compare(const void *left, const void *right)
{
	const struct known *a = left, *b = right;
	int r = strcmp(a->service, b->service);

	return r != 0 ? r : strcmp(a->target, b->target);
}

static struct known known_make(const struct settings *settings, unsigned index)
{
	const struct target_settings *target = &settings->targets[index];

	return (struct known){
		.service = settings->services[target->service].name,
		.target = target->name,
		.index = index,
	};
}

int settings_map_targets(const struct settings *new_set,
			 const struct settings *old, unsigned *ret_old_index)
{
	struct known *known, *found, wanted;
	unsigned i;

	known = malloc((old->target_count + 1) * sizeof(*known));
	if (known == NULL)
		return -ENOMEM;
	for (i = 0; i < old->target_count; i++)
		known[i] = known_make(old, i);
	qsort(known, old->target_count, sizeof(*known), known_compare);
	for (i = 0; i < new_set->target_count; i++) {
		wanted = known_make(new_set, i);
		found = bsearch(&wanted, known, old->target_count,
				sizeof(*known), known_compare);
		ret_old_index[i] = found ? found->index : SETTINGS_NONE;
	}
	free(known);
	return 0;
}

static bool text_same(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return strcmp(a, b) == 0;
}

/* Two lists of strings, each ended by NULL; or no list. */
static bool strings_same(const char *const *a, const char *const *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	while (*a != NULL && *b != NULL)
		if (strcmp(*a++, *b++) != 0)
			return false;
	return *a == *b;
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

static bool request_same(const struct check_settings *a,
			 const struct check_settings *b)
{
	return a->type == b->type && a->port == b->port &&
	       text_same(a->method, b->method) && text_same(a->path, b->path) &&
	       text_same(a->host, b->host) &&
	       strings_same(a->headers, b->headers) && status_same(a, b) &&
	       text_same(a->body, b->body) &&
	       text_same(a->body_regex, b->body_regex) &&
	       strings_same(a->command, b->command);
}

static bool tls_same(const struct check_settings *a,
		     const struct check_settings *b)
{
	return a->verify == b->verify &&
	       a->expires_within_us == b->expires_within_us &&
	       text_same(a->ca_file, b->ca_file) &&
	       text_same(a->cert_file, b->cert_file) &&
	       text_same(a->key_file, b->key_file) &&
	       text_same(a->server_name, b->server_name);
}

static bool timing_same(const struct check_settings *a,
			const struct check_settings *b)
{
	return a->interval_us == b->interval_us &&
	       a->fast_interval_us == b->fast_interval_us &&
	       a->down_interval_us == b->down_interval_us &&
	       a->timeout_us == b->timeout_us &&
	       a->timeout_min_us == b->timeout_min_us &&
	       a->slow_after_us == b->slow_after_us &&
	       a->start_period_us == b->start_period_us && a->fall == b->fall &&
	       a->rise == b->rise && a->fresh_every == b->fresh_every;
}

bool settings_check_same(const struct check_settings *a,
			 const struct check_settings *b)
{
	return request_same(a, b) && tls_same(a, b) && timing_same(a, b);
}

bool settings_target_same(const struct settings *new_set, unsigned i,
			  const struct settings *old, unsigned j)
{
	const struct target_settings *a = &new_set->targets[i];
	const struct target_settings *b = &old->targets[j];

	return a->port == b->port && strcmp(a->host, b->host) == 0 &&
	       settings_check_same(&new_set->services[a->service].check,
				   &old->services[b->service].check);
}

bool settings_haproxy_same(const struct haproxy_settings *a,
			   const struct haproxy_settings *b)
{
	return a->port == b->port && text_same(a->socket, b->socket) &&
	       text_same(a->host, b->host);
}
