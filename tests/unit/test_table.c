/* Tables as text, Markdown and HTML. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "report/table.h"

static const char *const head[] = { "NAME", "N", "WHY" };

static struct table *make(void)
{
	struct table *t = table_new("lrl", head);

	table_row(t, (const char *const[]){ "api", "12", "it <is> down|now" });
	table_row(t, (const char *const[]){ "database", "3", NULL });
	return t;
}

static void assert_text(struct table *t, struct table_style style,
			const char *wanted)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	table_text(t, &style, out);
	fclose(out);
	assert_string_equal(text, wanted);
	free(text);
	table_free(t);
}

static void columns_are_as_wide_as_their_widest_cell(void **state)
{
	(void)state;
	assert_text(make(), (struct table_style){ 0 },
		    "NAME       N  WHY\n"
		    "api       12  it <is> down|now\n"
		    "database   3\n");
}

static void the_last_column_is_cut_to_the_width(void **state)
{
	(void)state;
	assert_text(make(), (struct table_style){ .width = 20 },
		    "NAME       N  WHY\n"
		    "api       12  it <is\n"
		    "database   3\n");
}

static void figures_are_never_cut(void **state)
{
	struct table *t = table_new("lr", (const char *const[]){ "A", "B" });

	(void)state;
	table_row(t, (const char *const[]){ "x", "123456" });
	assert_text(t, (struct table_style){ .width = 5 },
		    "A       B\nx  123456\n");
}

static void a_cell_is_coloured_only_when_wanted(void **state)
{
	struct table *t = make();

	(void)state;
	table_paint(t, 0, "31");
	assert_text(t, (struct table_style){ .colour = true },
		    "NAME       N  WHY\n"
		    "api       12  it <is> down|now\n"
		    "\033[31mdatabase\033[0m   3\n");
	t = make();
	table_paint(t, 0, "31");
	assert_text(t, (struct table_style){ 0 },
		    "NAME       N  WHY\n"
		    "api       12  it <is> down|now\n"
		    "database   3\n");
}

static void what_a_terminal_would_obey_is_replaced(void **state)
{
	struct table *t = table_new("l", (const char *const[]){ "A" });

	(void)state;
	table_row(t, (const char *const[]){ "\033[2Jx\177\n\xc3\xa4" });
	assert_text(t, (struct table_style){ 0 }, "A\n?[2Jx??\xc3\xa4\n");
}

static void characters_of_utf8_count_once_and_are_not_split(void **state)
{
	struct table *t = table_new("l", (const char *const[]){ "A" });

	(void)state;
	table_row(t, (const char *const[]){ "\xc3\xa4\xc3\xb6\xc3\xbc" });
	assert_text(t, (struct table_style){ .width = 2 },
		    "A\n\xc3\xa4\xc3\xb6\n");
}

static void assert_printed(void (*print)(const struct table *, FILE *),
			   const char *wanted)
{
	struct table *t = make();
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	print(t, out);
	fclose(out);
	assert_string_equal(text, wanted);
	free(text);
	table_free(t);
}

static void markdown_escapes_what_it_would_obey(void **state)
{
	(void)state;
	assert_printed(table_markdown, "| NAME | N | WHY |\n"
				       "| --- | ---: | --- |\n"
				       "| api | 12 | it \\<is> down\\|now |\n"
				       "| database | 3 |  |\n");
}

static void html_escapes_what_it_would_obey(void **state)
{
	(void)state;
	assert_printed(table_html,
		       "<div class=\"scroll\"><table>\n"
		       "<tr><th class=\"l\">NAME</th><th>N</th>"
		       "<th class=\"l\">WHY</th></tr>\n"
		       "<tr><td class=\"l\">api</td><td>12</td>"
		       "<td class=\"l\">it &lt;is&gt; down|now</td></tr>\n"
		       "<tr><td class=\"l\">database</td><td>3</td>"
		       "<td class=\"l\"></td></tr>\n"
		       "</table></div>\n");
}

static void many_rows_are_kept(void **state)
{
	struct table *t = table_new("l", (const char *const[]){ "A" });

	(void)state;
	assert_true(table_empty(t));
	for (int i = 0; i < 1000; i++)
		table_row(t, (const char *const[]){ "x" });
	assert_false(table_empty(t));
	assert_false(table_failed(t));
	table_free(t);
}

static void no_table_is_a_failed_one(void **state)
{
	(void)state;
	table_row(NULL, head);
	table_paint(NULL, 0, "31");
	assert_true(table_failed(NULL));
	assert_true(table_empty(NULL));
	table_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_as_wide_as_their_widest_cell),
		cmocka_unit_test(the_last_column_is_cut_to_the_width),
		cmocka_unit_test(figures_are_never_cut),
		cmocka_unit_test(a_cell_is_coloured_only_when_wanted),
		cmocka_unit_test(what_a_terminal_would_obey_is_replaced),
		cmocka_unit_test(
			characters_of_utf8_count_once_and_are_not_split),
		cmocka_unit_test(markdown_escapes_what_it_would_obey),
		cmocka_unit_test(html_escapes_what_it_would_obey),
		cmocka_unit_test(many_rows_are_kept),
		cmocka_unit_test(no_table_is_a_failed_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
