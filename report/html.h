/* What every HTML page of ours shares: one head, inline style, escaping. */
#ifndef BASCULE_REPORT_HTML_H
#define BASCULE_REPORT_HTML_H

#include <stdio.h>

/* @text with the characters that mean something in HTML escaped. */
void html_text(const char *text, FILE *out);

/* From the doctype to the opening of the body, with @title as heading. */
void html_begin(const char *title, FILE *out);
void html_end(FILE *out);

/* "<th>...</th>" for each of @names, a NULL ends them; in a row. */
void html_head_row(const char *const *names, FILE *out);

/* "<td>...</td>" with @text escaped; @class may be NULL. */
void html_cell(const char *class, const char *text, FILE *out);

#endif
