#include "controller/io/door_rules.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

/* A connection, from the side of whoever made it. */
#define SETS  2
#define US_MS 1000

/* The kernel forgets which connections are ours after so long in silence;
 * the next word of ours tells it again. */
#define OURS_LAST "5m"

static const struct {
	const char *set, *protocol, *type;
} families[SETS] = { { "ours4", "ip", "ipv4_addr" },
		     { "ours6", "ip6", "ipv6_addr" } };

static void say(struct door_text *to, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void say(struct door_text *to, const char *fmt, ...)
{
	size_t room = sizeof(to->text) - to->used;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(to->text + to->used, room, fmt, ap);
	va_end(ap);
	if (n > 0)
		to->used += (size_t)n < room ? (size_t)n : room - 1;
}

void door_text_begin(struct door_text *to, const char *node)
{
	char *c;

	snprintf(to->table, sizeof(to->table), "inet bascule_door_%s", node);
	for (c = to->table + sizeof("inet ") - 1; *c != '\0'; c++)
		if (!isalnum((unsigned char)*c))
			*c = '_';
	to->used = 0;
	to->text[0] = '\0';
}

static void say_sets(struct door_text *to)
{
	const char *t = to->table;
	size_t i;

	say(to, "add table %s\n", t);
	say(to, "add set %s guarded { type inet_service; }\n", t);
	say(to, "add set %s open { type inet_service; flags timeout; }\n", t);
	for (i = 0; i < SETS; i++)
		say(to,
		    "add set %s %s { type %s . inet_service . %s . "
		    "inet_service; flags dynamic, timeout; timeout " OURS_LAST
		    "; size 65535; }\n",
		    t, families[i].set, families[i].type, families[i].type);
}

static void say_rule(struct door_text *to, const char *chain, const char *rule)
{
	say(to, "add rule %s %s %s\n", to->table, chain, rule);
}

/* What is ours is known by its user, which the kernel tells only of what is
 * sent through an open socket; so the connection is remembered for the answers,
 * and for the last words.  One that begins at another's socket is not ours. */
static void say_ours(struct door_text *to, unsigned uid)
{
	const char *t = to->table, *set, *p;
	size_t i;

	for (i = 0; i < SETS; i++) {
		set = families[i].set;
		p = families[i].protocol;
		say(to,
		    "add rule %s local meta skuid %u update @%s { %s saddr . "
		    "tcp sport . %s daddr . tcp dport } accept\n",
		    t, uid, set, p, p);
		say(to,
		    "add rule %s local tcp flags & (syn | ack) == syn delete "
		    "@%s { %s saddr . tcp sport . %s daddr . tcp dport }\n",
		    t, set, p, p);
		say(to,
		    "add rule %s local %s saddr . tcp sport . %s daddr . tcp "
		    "dport @%s accept\n",
		    t, p, p, set);
		say(to,
		    "add rule %s answer oifname \"lo\" %s daddr . tcp dport . "
		    "%s saddr . tcp sport @%s accept\n",
		    t, p, p, set);
	}
}

void door_text_rules(struct door_text *to, unsigned uid)
{
	static const char *const chains[] = { "local", "answer" };
	static const char *const hooks[] = { "input", "output" };
	size_t i;

	say_sets(to);
	for (i = 0; i < 2; i++)
		say(to, "add chain %s %s\nflush chain %s %s\n", to->table,
		    chains[i], to->table, chains[i]);
	for (i = 0; i < 2; i++)
		say(to,
		    "add chain %s %s { type filter hook %s priority mangle; "
		    "policy accept; }\nflush chain %s %s\n",
		    to->table, hooks[i], hooks[i], to->table, hooks[i]);
	say_ours(to, uid);
	say_rule(to, "local", "tcp dport @open accept");
	say_rule(to, "local", "reject with tcp reset");
	/* The reset goes to the database, so that it does not say it again
	 * when the door is open once more. */
	say_rule(to, "answer", "reject with tcp reset");
	say_rule(to, "input",
		 "iifname != \"lo\" tcp dport @guarded tcp dport != @open "
		 "reject with tcp reset");
	/* Those are resets of ours, too. */
	say_rule(to, "output", "tcp flags & rst == rst accept");
	say_rule(to, "output", "oifname \"lo\" tcp dport @guarded jump local");
	say_rule(to, "output",
		 "tcp sport @guarded tcp sport != @open jump answer");
}

void door_text_guard_none(struct door_text *to)
{
	say(to, "flush set %s guarded\n", to->table);
}

void door_text_guard(struct door_text *to, uint16_t port)
{
	say(to, "add element %s guarded { %u }\n", to->table, port);
}

/* To add it again would not renew it. */
void door_text_open(struct door_text *to, uint16_t port, int64_t span_us,
		    bool anew)
{
	int64_t ms = span_us / US_MS;

	if (anew)
		say(to, "add element %s open { %u }\n", to->table, port);
	say(to, "delete element %s open { %u }\n", to->table, port);
	if (ms > 0)
		say(to, "add element %s open { %u timeout %lldms }\n",
		    to->table, port, (long long)ms);
}

void door_text_shut(struct door_text *to, uint16_t port)
{
	door_text_open(to, port, 0, true);
}

void door_text_shut_all(struct door_text *to)
{
	say(to, "flush set %s open\n", to->table);
}

void door_text_exists(struct door_text *to)
{
	say(to, "list set %s guarded\n", to->table);
}

void door_text_remove(struct door_text *to)
{
	say(to, "delete table %s\n", to->table);
}
