#include "haproxy/dynamic.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* The one way to write a numeric address.  Returns false for anything else. */
static bool canonical(const char *host, char ret_address[DYNAMIC_ADDRESS_MAX])
{
	unsigned char bytes[16];
	int family = strchr(host, ':') != NULL ? AF_INET6 : AF_INET;

	return inet_pton(family, host, bytes) == 1 &&
	       inet_ntop(family, bytes, ret_address, DYNAMIC_ADDRESS_MAX) !=
		       NULL;
}

static bool address_of(const struct servers *srv,
		       const struct dynamic_places *places, unsigned target,
		       char ret_address[DYNAMIC_ADDRESS_MAX])
{
	const char *host = servers_settings(srv)->targets[target].host;

	if (host == NULL)
		return false;
	return canonical(host, ret_address) ||
	       (places->fn != NULL &&
		places->fn(places->arg, target, ret_address));
}

static unsigned port_of(const struct servers *srv, unsigned target)
{
	return servers_settings(srv)->targets[target].port;
}

/* What goes before the parameters of either command. */
static const char *find(const struct servers *srv,
			const struct dynamic_places *places, unsigned target,
			char ret_address[DYNAMIC_ADDRESS_MAX])
{
	if (servers_backend(srv, target) == NULL)
		return "HAProxy takes no such name";
	if (port_of(srv, target) == 0)
		return "its target has no port";
	if (!address_of(srv, places, target, ret_address))
		return "its target's address is not known";
	return NULL;
}

const char *dynamic_add(const struct servers *srv,
			const struct dynamic_places *places, unsigned target,
			char ret_command[DYNAMIC_COMMAND_MAX])
{
	const struct settings *set = servers_settings(srv);
	const char *params =
		set->services[set->targets[target].service].server_params;
	char address[DYNAMIC_ADDRESS_MAX];
	const char *why = find(srv, places, target, address);
	bool v6 = why == NULL && strchr(address, ':') != NULL;
	int n;

	if (why != NULL)
		return why;
	n = snprintf(ret_command, DYNAMIC_COMMAND_MAX,
		     "add server %s/%s %s%s%s:%u%s%s",
		     servers_backend(srv, target), servers_name(srv, target),
		     v6 ? "[" : "", address, v6 ? "]" : "",
		     port_of(srv, target), params != NULL ? " " : "",
		     params != NULL ? params : "");
	return n < DYNAMIC_COMMAND_MAX ? NULL : "its parameters are too long";
}

const char *dynamic_move(const struct servers *srv,
			 const struct dynamic_places *places, unsigned target,
			 char ret_command[DYNAMIC_COMMAND_MAX])
{
	char address[DYNAMIC_ADDRESS_MAX];
	const char *why = find(srv, places, target, address);

	if (why != NULL)
		return why;
	snprintf(ret_command, DYNAMIC_COMMAND_MAX,
		 "set server %s/%s addr %s port %u",
		 servers_backend(srv, target), servers_name(srv, target),
		 address, port_of(srv, target));
	return NULL;
}

static bool begins(const char *answer, const char *text)
{
	return strncmp(answer, text, strlen(text)) == 0;
}

bool dynamic_added(const char *answer)
{
	return begins(answer, "New server registered");
}

bool dynamic_moved(const char *answer)
{
	return (begins(answer, "IP changed from") ||
		begins(answer, "no need to change the addr")) &&
	       strstr(answer, "can't") == NULL;
}

enum dynamic_end dynamic_deleted(const char *answer)
{
	if (begins(answer, "Server deleted") ||
	    begins(answer, "No such server") ||
	    begins(answer, "No such backend"))
		return DYNAMIC_GONE;
	if (strstr(answer, "still has connections") != NULL ||
	    strstr(answer, "still has queued") != NULL ||
	    begins(answer, "Only servers in maintenance"))
		return DYNAMIC_BUSY;
	return DYNAMIC_REFUSED;
}

bool dynamic_misplaced(const struct servers *srv,
		       const struct dynamic_places *places, unsigned target,
		       const struct server_line *line)
{
	const struct settings *set = servers_settings(srv);
	char address[DYNAMIC_ADDRESS_MAX];

	return set->services[set->targets[target].service].add_servers &&
	       line->port > 0 && address_of(srv, places, target, address) &&
	       (strcmp(address, line->address) != 0 ||
		(unsigned)line->port != port_of(srv, target));
}
