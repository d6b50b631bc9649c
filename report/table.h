/* Tables, filled once and printed as text, Markdown or HTML.
 *
 * Cells are copied.  Memory that is out is remembered: table_failed() says so
 * at the end, and printing goes on with what there is.
 */
#ifndef BASCULE_REPORT_TABLE_H
#define BASCULE_REPORT_TABLE_H

#include <stdbool.h>
#include <stdio.h>

struct table;

/* One column for each letter of @columns: 'l' to the left, 'r' to the right.
 * @heads names them; "" for none.  NULL when memory is out; every function
 * here takes that NULL. */
struct table *table_new(const char *columns, const char *const *heads);
void table_free(struct table *t);

/* Add a row; @cells has one text for each column, NULL counts as "".  Control
 * characters become '?'. */
void table_row(struct table *t, const char *const *cells);

/* Colour a cell of the newest row: an SGR parameter such as "31".  @sgr is
 * borrowed for as long as the table lives. */
void table_paint(struct table *t, unsigned column, const char *sgr);

bool table_empty(const struct table *t);
bool table_failed(const struct table *t);

/* How a table is printed as text. */
struct table_style {
	unsigned width; /* the last column is cut to end there; 0: never */
	bool colour;
};

void table_text(const struct table *t, const struct table_style *style,
		FILE *out);
void table_markdown(const struct table *t, FILE *out);
void table_html(const struct table *t, FILE *out);

#endif
