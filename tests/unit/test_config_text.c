/* Files, includes and syntax: the text before its settings. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/config_text.h"

/* A folder of its own, which is also the working folder. */
static int folder_make(void **state)
{
	char *folder = strdup("/tmp/test_config_text.XXXXXX");

	if (folder == NULL || mkdtemp(folder) == NULL || chdir(folder) < 0)
		return -1;
	*state = folder;
	return 0;
}

static int folder_remove(void **state)
{
	char command[128];
	int r;

	snprintf(command, sizeof(command), "rm -r '%s'", (char *)*state);
	r = chdir("/") < 0 ? -1 : system(command);
	free(*state);
	return r;
}

static void file_write(const char *path, const char *text)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
}

static int load(const char *path, struct settings **ret_settings, char *said,
		size_t size)
{
	struct report report;
	FILE *out;
	int r;

	memset(said, 0, size);
	report_init(&report);
	r = settings_load(path, ret_settings, &report);
	out = fmemopen(said, size, "w");
	assert_non_null(out);
	report_print(&report, out);
	fclose(out);
	report_done(&report);
	return r;
}

/* Loading @path fails with @r and says exactly @wanted. */
static void load_fails(const char *path, int r, const char *wanted)
{
	struct settings *settings = NULL;
	char said[4096];

	assert_int_equal(load(path, &settings, said, sizeof(said)), r);
	assert_string_equal(said, wanted);
	assert_null(settings);
}

static void refuses_what_is_no_file(void **state)
{
	(void)state;
	load_fails("none.conf", -ENOENT,
		   "none.conf: no such file: check the path\n");
	load_fails("/etc/passwd/x", -ENOTDIR,
		   "/etc/passwd/x: no such file: check the path\n");
	load_fails("/tmp", -EISDIR, "/tmp: is a folder: name a file in it\n");
	load_fails("/dev/null", -EINVAL,
		   "/dev/null: is not a regular file: name one\n");
}

static void does_not_wait_for_a_fifo(void **state)
{
	(void)state;
	assert_int_equal(mkfifo("fifo.conf", 0600), 0);
	load_fails("fifo.conf", -EINVAL,
		   "fifo.conf: is not a regular file: name one\n");
}

static void refuses_a_file_beyond_16_mib(void **state)
{
	(void)state;
	file_write("large.conf", "");
	assert_int_equal(truncate("large.conf", (16 << 20) + 1), 0);
	load_fails("large.conf", -EFBIG,
		   "large.conf: is larger than 16 MiB: this is no "
		   "configuration\n");
}

static void refuses_bytes_that_are_no_text(void **state)
{
	(void)state;
	file_write("binary.conf", "node = \"a\";\n\177ELF\n");
	load_fails("binary.conf", -EINVAL,
		   "binary.conf:2: byte 0x7f does not belong in a text: is "
		   "this a configuration?\n");
}

static void refuses_an_empty_file(void **state)
{
	(void)state;
	file_write("empty.conf", "");
	load_fails("empty.conf", -EINVAL,
		   "empty.conf: the file holds no settings: write at least "
		   "services = ( ... ), see bascule.conf(5)\n");
	file_write("empty.conf", "// nothing but a comment");
	load_fails("empty.conf", -EINVAL,
		   "empty.conf: the file holds no settings: write at least "
		   "services = ( ... ), see bascule.conf(5)\n");
}

static void includes_from_the_folder_of_the_file(void **state)
{
	struct settings *settings = NULL;
	char said[4096];

	(void)state;
	assert_int_equal(mkdir("sub", 0700), 0);
	file_write("main.conf", "node = \"n\";\n"
				"  @include \"sub/services.conf\" # these\n"
				"history = \"1d\";\n");
	file_write("sub/services.conf", "// services\nservices = (\n"
					"@include \"one.conf\"\n);");
	file_write("sub/one.conf",
		   "{ name = \"s\"; targets = (\n"
		   "{ name = \"t\"; address = \"10.0.0.1:80\"; } ); }");
	assert_int_equal(load("main.conf", &settings, said, sizeof(said)), 0);
	assert_string_equal(said, "");
	assert_string_equal(settings->file, "main.conf");
	assert_int_equal(settings->target_count, 1);
	assert_int_equal(settings->targets[0].line, 2);
	assert_int_equal(settings->history_us, 86400000000);
	settings_free(settings);
}

static void names_the_included_file_and_its_line(void **state)
{
	(void)state;
	file_write("main.conf", "nod = \"n\";\n"
				"@include \"part.conf\"\n"
				"histori = \"1d\";\n" SERVICE(""));
	file_write("part.conf", "\n\nstate_dri = \"/x\";\n");
	load_fails("main.conf", -EINVAL,
		   "main.conf:1: unknown setting nod: did you mean node?\n"
		   "part.conf:3: unknown setting state_dri: did you mean "
		   "state_dir?\n"
		   "main.conf:3: unknown setting histori: did you mean "
		   "history?\n");
}

static void names_the_other_file_of_a_twin(void **state)
{
	(void)state;
	file_write("main.conf", "services = (\n"
				"@include \"one.conf\"\n,\n"
				"@include \"two.conf\"\n);\n");
	file_write("one.conf", "\n{ name = \"s\"; targets = ( { name = \"t\"; "
			       "address = \"10.0.0.1:80\"; } ); }\n");
	file_write("two.conf", "{ name = \"s\"; targets = ( { name = \"u\"; "
			       "address = \"10.0.0.2:80\"; } ); }\n");
	load_fails("main.conf", -EINVAL,
		   "two.conf:1: service \"s\" exists already (one.conf:2): "
		   "give it another name\n");
}

static void refuses_files_that_close_what_others_open(void **state)
{
	(void)state;
	file_write("main.conf", "services = (\n@include \"part.conf\"\n");
	file_write("part.conf", ");\n");
	load_fails("main.conf", -EINVAL,
		   "part.conf:1: ')' closes nothing: remove it, or look for a "
		   "bracket closed too early before it\n");
	file_write("main.conf", "@include \"part.conf\"\n);\n");
	file_write("part.conf", "services = (\n");
	load_fails("main.conf", -EINVAL,
		   "part.conf:1: the '(' that opens here is never closed: add "
		   "')', or is the file cut short?\n");
}

static void refuses_includes_that_cannot_be(void **state)
{
	(void)state;
	file_write("main.conf", "@include \"none.conf\"\n"
				"@include \"/tmp\"\n" SERVICE(""));
	load_fails("main.conf", -EINVAL,
		   "main.conf:1: @include \"none.conf\" (none.conf): no such "
		   "file: check the path\n"
		   "main.conf:2: @include \"/tmp\" (/tmp): is a folder: name "
		   "a file in it\n");
	file_write("main.conf", "@include \"a.conf\"\n");
	file_write("a.conf", "\n@include \"main.conf\"\n");
	load_fails("main.conf", -EINVAL,
		   "a.conf:2: @include \"main.conf\" (main.conf): includes "
		   "itself: take one of the two out\n");
	file_write("main.conf", "@include \"a.conf\n");
	load_fails("main.conf", -EINVAL,
		   "main.conf:1: @include: the path has no closing quote on "
		   "its line: write @include \"FILE\"\n");
}

static void refuses_includes_beyond_ten_deep(void **state)
{
	char path[32], text[64];
	int i;

	(void)state;
	for (i = 0; i < 12; i++) {
		snprintf(path, sizeof(path), "%d.conf", i);
		snprintf(text, sizeof(text), "@include \"%d.conf\"\n", i + 1);
		file_write(path, text);
	}
	load_fails("0.conf", -EINVAL,
		   "10.conf:1: @include \"11.conf\" (11.conf): is included "
		   "more than 10 deep: include less deeply\n");
}

/* Each file includes the next one eight times. */
static void ends_with_includes_that_multiply(void **state)
{
	struct settings *settings = NULL;
	char path[32], text[1024], said[8192];
	int i, j;

	(void)state;
	for (i = 0; i < 9; i++) {
		snprintf(path, sizeof(path), "%d.conf", i);
		*text = '\0';
		for (j = 0; j < 8; j++)
			snprintf(text + strlen(text),
				 sizeof(text) - strlen(text),
				 "@include \"%d.conf\"\n", i + 1);
		file_write(path, text);
	}
	file_write("9.conf", "");
	assert_int_equal(load("0.conf", &settings, said, sizeof(said)),
			 -EINVAL);
	assert_non_null(strstr(said, "is one include too many"));
}

static void refuses_files_that_are_too_large_together(void **state)
{
	static char line[1 << 20];
	FILE *out = fopen("remarks.conf", "w");
	int i;

	(void)state;
	assert_non_null(out);
	memset(line, '#', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	for (i = 0; i < 9; i++)
		fwrite(line, 1, sizeof(line), out);
	assert_int_equal(fclose(out), 0);
	file_write("main.conf", "@include \"remarks.conf\"\n"
				"@include \"remarks.conf\"\n" SERVICE(""));
	load_fails("main.conf", -EINVAL,
		   "main.conf: all files together are larger than 16 MiB: "
		   "include less\n");
}

static void finds_includes_only_where_libconfig_would(void **state)
{
	(void)state;
	settings_free(config_right(
		"/*\n@include \"x\"\n*/ # @include \"x\"\n"
		"//@include \"x\"\n" CHECK("body = \" @include \\\"x\\\"\";")));
}

static void names_errors_of_syntax(void **state)
{
	static const struct mistake mistakes[] = {
		{ "node = n1;\n" SERVICE(""),
		  "x.conf:1: n1 stands without quotes: write \"n1\"\n" },
		{ "state_dir = /var/lib;\n" SERVICE(""),
		  "x.conf:1: /var/lib stands without quotes: write "
		  "\"/var/lib\"\n" },
		{ CHECK("timeout = 5s;"),
		  "x.conf:1: 5s stands without quotes: write \"5s\"\n" },
		{ CHECK("headers = ( a, b );"),
		  "x.conf:1: a stands without quotes: write \"a\"\n"
		  "x.conf:1: b stands without quotes: write \"b\"\n"
		  "x.conf:1: header \"a\" is none: write it like \"Name: "
		  "value\"\n"
		  "x.conf:1: header \"b\" is none: write it like \"Name: "
		  "value\"\n" },
		{ CHECK("fall 3;"),
		  "x.conf:1: fall has no value: write fall = ...\n" },
		{ CHECK("fall;"),
		  "x.conf:1: fall has no value: write fall = ...\n" },
		{ CHECK("fall = ;"),
		  "x.conf:1: nothing stands after '=': write a value "
		  "there\n" },
		{ CHECK("\"fall\" = 3;"),
		  "x.conf:1: the name \"fall\" stands in quotes: write it "
		  "without\n" },
		{ CHECK("fall = = 3;"),
		  "x.conf:1: no name stands before =: write NAME = VALUE\n" },
		{ CHECK("fall = rise = 3;"),
		  "x.conf:1: nothing stands after '=': write a value "
		  "there\n" },
		{ CHECK("fall = 3 4;"),
		  "x.conf:1: no name stands before 4: write NAME = VALUE\n" },
		{ CHECK("headers = ( \"A: 1\" \"B: 2\" );"),
		  "x.conf:1: a ',' is missing before \"B: 2\": put it "
		  "there\n" },
		{ CHECK("headers = ( \"A: 1\";\n\"B: 2\" );"),
		  "x.conf:1: a ';' stands in a list: put ',' between its "
		  "elements\n" },
		{ CHECK("headers = ( \"A: 1\",, \"B: 2\" );"),
		  "x.conf:1: nothing stands before this ',': remove it\n" },
		{ CHECK("headers = ( A = 1 );"),
		  "x.conf:1: the '(' of line 1 is still open: close it with "
		  "')' before A\n" },
		{ "services = ( { name = \"s\"; };\nnode = \"n\";\n",
		  "x.conf:2: the '(' of line 1 is still open: close it with "
		  "')' before node\n" },
		{ SERVICE("") "node = \"n\";\nnode = \"m\";\n",
		  "x.conf:3: node stands twice in this block (line 2): keep "
		  "one of them\n" },
		{ CHECK("*a = 3;"), "x.conf:1: *a is no name of a setting: see "
				    "bascule.conf(5)\n" },
		{ "node = \"a;\n" SERVICE(""),
		  "x.conf:1: a string does not end on its line: close it "
		  "with a quote\n" },
		{ "node = \"a; state_dir = \"/x\";\n" SERVICE(""),
		  "x.conf:1: a string ends in the middle of a word: look for "
		  "a missing quote on this line\n" },
		{ "node = \"a; state_dir = \"x\";\n" SERVICE(""),
		  "x.conf:1: a string ends in the middle of a word: look for "
		  "a missing quote on this line\n" },
		{ "services = (\n{ name = \"s\";\n",
		  "x.conf:2: the '{' that opens here is never closed: add "
		  "'}', or is the file cut short?\n" },
		{ "services = (\n{ name = \"s\"; );\n",
		  "x.conf:2: ')' stands where the '{' of line 2 is open: "
		  "close that with '}' first\n" },
		{ "services = ( { name = \"s\"; }\nnode = \"n\";\n",
		  "x.conf:2: the '(' of line 1 is still open: close it with "
		  "')' before node\n" },
		{ SERVICE("") "}\n",
		  "x.conf:2: '}' closes nothing: remove it, or look for a "
		  "bracket closed too early before it\n" },
		{ "a = ((((((((((((((((( 1 )))))))))))))))));\n",
		  "x.conf:1: brackets stand too deep in each other: no "
		  "setting needs this\n" },
		{ SERVICE("") "/* the end\n",
		  "x.conf:2: the comment that begins here never ends: close "
		  "it with */\n" },
		{ SERVICE("") "node, = \"n\";\n",
		  "x.conf:2: node has no value: write node = ...\n" },
		{ NULL, NULL },
	};

	(void)state;
	config_all_wrong(mistakes);
}

static void takes_marks_too_many(void **state)
{
	(void)state;
	settings_free(config_right(CHECK("fall = 3;;,")));
	settings_free(config_right(CHECK("headers = ( \"A: 1\", );")));
	settings_free(config_right(CHECK("headers = ( \"A: 1\", /* , */ );")));
	settings_free(config_right(CHECK("fall = 3 rise : 2")));
	settings_free(config_right(CHECK("body = \"a\" \"b\"")));
}

static void takes_lists_and_arrays_alike(void **state)
{
	(void)state;
	settings_free(config_right(CHECK("headers = [ \"A: 1\" ];")));
	settings_free(config_right(CHECK("headers = ( \"A: 1\" );")));
	settings_free(config_right(CHECK("headers = [];")));
	settings_free(config_right(CHECK("headers = ();")));
}

static void takes_lines_from_other_systems(void **state)
{
	(void)state;
	settings_free(config_right("\xef\xbb\xbfnode = \"n\";\r\n"
				   "history = \"1d\";\r\n" SERVICE("")));
}

static void takes_every_prefix_without_harm(void **state)
{
	static const char text[] =
		"node = \"n1\"; /* a *///b\n"
		"haproxy = ( { socket = \"/run/h.sock\"; } );\n" SERVICE(
			"backend = \"b\"; objective = { availability = 99.9; "
			"}; check = { headers = [ \"A: \\\"1\\\"\" ]; fall = "
			"0x2; };");
	struct settings *settings;
	struct report report;
	size_t length;
	char *copy;
	int r;

	(void)state;
	for (length = 0; length < sizeof(text); length++) {
		copy = malloc(length + 1);
		assert_non_null(copy);
		memcpy(copy, text, length);
		settings = NULL;
		report_init(&report);
		r = settings_load_text("x.conf", copy, length, &settings,
				       &report);
		assert_true(r == 0 || (r == -EINVAL && report.errors > 0));
		free(copy);
		report_done(&report);
		settings_free(settings);
	}
}

/* The first mistakes are kept, the others counted. */
static void counts_mistakes_beyond_the_thousandth(void **state)
{
	struct report report;
	struct place place = { "x", 1, 1 };
	char *said = NULL;
	size_t size, i;
	FILE *out = open_memstream(&said, &size);

	(void)state;
	assert_non_null(out);
	report_init(&report);
	for (i = 0; i < 1003; i++)
		report_error(&report, place, "wrong: right");
	report_print(&report, out);
	fclose(out);
	assert_int_equal(report.errors, 1003);
	assert_int_equal(report.count, 1000);
	assert_non_null(strstr(said, "\nand 3 more\n"));
	report_done(&report);
	free(said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_no_file),
		cmocka_unit_test(does_not_wait_for_a_fifo),
		cmocka_unit_test(refuses_a_file_beyond_16_mib),
		cmocka_unit_test(refuses_bytes_that_are_no_text),
		cmocka_unit_test(refuses_an_empty_file),
		cmocka_unit_test(includes_from_the_folder_of_the_file),
		cmocka_unit_test(names_the_included_file_and_its_line),
		cmocka_unit_test(names_the_other_file_of_a_twin),
		cmocka_unit_test(refuses_files_that_close_what_others_open),
		cmocka_unit_test(refuses_includes_that_cannot_be),
		cmocka_unit_test(refuses_includes_beyond_ten_deep),
		cmocka_unit_test(ends_with_includes_that_multiply),
		cmocka_unit_test(refuses_files_that_are_too_large_together),
		cmocka_unit_test(finds_includes_only_where_libconfig_would),
		cmocka_unit_test(names_errors_of_syntax),
		cmocka_unit_test(takes_marks_too_many),
		cmocka_unit_test(takes_lists_and_arrays_alike),
		cmocka_unit_test(takes_lines_from_other_systems),
		cmocka_unit_test(takes_every_prefix_without_harm),
		cmocka_unit_test(counts_mistakes_beyond_the_thousandth),
	};

	return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
