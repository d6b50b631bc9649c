/* Places to listen at: nobody else's. */
#include <string.h>
#include <strings.h>

#include "controller/config/check.h"

/* Where somebody listens; without a host: nowhere. */
struct door {
	const char *host;
	unsigned port;
};

static bool is_loopback(const char *host)
{
	return strcasecmp(host, "localhost") == 0 ||
	       strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0;
}

/* Whether who listens at @host is also at @other. */
static bool covers(const char *host, const char *other)
{
	if (strcmp(host, "::") == 0)
		return true;
	if (strcmp(host, "0.0.0.0") == 0)
		return strchr(other, ':') == NULL;
	if (strcasecmp(host, "localhost") == 0)
		return is_loopback(other);
	return strcasecmp(host, other) == 0;
}

static bool clash(struct door a, struct door b)
{
	return a.host != NULL && b.host != NULL && a.port == b.port &&
	       a.port != 0 &&
	       (covers(a.host, b.host) || covers(b.host, a.host));
}

static struct door door_of(const struct haproxy_settings *haproxy)
{
	return (struct door){ haproxy->agent_host, haproxy->agent_port };
}

static bool same_node(const struct haproxy_settings *haproxy, const char *node)
{
	return haproxy->node == NULL || node == NULL ||
	       strcmp(haproxy->node, node) == 0;
}

/* The same words twice are told as twins. */
static void check_others(const struct reader *reader,
			 const struct settings *settings, unsigned index,
			 config_setting_t *given)
{
	const struct haproxy_settings *here = &settings->haproxies[index];
	unsigned i;

	for (i = 0; i < index; i++) {
		const struct haproxy_settings *other = &settings->haproxies[i];

		if (!clash(door_of(here), door_of(other)) ||
		    strcmp(here->agent_listen, other->agent_listen) == 0 ||
		    (here->node != NULL && !same_node(other, here->node)))
			continue;
		reader_error(reader, given,
			     "agent_listen \"%s\" is at the same port as "
			     "\"%s\", which answers HAProxy \"%s\": give each "
			     "a port of its own",
			     here->agent_listen, other->agent_listen,
			     other->name != NULL ? other->name : "");
		return;
	}
}

void check_listeners(const struct reader *reader,
		     const struct settings *settings,
		     config_setting_t *haproxies)
{
	const struct door http = { settings->http_host, settings->http_port };
	unsigned i;

	for (i = 0; i < settings->haproxy_count; i++) {
		const struct haproxy_settings *here = &settings->haproxies[i];
		config_setting_t *given = block_given(
			config_setting_get_elem(haproxies, i), "agent_listen");

		if (given == NULL || here->agent_listen == NULL)
			continue;
		check_others(reader, settings, i, given);
		if (same_node(here, settings->node) &&
		    clash(door_of(here), http))
			reader_error(reader, given,
				     "agent_listen \"%s\" is where http.listen "
				     "answers already: give it a port of its "
				     "own, such as \"%s%s%s:7481\"",
				     here->agent_listen,
				     strchr(here->agent_host, ':') ? "[" : "",
				     here->agent_host,
				     strchr(here->agent_host, ':') ? "]" : "");
	}
}
