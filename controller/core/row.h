/* One row of a database's answer: names of columns, and values as text. */
#ifndef BASCULE_CORE_ROW_H
#define BASCULE_CORE_ROW_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* All borrowed; a value is NULL where SQL says NULL. */
struct row {
	unsigned count;
	const char *const *names, *const *values;
};

/* The value of column @name; NULL when it is NULL, or not there. */
static inline const char *row_text(const struct row *row, const char *name)
{
	unsigned i;

	for (i = 0; i < row->count; i++)
		if (strcmp(row->names[i], name) == 0)
			return row->values[i];
	return NULL;
}

/* The same, with "" for NULL. */
static inline const char *row_word(const struct row *row, const char *name)
{
	const char *text = row_text(row, name);

	return text != NULL ? text : "";
}

/* Its value as a number, 0 when it is none. */
static inline unsigned long long row_number(const struct row *row,
					    const char *name)
{
	return strtoull(row_word(row, name), NULL, 10);
}

#endif
