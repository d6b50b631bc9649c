/* The report: everything that is wrong with a configuration, at once.
 *
 * Loading collects errors and warnings in any order; printing sorts them by
 * the place they stand at.  The first REPORT_MAX are kept, the rest counted.
 */
#ifndef BASCULE_CONFIG_REPORT_H
#define BASCULE_CONFIG_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define REPORT_MAX 1000

/* Where something stands.  @order sorts: an included file comes where it is
 * included.  @line 0: the file as a whole.
 */
struct place {
	const char *file; /* borrowed for the call */
	unsigned line;
	unsigned order;
};

struct report_entry {
	unsigned order;
	bool warning;
	char *text; /* owned; "FILE:LINE: what is wrong: what would be right" */
};

struct report {
	struct report_entry *entries; /* owned */
	size_t count, capacity;
	size_t errors, warnings; /* also those that were not kept */
	bool failed;             /* out of memory: an entry was lost */
};

void report_init(struct report *report);
void report_done(struct report *report);

void report_error(struct report *report, struct place place, const char *fmt,
		  ...) __attribute__((format(printf, 3, 4)));
void report_warning(struct report *report, struct place place, const char *fmt,
		    ...) __attribute__((format(printf, 3, 4)));

/* Sort by place; entries of one place keep their order.  report_print() does
 * it too; whoever walks the entries himself calls it first.
 */
void report_sort(struct report *report);

/* One line for each entry, in the order of the file. */
void report_print(struct report *report, FILE *out);

#endif
