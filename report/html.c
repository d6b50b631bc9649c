#include "report/html.h"

#include "report/render.h"

static const char style[] =
	"body{font:15px/1.5 system-ui,sans-serif;color:#1c2126;"
	"background:#fff;margin:2em auto;max-width:62em;padding:0 1em}"
	"h1{font-size:1.5em;margin-bottom:.2em}h2{font-size:1.15em;"
	"margin-top:1.8em}"
	"table{border-collapse:collapse;width:100%;"
	"font-variant-numeric:tabular-nums}"
	"th,td{text-align:right;padding:.25em .7em;"
	"border-bottom:1px solid #d8dde2;white-space:nowrap}"
	"th{font-weight:600;color:#4a5560}"
	"th:first-child,td:first-child,.l{text-align:left}"
	".good{color:#1a7f37}.bad{color:#b3261e;font-weight:600}"
	".quiet{color:#5b6670}svg{display:block;width:100%;height:auto}"
	"p.scroll,div.scroll{overflow-x:auto}"
	"@media(prefers-color-scheme:dark){body{background:#14181c;"
	"color:#dfe5ea}th,td{border-color:#333b43}th,.quiet{color:#9aa6b1}"
	".good{color:#5bc977}.bad{color:#ff8a80}}";

void html_text(const char *text, FILE *out)
{
	for (; *text != '\0'; text++) {
		switch (*text) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		default:
			fputc(*text, out);
		}
	}
}

void html_begin(const char *title, FILE *out)
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta "
	      "charset=\"utf-8\">"
	      "<meta name=\"viewport\" "
	      "content=\"width=device-width\">\n<title>",
	      out);
	html_text(title, out);
	fprintf(out, "</title>\n<style>%s</style></head>\n<body>\n<h1>", style);
	html_text(title, out);
	fputs("</h1>\n", out);
}

void html_end(FILE *out)
{
	fputs("</body></html>\n", out);
}

void html_head_row(const char *const *names, FILE *out)
{
	fputs("<tr>", out);
	for (; *names != NULL; names++) {
		fputs("<th>", out);
		html_text(*names, out);
		fputs("</th>", out);
	}
	fputs("</tr>\n", out);
}

void html_cell(const char *class, const char *text, FILE *out)
{
	if (class != NULL)
		fprintf(out, "<td class=\"%s\">", class);
	else
		fputs("<td>", out);
	html_text(text, out);
	fputs("</td>", out);
}

static void heading(const char *text, FILE *out)
{
	fputs("<h2>", out);
	html_text(text, out);
	fputs("</h2>\n", out);
}

static void paragraph(const char *text, FILE *out)
{
	if (*text == '\0')
		return;
	fputs("<p>", out);
	html_text(text, out);
	fputs("</p>\n", out);
}

const struct paper paper_html = { html_begin, heading, paragraph, table_html,
				  html_end };
