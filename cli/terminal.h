/* The terminal: its size, whether it shows colours, and times of day. */
#ifndef BASCULE_CLI_TERMINAL_H
#define BASCULE_CLI_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "report/table.h"

#define WHEN_TEXT_MAX 32

/* Colours, as SGR parameters. */
#define SGR_GOOD  "32"
#define SGR_POOR  "33"
#define SGR_BAD   "31;1"
#define SGR_QUIET "2"

/* Whether stdout is a terminal that shows colours: not with NO_COLOR in the
 * environment or TERM=dumb. */
bool terminal_colour(void);

/* Columns and lines of the terminal; 0 when stdout is none. */
void terminal_size(unsigned *ret_columns, unsigned *ret_lines);

/* How tables are printed on stdout. */
struct table_style terminal_style(void);

/* @text in colour when @colour, else as it is. */
void print_sgr(FILE *out, bool colour, const char *sgr, const char *text);

/* @text with '?' for what a terminal would obey; NULL prints nothing. */
void print_clean(FILE *out, const char *text);

/* Local time: "17:05:20" if it is the day of @now_us, "11-20 17:05:20" in the
 * same year, else with the year; "-" for 0.  Returns @buf. */
const char *when_text(int64_t wall_us, int64_t now_us,
		      char buf[static WHEN_TEXT_MAX]);

/* "2026-11-20 17:05:22.123", local.  Returns @buf. */
const char *when_full(int64_t wall_us, char buf[static WHEN_TEXT_MAX]);

#endif
