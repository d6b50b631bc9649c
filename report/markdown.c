/* The report's paper: Markdown, as chats and merge requests show it. */

#include "report/render.h"

static void title(const char *text, FILE *out)
{
	fprintf(out, "# %s\n\n", text);
}

static void heading(const char *text, FILE *out)
{
	fprintf(out, "\n## %s\n\n", text);
}

static void paragraph(const char *text, FILE *out)
{
	fprintf(out, "%s\n", text);
}

static void end(FILE *out)
{
	(void)out;
}

const struct paper paper_markdown = { title, heading, paragraph, table_markdown,
				      end };
