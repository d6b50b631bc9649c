/* The availability report as text, Markdown, HTML and JSON.
 *
 * One walk over the report serves the three kinds of paper; struct paper is
 * what they differ in.  Errors of writing are left to ferror().
 */
#ifndef BASCULE_REPORT_RENDER_H
#define BASCULE_REPORT_RENDER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "report/availability.h"
#include "report/table.h"

struct paper {
	void (*title)(const char *text, FILE *out);
	void (*heading)(const char *text, FILE *out);
	void (*paragraph)(const char *text, FILE *out);
	void (*table)(const struct table *t, FILE *out);
	void (*end)(FILE *out);
};

extern const struct paper paper_text, paper_markdown, paper_html;

/* Returns 0, or -ENOMEM when something had to be left out. */
int availability_render(const struct availability *av,
			const struct paper *paper, FILE *out);

/* schema/availability-report/v1; a new reference, NULL when memory is out. */
json_t *availability_json(const struct availability *av);

#endif
