#include "controller/core/server.h"

static enum server_step order(enum server_state state, unsigned weight,
			      enum server_state *ret_state,
			      unsigned *ret_weight)
{
	*ret_state = state;
	*ret_weight = weight;
	return SERVER_ORDER;
}

static enum server_step compare_ready(const struct server *srv, unsigned weight,
				      enum server_state *ret_state,
				      unsigned *ret_weight)
{
	if (srv->seen != SERVER_READY)
		return order(SERVER_READY, weight, ret_state, ret_weight);
	if (srv->weight_percent != weight) {
		if (srv->claimed)
			return order(SERVER_UNKNOWN, weight, ret_state,
				     ret_weight);
		/* A weight that an operator chose stays. */
		return weight == 100 ? SERVER_FINE : SERVER_CLAIM;
	}
	return srv->claimed && weight == 100 ? SERVER_UNCLAIM : SERVER_FINE;
}

static enum server_step compare_out(const struct server *srv,
				    enum server_state state,
				    enum server_state *ret_state,
				    unsigned *ret_weight)
{
	/* Draining what is in maintenance would bring it back half way. */
	if (srv->seen == state || srv->seen == SERVER_MAINT)
		return SERVER_FINE;
	if (!srv->claimed)
		return SERVER_CLAIM;
	return order(state, 0, ret_state, ret_weight);
}

enum server_step server_compare(const struct server *srv, struct wish wish,
				enum server_state *ret_state,
				unsigned *ret_weight)
{
	if (srv->seen == SERVER_UNKNOWN || srv->seen == SERVER_ABSENT)
		return SERVER_FINE;
	if (srv->seen != SERVER_READY && !srv->claimed && srv->storing == 0)
		return SERVER_KEEP;
	if (srv->order != 0 || srv->storing != 0)
		return SERVER_FINE;
	switch (wish.state) {
	case SERVER_READY:
		return compare_ready(srv, wish.weight_percent, ret_state,
				     ret_weight);
	case SERVER_DRAIN:
	case SERVER_MAINT:
		return compare_out(srv, wish.state, ret_state, ret_weight);
	default:
		return SERVER_FINE;
	}
}

bool server_in_use(const struct server *srv)
{
	return srv->seen == SERVER_READY;
}
