/* Loading when memory runs out, at each allocation in turn; and how much of
 * it 5,000 targets take.
 *
 * Linked with --wrap for malloc and its kin.  libconfig's own allocations are
 * not among them: it does not look at what malloc says.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "controller/config/diff.h"
#include "controller/config/load.h"

static long left = -1; /* allocations until one fails; -1: none fails */
static size_t total;   /* bytes asked for */

static bool refused(size_t size)
{
	total += size;
	if (left < 0)
		return false;
	return left-- == 0;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);

void *__wrap_malloc(size_t size)
{
	return refused(size) ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return refused(count * size) ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return refused(size) ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *text)
{
	return refused(strlen(text) + 1) ? NULL : __real_strdup(text);
}

/* Load @path with allocation number @nth failing; whether one did. */
static bool load_failing(const char *path, long nth, int *ret_r)
{
	struct settings *settings = NULL;
	struct report report;
	bool failed;

	report_init(&report);
	left = nth;
	*ret_r = settings_load(path, &settings, &report);
	failed = left < 0;
	left = -1;
	assert_true((settings != NULL) == (*ret_r == 0));
	report_done(&report);
	settings_free(settings);
	return failed;
}

/* Loading the file @name ends with -ENOMEM for each allocation that fails,
 * and with @wanted when none does.
 */
static void survives(const char *name, int wanted)
{
	const char *top = getenv("top_srcdir");
	char path[4096];
	long nth = 0;
	int r;

	snprintf(path, sizeof(path), "%s/%s", top != NULL ? top : ".", name);
	while (load_failing(path, nth, &r)) {
		assert_int_equal(r, -ENOMEM);
		nth++;
	}
	assert_int_equal(r, wanted);
	assert_true(nth > 5);
}

static void every_allocation_may_fail(void **state)
{
	(void)state;
	survives("docs/bascule.conf.example", 0);
}

static void every_allocation_for_errors_may_fail(void **state)
{
	(void)state;
	survives("tests/golden/ten-mistakes.conf", -EINVAL);
	survives("tests/golden/later.conf", -EINVAL);
}

#define SERVICES 50
#define TARGETS  100

static void print_service(FILE *out, int service)
{
	int i;

	fprintf(out, "%s{ name = \"s%d\"; targets = (\n", service ? "," : "",
		service);
	for (i = 0; i < TARGETS; i++)
		fprintf(out,
			"%s{ name = \"t%d\"; address = \"10.%d.0.%d:80\"; "
			"}\n",
			i ? "," : "", i, service, i);
	fprintf(out, "); }\n");
}

/* A configuration of 100 targets for each of @services; the caller's. */
static char *text_make(int services)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	int i;

	assert_non_null(out);
	fprintf(out, "services = (\n");
	for (i = 0; i < services; i++)
		print_service(out, i);
	fprintf(out, ");\n");
	fclose(out);
	return text;
}

static struct settings *many_targets(void)
{
	struct settings *settings = NULL;
	char *text = text_make(SERVICES);
	size_t size = strlen(text);
	struct report report;

	report_init(&report);
	assert_int_equal(
		settings_load_text("x.conf", text, size, &settings, &report),
		0);
	assert_int_equal(report.warnings, 0);
	report_done(&report);
	free(text);
	return settings;
}

/* The same from memory; an error must not be made of a lack of memory. */
static bool text_failing(const char *text, long nth, int *ret_r)
{
	struct settings *settings = NULL;
	struct report report;
	bool failed;

	report_init(&report);
	left = nth;
	*ret_r = settings_load_text("x.conf", text, strlen(text), &settings,
				    &report);
	failed = left < 0;
	left = -1;
	assert_int_equal(report.errors, 0);
	report_done(&report);
	settings_free(settings);
	return failed;
}

static void every_allocation_for_many_targets_may_fail(void **state)
{
	char *text = text_make(6);
	long nth = 0;
	int r;

	(void)state;
	while (text_failing(text, nth, &r)) {
		assert_int_equal(r, -ENOMEM);
		nth++;
	}
	assert_int_equal(r, 0);
	free(text);
}

static void takes_little_memory_for_many_targets(void **state)
{
	struct settings *settings;

	(void)state;
	total = 0;
	settings = many_targets();
	assert_int_equal(settings->target_count, SERVICES * TARGETS);
	/* the text, grown by doubling, the twins' table, and the settings */
	assert_true(total < 3 << 20);
	settings_free(settings);
}

static void mapping_may_run_out_of_memory(void **state)
{
	struct settings *settings = many_targets();
	unsigned *map = calloc(settings->target_count, sizeof(*map));
	int r;

	(void)state;
	assert_non_null(map);
	left = 0;
	r = settings_map_targets(settings, settings, map);
	left = -1;
	assert_int_equal(r, -ENOMEM);
	free(map);
	settings_free(settings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_allocation_may_fail),
		cmocka_unit_test(every_allocation_for_errors_may_fail),
		cmocka_unit_test(every_allocation_for_many_targets_may_fail),
		cmocka_unit_test(takes_little_memory_for_many_targets),
		cmocka_unit_test(mapping_may_run_out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
