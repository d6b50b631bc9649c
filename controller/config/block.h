/* Groups of the file into structs, row by row of the table of keys. */
#ifndef BASCULE_CONFIG_BLOCK_H
#define BASCULE_CONFIG_BLOCK_H

#include <libconfig.h>
#include <stdbool.h>

#include "controller/config/arena.h"
#include "controller/config/keys.h"
#include "controller/config/report.h"
#include "controller/config/text.h"

/* What one load works with; all borrowed. */
struct reader {
	struct arena *arena;
	struct report *report;
	const struct text *text;
};

/* Where @setting stands. */
struct place reader_place(const struct reader *reader,
			  const config_setting_t *setting);

/* @setting is wrong. */
void reader_error(const struct reader *reader, const config_setting_t *setting,
		  const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void reader_warning(const struct reader *reader,
		    const config_setting_t *setting, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Where the line @order stands, as seen from @here: "line 3", or
 * "other.conf:3".  Returns @buffer.
 */
#define WHERE_MAX 256
const char *reader_where(const struct reader *reader, struct place here,
			 unsigned order, char buffer[static WHERE_MAX]);

/* Fill @dest, the struct of @block, with defaults, inner blocks too.  What
 * fails for lack of memory shows in arena_failed().
 */
void block_defaults(const struct reader *reader, const struct block *block,
		    void *dest);

/* Read @group over the defaults in @dest.  Errors go to the report; lists of
 * groups (KEY_LIST) are only seen to be such.
 */
void block_read(const struct reader *reader, const struct block *block,
		config_setting_t *group, void *dest);

/* The setting @name of @group, or NULL; @group may be NULL. */
config_setting_t *block_given(config_setting_t *group, const char *name);

/* The list of groups @name of @group: its setting, or NULL if there is none
 * or it is none.
 */
config_setting_t *block_list(config_setting_t *group, const char *name);

#endif
