#include "haproxy/servers.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Socket, tracked, DNS, host name.  0x04 only remembers that the configuration
 * said `disabled`; it stays when the server is made ready. */
#define ADMIN_MAINT 0x63U
#define ADMIN_DRAIN 0x18U /* socket, tracked */
#define WEIGHT_MAX  256

/* srv_check_state and srv_agent_state: configured and enabled; and the least
 * srv_check_result that is a pass. */
#define CHECK_ENABLED 0x06U
#define CHECK_PASSED  3

struct servers {
	const struct settings *set; /* borrowed */
	unsigned *heads;            /* owned: 1 << bits chains of targets */
	unsigned *next;             /* owned: for each target */
	unsigned mask;
};

/* FNV-1a over both names. */
static uint32_t hash(const char *backend, const char *name)
{
	uint32_t h = 2166136261U;

	for (; *backend != '\0'; backend++)
		h = (h ^ (unsigned char)*backend) * 16777619U;
	h *= 16777619U;
	for (; *name != '\0'; name++)
		h = (h ^ (unsigned char)*name) * 16777619U;
	return h;
}

static bool name_fits(const char *name)
{
	return *name != '\0' &&
	       name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "abcdefghijklmnopqrstuvwxyz"
				 "0123456789-_.:")] == '\0' &&
	       strlen(name) <= SETTINGS_NAME_MAX;
}

const char *servers_name(const struct servers *srv, unsigned target)
{
	return srv->set->targets[target].name;
}

const char *servers_routed(const struct servers *srv, unsigned target)
{
	const struct target_settings *t = &srv->set->targets[target];

	return srv->set->services[t->service].backend;
}

const char *servers_backend(const struct servers *srv, unsigned target)
{
	const char *backend = servers_routed(srv, target);

	if (backend == NULL || !name_fits(backend) ||
	    !name_fits(servers_name(srv, target)))
		return NULL;
	return backend;
}

unsigned servers_count(const struct servers *srv)
{
	return srv->set->target_count;
}

const struct settings *servers_settings(const struct servers *srv)
{
	return srv->set;
}

/* Put the targets in their chains, the first one foremost. */
static void fill(struct servers *srv)
{
	const char *backend;
	unsigned t, *head;

	memset(srv->heads, 0xff, ((size_t)srv->mask + 1) * sizeof(*head));
	for (t = srv->set->target_count; t-- > 0;) {
		backend = servers_backend(srv, t);
		if (backend == NULL)
			continue;
		head = &srv->heads[hash(backend, servers_name(srv, t)) &
				   srv->mask];
		srv->next[t] = *head;
		*head = t;
	}
}

struct servers *servers_new(const struct settings *set)
{
	struct servers *srv = calloc(1, sizeof(*srv));
	unsigned size = 16;

	if (srv == NULL)
		return NULL;
	while (size < set->target_count)
		size *= 2;
	srv->set = set;
	srv->mask = size - 1;
	srv->heads = calloc(size, sizeof(*srv->heads));
	srv->next = calloc(set->target_count + 1, sizeof(*srv->next));
	if (srv->heads == NULL || srv->next == NULL) {
		servers_free(srv);
		return NULL;
	}
	fill(srv);
	return srv;
}

void servers_free(struct servers *srv)
{
	if (srv == NULL)
		return;
	free(srv->heads);
	free(srv->next);
	free(srv);
}

unsigned servers_find(const struct servers *srv, const char *backend,
		      const char *name, unsigned previous)
{
	unsigned t;

	if (previous != SERVERS_NONE)
		t = srv->next[previous];
	else
		t = srv->heads[hash(backend, name) & srv->mask];
	while (t != SERVERS_NONE &&
	       (strcmp(servers_name(srv, t), name) != 0 ||
		strcmp(servers_backend(srv, t), backend) != 0))
		t = srv->next[t];
	return t;
}

long servers_number(const char *text, long max)
{
	long n = 0;

	if (*text < '0' || *text > '9')
		return -1;
	for (; *text >= '0' && *text <= '9'; text++) {
		n = n * 10 + (*text - '0');
		if (n > max)
			return -1;
	}
	return n;
}

/* Cut the next word off *@line; "" at its end. */
static char *next_word(char **line)
{
	char *word = *line;
	char *end = word + strcspn(word, " ");

	if (*end != '\0')
		*end++ = '\0';
	*line = end;
	return word;
}

/* The words that a line of an older or a stranger HAProxy may lack. */
static void read_checks(char *line, struct server_line *ret_line)
{
	unsigned i;
	long check, agent, port, result, health;
	bool placed;

	next_word(&line); /* srv_time_since_last_change */
	next_word(&line); /* srv_check_status */
	result = servers_number(next_word(&line), 0xff);
	health = servers_number(next_word(&line), INT32_MAX);
	check = servers_number(next_word(&line), 0xff);
	agent = servers_number(next_word(&line), 0xff);
	/* bk_f_forced_id srv_f_forced_id srv_fqdn */
	for (i = 0; i < 3; i++)
		next_word(&line);
	ret_line->port = servers_number(next_word(&line), UINT16_MAX);
	/* srvrecord srv_use_ssl srv_check_port srv_check_addr */
	for (i = 0; i < 4; i++)
		next_word(&line);
	placed = strcmp(next_word(&line), "-") != 0;
	port = servers_number(next_word(&line), 0xffff);
	ret_line->agent =
		agent > 0 && ((unsigned)agent & CHECK_ENABLED) == CHECK_ENABLED;
	ret_line->agent_port = placed && port > 0 ? (unsigned)port : 0;
	ret_line->checked =
		check > 0 && ((unsigned)check & CHECK_ENABLED) == CHECK_ENABLED;
	if (result >= CHECK_PASSED && health > 0)
		ret_line->health = (unsigned)health;
}

/* be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state
 * srv_uweight srv_iweight ... */
bool server_line_read(char *line, struct server_line *ret_line)
{
	long id, admin, weight, configured, running;
	const char *backend, *name, *address;

	id = servers_number(next_word(&line), INT32_MAX);
	if (id < 0)
		return false;
	backend = next_word(&line);
	if (servers_number(next_word(&line), INT32_MAX) < 0)
		return false;
	name = next_word(&line);
	address = next_word(&line);
	running = servers_number(next_word(&line), 0xff);
	admin = servers_number(next_word(&line), 0xffff);
	weight = servers_number(next_word(&line), WEIGHT_MAX);
	configured = servers_number(next_word(&line), WEIGHT_MAX);
	if (admin < 0 || weight < 0 || configured < 0)
		return false;
	*ret_line = (struct server_line){
		.backend_id = (unsigned)id,
		.backend = backend,
		.name = name,
		.admin = (unsigned)admin,
		.weight = (unsigned)weight,
		.configured_weight = (unsigned)configured,
		.running = running != 0,
		.address = address,
	};
	read_checks(line, ret_line);
	return true;
}

enum server_state server_line_state(const struct server_line *line)
{
	if ((line->admin & ADMIN_MAINT) != 0)
		return SERVER_MAINT;
	if ((line->admin & ADMIN_DRAIN) != 0)
		return SERVER_DRAIN;
	return SERVER_READY;
}

unsigned servers_weight(unsigned percent, unsigned configured)
{
	unsigned weight = configured * percent / 100;

	if (configured == 0)
		return 0;
	if (weight > WEIGHT_MAX)
		return WEIGHT_MAX;
	return weight > 0 ? weight : 1;
}
