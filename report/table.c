#include "report/table.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "report/html.h"

#define GAP 2 /* spaces between columns */

struct cell {
	char *text;      /* owned */
	const char *sgr; /* borrowed, or NULL */
};

struct table {
	unsigned columns, rows; /* the head is row 0 */
	char *align;            /* owned */
	struct cell *cells;     /* owned; row by row */
	unsigned room;          /* rows that fit */
	bool failed;
};

static struct cell *cell_at(const struct table *t, unsigned row, unsigned col)
{
	return &t->cells[(size_t)row * t->columns + col];
}

struct table *table_new(const char *columns, const char *const *heads)
{
	struct table *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->columns = (unsigned)strlen(columns);
	t->align = strdup(columns);
	if (t->align == NULL) {
		free(t);
		return NULL;
	}
	table_row(t, heads);
	return t;
}

void table_free(struct table *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < (size_t)t->rows * t->columns; i++)
		free(t->cells[i].text);
	free(t->cells);
	free(t->align);
	free(t);
}

static bool make_room(struct table *t)
{
	unsigned room = t->room == 0 ? 16 : t->room * 2;
	struct cell *cells;

	if (t->rows < t->room)
		return true;
	cells = reallocarray(t->cells, (size_t)room * t->columns,
			     sizeof(*cells));
	if (cells == NULL)
		return false;
	t->cells = cells;
	t->room = room;
	return true;
}

/* What a terminal would obey instead of showing. */
static void clean(char *text)
{
	for (; text != NULL && *text != '\0'; text++)
		if ((unsigned char)*text < ' ' || *text == '\177')
			*text = '?';
}

void table_row(struct table *t, const char *const *cells)
{
	if (t == NULL)
		return;
	if (!make_room(t)) {
		t->failed = true;
		return;
	}
	t->rows++;
	for (unsigned i = 0; i < t->columns; i++) {
		struct cell *cell = cell_at(t, t->rows - 1, i);

		cell->text = strdup(cells[i] != NULL ? cells[i] : "");
		cell->sgr = NULL;
		clean(cell->text);
		if (cell->text == NULL)
			t->failed = true;
	}
}

void table_paint(struct table *t, unsigned column, const char *sgr)
{
	if (t != NULL && t->rows > 0)
		cell_at(t, t->rows - 1, column)->sgr = sgr;
}

bool table_empty(const struct table *t)
{
	return t == NULL || t->rows <= 1;
}

bool table_failed(const struct table *t)
{
	return t == NULL || t->failed;
}

static const char *text_of(const struct cell *cell)
{
	return cell->text != NULL ? cell->text : "";
}

/* Columns on the screen: bytes that begin a character of UTF-8. */
static unsigned width_of(const char *text)
{
	unsigned n = 0;

	for (; *text != '\0'; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

/* The length in bytes of the first @columns characters. */
static int bytes_of(const char *text, unsigned columns)
{
	const char *p = text;

	while (*p != '\0') {
		if (((unsigned char)*p & 0xc0) != 0x80 && columns-- == 0)
			break;
		p++;
	}
	return (int)(p - text);
}

static void print_spaces(unsigned n, FILE *out)
{
	fprintf(out, "%*s", (int)n, "");
}

/* How a text table is laid out. */
struct layout {
	const struct table *t;
	const struct table_style *style;
	unsigned *widths;
	FILE *out;
};

static unsigned room_left(const struct layout *lay, unsigned column,
			  unsigned at)
{
	bool last = column + 1 == lay->t->columns;
	bool right = lay->t->align[column] == 'r'; /* figures stay whole */

	if (!last || right || lay->style->width == 0)
		return UINT_MAX;
	return lay->style->width > at ? lay->style->width - at : 1;
}

/* @ends: nothing follows in its line. */
static void print_cell(const struct layout *lay, const struct cell *cell,
		       unsigned column, unsigned at, bool ends)
{
	const char *text = text_of(cell);
	unsigned width = width_of(text);
	unsigned room = room_left(lay, column, at);
	bool colour = lay->style->colour && cell->sgr != NULL;
	bool right = lay->t->align[column] == 'r';

	if (width > room)
		width = room;
	if (right && lay->widths[column] > width)
		print_spaces(lay->widths[column] - width, lay->out);
	if (colour)
		fprintf(lay->out, "\033[%sm", cell->sgr);
	fprintf(lay->out, "%.*s", bytes_of(text, width), text);
	if (colour)
		fputs("\033[0m", lay->out);
	if (!right && !ends)
		print_spaces(lay->widths[column] - width, lay->out);
}

/* Trailing spaces are never printed: the last text ends the line. */
static void print_line(const struct layout *lay, unsigned row)
{
	unsigned used = lay->t->columns, at = 0;

	while (used > 1 && text_of(cell_at(lay->t, row, used - 1))[0] == '\0')
		used--;
	for (unsigned i = 0; i < used; i++) {
		if (i > 0)
			print_spaces(GAP, lay->out);
		print_cell(lay, cell_at(lay->t, row, i), i, at, i + 1 == used);
		at += lay->widths[i] + GAP;
	}
	fputc('\n', lay->out);
}

void table_text(const struct table *t, const struct table_style *style,
		FILE *out)
{
	struct layout lay = { .t = t, .style = style, .out = out };

	if (t == NULL)
		return;
	lay.widths = calloc(t->columns, sizeof(*lay.widths));
	if (lay.widths == NULL)
		return;
	for (unsigned row = 0; row < t->rows; row++) {
		for (unsigned i = 0; i < t->columns; i++) {
			unsigned w = width_of(text_of(cell_at(t, row, i)));

			if (w > lay.widths[i])
				lay.widths[i] = w;
		}
	}
	for (unsigned row = 0; row < t->rows; row++)
		print_line(&lay, row);
	free(lay.widths);
}

static void markdown_text(const char *text, FILE *out)
{
	for (; *text != '\0'; text++) {
		if (strchr("|*_`<\\", *text) != NULL)
			fputc('\\', out);
		fputc(*text, out);
	}
}

void table_markdown(const struct table *t, FILE *out)
{
	for (unsigned row = 0; t != NULL && row < t->rows; row++) {
		for (unsigned i = 0; i < t->columns; i++) {
			fputs(i == 0 ? "| " : " | ", out);
			markdown_text(text_of(cell_at(t, row, i)), out);
		}
		fputs(" |\n", out);
		for (unsigned i = 0; row == 0 && i < t->columns; i++)
			fputs(t->align[i] == 'r' ? "| ---: " : "| --- ", out);
		if (row == 0)
			fputs("|\n", out);
	}
}

void table_html(const struct table *t, FILE *out)
{
	fputs("<div class=\"scroll\"><table>\n", out);
	for (unsigned row = 0; t != NULL && row < t->rows; row++) {
		const char *kind = row == 0 ? "th" : "td";

		fputs("<tr>", out);
		for (unsigned i = 0; i < t->columns; i++) {
			fprintf(out, "<%s%s>", kind,
				t->align[i] == 'l' ? " class=\"l\"" : "");
			html_text(text_of(cell_at(t, row, i)), out);
			fprintf(out, "</%s>", kind);
		}
		fputs("</tr>\n", out);
	}
	fputs("</table></div>\n", out);
}
