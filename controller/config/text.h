/* The text of a configuration, its includes put in place.
 *
 * libconfig's own @include looks in the working folder and ends the process
 * when it is given a folder, so the text reaches libconfig whole.  Each line
 * of the whole remembers the file and the line that it came from.
 */
#ifndef BASCULE_CONFIG_TEXT_H
#define BASCULE_CONFIG_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "controller/config/report.h"

#define TEXT_SIZE_MAX     ((size_t)16 << 20) /* all files together */
#define TEXT_DEPTH_MAX    10                 /* of includes */
#define TEXT_INCLUDES_MAX 10000

/* Lines of the whole from @first on come from @file, starting at @line. */
struct text_span {
	unsigned first;
	unsigned line;
	const char *file; /* owned by the text */
};

struct text {
	char *bytes; /* owned; ended by NUL */
	size_t length, capacity;
	unsigned lines; /* ended so far */
	unsigned includes;
	bool cut;        /* longer than TEXT_SIZE_MAX: the rest was dropped */
	unsigned mended; /* names that were replaced */
	struct text_span *spans; /* owned */
	size_t span_count, span_capacity;
	char **kept; /* owned, each too: names and contents of files */
	size_t kept_count, kept_capacity;
};

void text_init(struct text *text);
void text_done(struct text *text);

/* Read @path and what it includes.  0, also when errors in @report were
 * mended; or a negative errno, the reason in @report.
 */
int text_load(struct text *text, const char *path, struct report *report);

/* The same from memory; @name stands in messages, and includes are looked
 * for beside it.
 */
int text_take(struct text *text, const char *name, const char *bytes,
	      size_t length, struct report *report);

/* Where line @order of the whole comes from. */
struct place text_place(const struct text *text, unsigned order);

/* For scan.c, which fills the text: put bytes at the end; let what follows
 * come from @line of @file; put the file @path there, included by @parent.
 * 0 or -ENOMEM.
 */
struct source;

int text_append(struct text *text, const char *bytes, size_t length);
int text_mark(struct text *text, const char *file, unsigned line);
int text_include(struct text *text, const struct source *parent,
		 struct place place, const char *path, struct report *report);

/* The place of what is put there next. */
struct place text_here(const struct text *text);

#endif
