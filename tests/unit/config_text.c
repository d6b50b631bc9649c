#include "tests/unit/config_text.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Print @report into @said. */
static void report_said(struct report *report, char *said, size_t size)
{
	FILE *out = fmemopen(said, size, "w");

	assert_non_null(out);
	report_print(report, out);
	fclose(out);
}

struct settings *config_right(const char *text)
{
	struct settings *settings = NULL;
	struct report report;
	char said[4096] = "";
	int r;

	report_init(&report);
	r = settings_load_text("x.conf", text, strlen(text), &settings,
			       &report);
	report_said(&report, said, sizeof(said));
	report_done(&report);
	assert_string_equal(said, "");
	assert_int_equal(r, 0);
	assert_non_null(settings);
	return settings;
}

void config_said(const char *text, char *said, size_t size)
{
	struct settings *settings = NULL;
	struct report report;
	int r;

	memset(said, 0, size);
	report_init(&report);
	r = settings_load_text("x.conf", text, strlen(text), &settings,
			       &report);
	report_said(&report, said, size);
	assert_int_equal(r, report.errors > 0 ? -EINVAL : 0);
	assert_true((settings == NULL) == (r < 0));
	report_done(&report);
	settings_free(settings);
}

void config_wrong(const char *text, const char *wanted)
{
	char said[8192];

	config_said(text, said, sizeof(said));
	assert_string_equal(said, wanted);
}

void config_all_wrong(const struct mistake *mistakes)
{
	for (; mistakes->text != NULL; mistakes++)
		config_wrong(mistakes->text, mistakes->said);
}
