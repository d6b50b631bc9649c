/* The door as text for nftables: door.h says what it does.  Pure. */
#ifndef BASCULE_IO_DOOR_RULES_H
#define BASCULE_IO_DOOR_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DOOR_TABLE_MAX 96
#define DOOR_TEXT_MAX  32768

/* What is run at once, or not at all. */
struct door_text {
	char table[DOOR_TABLE_MAX]; /* "inet bascule_door_node1" */
	size_t used;
	char text[DOOR_TEXT_MAX];
};

/* Begin it for the table of @node. */
void door_text_begin(struct door_text *to, const char *node);

/* The table, its sets and its rules; @uid passes over the loopback
 * interface. */
void door_text_rules(struct door_text *to, unsigned uid);

/* Guard nothing any more; guard @port too. */
void door_text_guard_none(struct door_text *to);
void door_text_guard(struct door_text *to, uint16_t port);

/* Open it for so long.  @anew: also when it is shut; else the whole text fails
 * then. */
void door_text_open(struct door_text *to, uint16_t port, int64_t span_us,
		    bool anew);
void door_text_shut(struct door_text *to, uint16_t port);
void door_text_shut_all(struct door_text *to);

/* What fails without the table; and what removes it. */
void door_text_exists(struct door_text *to);
void door_text_remove(struct door_text *to);

#endif
