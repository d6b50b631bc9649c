#include "controller/io/ends.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

unsigned end_count(const struct end *end)
{
	return dial_to_count(&end->to);
}

struct address end_address(const struct end *end, unsigned i)
{
	struct address addr = end->to.address;
	const struct address *list;

	if (end->to.name != NULL) {
		resolver_addresses(end->to.name, &list);
		addr = list[i];
		address_set_port(&addr, end->to.port);
	}
	return addr;
}

bool end_has(const struct end *end, const struct address *addr)
{
	struct address has;

	for (unsigned i = 0; i < end_count(end); i++) {
		has = end_address(end, i);
		if (address_same(&has, addr))
			return true;
	}
	return false;
}

void end_wait(struct end *end)
{
	if (end->to.name != NULL)
		resolver_wait(end->to.name, &end->waiter);
}

int ends_init(struct ends *ends, struct resolver *resolver,
	      const struct end_text *list, unsigned count, loop_fn answered,
	      void *arg, struct err *err)
{
	struct end *end;
	int r;

	ends->list = calloc(count + 1, sizeof(*ends->list));
	if (ends->list == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	for (unsigned i = 0; i < count; i++) {
		end = &ends->list[i];
		end->host = strdup(list[i].host);
		if (end->host == NULL)
			return err_set(err, -ENOMEM, "out of memory");
		r = dial_to_init(&end->to, resolver, list[i].host, list[i].port,
				 err);
		if (r < 0) {
			free(end->host);
			return r;
		}
		end->arg = arg;
		end->waiter.fn = answered;
		end->waiter.arg = end;
		ends->count = i + 1;
	}
	return 0;
}

void ends_done(struct ends *ends)
{
	for (unsigned i = 0; i < ends->count; i++) {
		resolver_leave(&ends->list[i].waiter);
		dial_to_done(&ends->list[i].to);
		free(ends->list[i].host);
	}
	free(ends->list);
}

const char *end_trouble(const struct end *end)
{
	if (end_count(end) > 0 || resolver_pending(end->to.name))
		return NULL;
	return resolver_why(end->to.name);
}
