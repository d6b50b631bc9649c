/* The report's paper: a terminal of 80 columns. */

#include <string.h>

#include "report/render.h"

#define WIDTH 80

static void title(const char *text, FILE *out)
{
	fprintf(out, "%s\n", text);
	for (size_t i = strlen(text); i > 0; i--)
		fputc('=', out);
	fputc('\n', out);
}

static void heading(const char *text, FILE *out)
{
	fprintf(out, "\n%s\n\n", text);
}

/* Words, wrapped. */
static void paragraph(const char *text, FILE *out)
{
	size_t at = 0;

	while (*text != '\0') {
		size_t word = strcspn(text, " ");

		if (at > 0 && at + 1 + word > WIDTH) {
			fputc('\n', out);
			at = 0;
		}
		at += (size_t)fprintf(out, "%s%.*s", at > 0 ? " " : "",
				      (int)word, text);
		text += word;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

static void table(const struct table *t, FILE *out)
{
	struct table_style style = { .width = WIDTH };

	table_text(t, &style, out);
}

static void end(FILE *out)
{
	(void)out;
}

const struct paper paper_text = { title, heading, paragraph, table, end };
