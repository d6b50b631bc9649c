/* The settings a configuration may have: one row for each.
 *
 * A row is the key's parser, range, default and manual entry; a block is the
 * rows that may stand together in one group of the file.  Nothing else knows
 * a key's name: the loader, the messages and bascule.conf(5) read the table.
 */
#ifndef BASCULE_CONFIG_KEYS_H
#define BASCULE_CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum key_type {
	KEY_STRING,
	KEY_NAME,     /* of a thing: letters, digits, . _ - */
	KEY_PATH,     /* absolute */
	KEY_SOCKET,   /* absolute, short enough for a socket */
	KEY_FILE,     /* absolute, there and readable */
	KEY_SECRET,   /* the same, and not readable by everybody */
	KEY_HOOK,     /* absolute, or "unit:NAME" */
	KEY_UNIT,     /* a systemd unit's full name */
	KEY_DURATION, /* int64_t, microseconds */
	KEY_SIZE,     /* uint64_t, bytes */
	KEY_COUNT,    /* unsigned */
	KEY_PORT,     /* uint16_t */
	KEY_BOOLEAN,
	KEY_CHOICE,    /* an enum: the number of the choice */
	KEY_PERCENT,   /* double */
	KEY_PPM,       /* a percentage; unsigned, parts per million */
	KEY_ADDRESS,   /* "HOST:PORT", also a lone host */
	KEY_ADDRESSES, /* one "HOST:PORT", or a list of them */
	KEY_LISTEN,    /* "IP:PORT" or "off" */
	KEY_STATUS,    /* "200-299,401", or one integer */
	KEY_STRINGS,   /* list or array of strings */
	KEY_BLOCK,     /* a group of its own */
	KEY_LIST,      /* a list of such groups */
	KEY_LATER,     /* known, not built: refused, unless it says `only` */
	KEY_TYPES
};

/* One word of a KEY_CHOICE. */
struct choice {
	const char *word; /* NULL ends the list */
	int value;
	const char *later; /* not built: what to do instead; or NULL */
	const char *help;
};

struct key {
	const char *name;
	enum key_type type;
	size_t offset; /* of the field in the block's struct */
	/* Companions of that field; 0: none. */
	size_t port_offset; /* KEY_ADDRESS, KEY_LISTEN: uint16_t */
	size_t text_offset; /* KEY_ADDRESS: as written */
	/* KEY_STATUS, KEY_STRINGS, KEY_ADDRESSES: size_t */
	size_t count_offset;
	int64_t min, max;
	const char *dflt;      /* as in the file; NULL: zero */
	const char *dflt_help; /* when no constant can say it */
	const char *unit;      /* of a KEY_COUNT, for the manual */
	const struct choice *choices;
	const struct block *block; /* KEY_BLOCK, KEY_LIST */
	/* KEY_BLOCK: of its struct, which is made when the block is given; the
	 * field points to it.  0: the field is the struct.
	 */
	size_t size;
	bool required;
	bool proxied;        /* means something only with a backend */
	unsigned char types; /* of check, by key_for(); 0: all */
	const char *only;    /* KEY_LATER: the value that is accepted */
	const char *help;    /* KEY_LATER: the refusal */
};

struct block {
	const char *name; /* "services.check"; "" for the file itself */
	const char *help;
	const struct key *keys; /* ended by a NULL name */
};

/* All blocks in the order of the manual, ended by NULL; the first is the
 * file itself.
 */
extern const struct block *const key_blocks[];

extern const struct block keys_root, keys_haproxy, keys_service, keys_check,
	keys_target, keys_failover, keys_cluster, keys_node, keys_primary,
	keys_vip;

/* NULL: not in @block. */
const struct key *key_find(const struct block *block, const char *name);

/* The known name of @block nearest to @name, if it is near enough to be
 * what was meant; or NULL.
 */
const char *key_nearest(const struct block *block, const char *name);

/* The word of @key's choice @value, "" if it has none. */
const char *key_word(const struct key *key, int value);

#endif
