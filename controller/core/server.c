#include "controller/core/server.h"

static const struct server_todo fine = { .step = SERVER_FINE };

static struct server_todo order(enum server_state state, unsigned weight)
{
	return (struct server_todo){ .step = SERVER_ORDER,
				     .state = state,
				     .weight_percent = weight };
}

static struct server_todo claim(enum server_claim kind)
{
	return (struct server_todo){ .step = SERVER_CLAIM, .claim = kind };
}

bool server_is_out(enum server_state state)
{
	return state == SERVER_DRAIN || state == SERVER_MAINT;
}

bool server_by_agent(const struct server *srv)
{
	return srv->agent && !srv->bits;
}

/* Back in use, a server must not be mistaken for ours when an operator takes
 * it out: nothing stays written down but that its weight is ours. */
static struct server_todo release(const struct server *srv)
{
	if (srv->claim == CLAIM_NONE || srv->doubt || srv->failed || srv->word)
		return fine;
	if (srv->weight_percent == 100 && !srv->added)
		return (struct server_todo){ .step = SERVER_UNCLAIM };
	return srv->claim == CLAIM_OUT ? claim(CLAIM_WEIGHT) : fine;
}

/* Nobody answers its agent check for us any more: `up` once, and what holds it
 * from then on is what we set otherwise. */
static struct server_todo take_back(void)
{
	struct server_todo todo = order(SERVER_READY, 0);

	todo.agent = true;
	return todo;
}

static struct server_todo compare_ready(const struct server *srv,
					unsigned weight)
{
	/* An order to leave may come after what was seen: tell it again. */
	if (srv->seen != SERVER_READY || srv->doubt || srv->failed)
		return order(SERVER_READY, weight);
	if (srv->word)
		return take_back();
	/* HAProxy cannot show all of an agent's word: say it once. */
	if (server_by_agent(srv) && srv->claim == CLAIM_OUT &&
	    srv->pushed != SERVER_READY)
		return order(SERVER_READY, weight);
	if (srv->weight_percent == weight)
		return release(srv);
	if (srv->claim == CLAIM_OUT && weight < 100)
		return claim(CLAIM_WEIGHT);
	if (srv->claim != CLAIM_NONE)
		return order(SERVER_UNKNOWN, weight);
	/* A weight that an operator chose stays. */
	return weight == 100 ? fine : claim(CLAIM_WEIGHT);
}

/* It is out as it should be; its sessions may be there still. */
static struct server_todo rest(const struct server *srv)
{
	struct server_todo todo = order(SERVER_UNKNOWN, 0);

	todo.end = true;
	return srv->ends && srv->claim == CLAIM_OUT ? todo : fine;
}

static struct server_todo compare_out(const struct server *srv,
				      enum server_state state)
{
	/* Draining what is in maintenance would bring it back half way. */
	if (srv->seen == state || srv->seen == SERVER_MAINT)
		return srv->word ? take_back() : rest(srv);
	if (srv->claim != CLAIM_OUT && !srv->routed)
		return claim(CLAIM_OUT);
	return order(state, 0);
}

/* A check may have heard the responder before us: what we did not push is
 * pushed, so that its sessions end and its coming back is ours to say. */
static struct server_todo compare_agent_out(const struct server *srv,
					    enum server_state state)
{
	bool pushed = srv->pushed == state || srv->pushed == SERVER_MAINT;

	if (srv->claim != CLAIM_OUT)
		return claim(CLAIM_OUT);
	return pushed && server_is_out(srv->seen) ? rest(srv) : order(state, 0);
}

static struct server_todo compare_agent(const struct server *srv,
					struct wish wish)
{
	if (wish.state == SERVER_READY)
		return compare_ready(srv, wish.weight_percent);
	if (server_is_out(wish.state))
		return compare_agent_out(srv, wish.state);
	return srv->claim != CLAIM_OUT ? release(srv) : fine;
}

static bool is_theirs(const struct server *srv)
{
	if (srv->routed)
		return false;
	if (server_by_agent(srv))
		return srv->theirs;
	return server_is_out(srv->seen) && srv->claim != CLAIM_OUT;
}

static struct server_todo compare_theirs(const struct server *srv)
{
	struct server_todo todo = { .step = SERVER_KEEP };

	if (srv->word && srv->order == 0 && srv->storing == 0)
		todo = take_back();
	todo.kept = true;
	return todo;
}

/* That it is ours is written down before it exists. */
static struct server_todo compare_absent(const struct server *srv)
{
	struct server_todo todo = order(SERVER_UNKNOWN, 0);

	if (!srv->addable || srv->order != 0 || srv->storing != 0)
		return fine;
	if (srv->claim != CLAIM_OUT || !srv->added)
		todo = claim(CLAIM_OUT);
	todo.add = true;
	return todo;
}

static struct server_todo move(void)
{
	struct server_todo todo = order(SERVER_UNKNOWN, 0);

	todo.add = true;
	return todo;
}

struct server_todo server_compare(const struct server *srv, struct wish wish)
{
	if (srv->seen == SERVER_ABSENT)
		return compare_absent(srv);
	if (srv->seen == SERVER_UNKNOWN)
		return fine;
	if (is_theirs(srv))
		return compare_theirs(srv);
	if (srv->order != 0 || srv->storing != 0)
		return fine;
	if (srv->added && srv->addable && srv->misplaced)
		return move();
	if (server_by_agent(srv))
		return compare_agent(srv, wish);
	if (wish.state == SERVER_READY)
		return compare_ready(srv, wish.weight_percent);
	if (server_is_out(wish.state))
		return compare_out(srv, wish.state);
	return srv->seen == SERVER_READY ? release(srv) : fine;
}

bool server_in_use(const struct server *srv)
{
	return srv->seen == SERVER_READY;
}

bool server_ordered_out(const struct server *srv)
{
	return srv->order != 0 && server_is_out(srv->ordered);
}

bool server_weighted(const struct server *srv)
{
	return srv->weight_percent != 100 ||
	       (srv->order != 0 && srv->ordered_weight != 0 &&
		srv->ordered_weight != 100);
}

void server_forget(struct server *srv)
{
	if (srv->seen != SERVER_UNKNOWN)
		srv->was_used = server_in_use(srv);
	srv->seen = SERVER_UNKNOWN;
}

bool server_taken(const struct server *srv, enum server_state state)
{
	if (!server_is_out(state) || srv->doubt || srv->routed ||
	    server_by_agent(srv))
		return false;
	if (srv->claim != CLAIM_OUT || (srv->word && !srv->bits))
		return true;
	/* A claim alone took nothing out. */
	if (srv->seen == SERVER_UNKNOWN)
		return srv->was_used;
	/* We drain first and never drain what is in maintenance. */
	return srv->seen == SERVER_READY ||
	       (server_is_out(srv->seen) && srv->seen != state);
}
