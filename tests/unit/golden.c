#include "tests/unit/golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static FILE *open_golden(const char *name, const char *mode)
{
	const char *top = getenv("top_srcdir");
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/tests/golden/%s",
		 top != NULL ? top : ".", name);
	file = fopen(path, mode);
	if (file == NULL)
		fail_msg("%s cannot be opened", path);
	return file;
}

static char *read_all(FILE *file)
{
	size_t used = 0, size = 1 << 20;
	char *text = calloc(1, size);

	assert_non_null(text);
	used = fread(text, 1, size - 1, file);
	assert_true(used < size - 1);
	fclose(file);
	return text;
}

void golden_check(const char *name, golden_render render, const void *arg)
{
	char *seen = NULL, *wanted;
	size_t size = 0;
	FILE *out = open_memstream(&seen, &size);

	assert_non_null(out);
	render(arg, out);
	fclose(out);
	if (getenv("GOLDEN_WRITE") != NULL) {
		FILE *file = open_golden(name, "w");

		fwrite(seen, 1, size, file);
		fclose(file);
	}
	wanted = read_all(open_golden(name, "r"));
	assert_string_equal(seen, wanted);
	free(wanted);
	free(seen);
}
