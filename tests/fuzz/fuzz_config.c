/* The configuration, whatever stands in it. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/config/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* The syntax is judged before libconfig sees it, which must find nothing
 * that was missed there.
 */
static void look_for_misses(const struct report *report)
{
	static const char missed[] = "libconfig says ";
	const char *said;
	size_t i;

	for (i = 0; i < report->count; i++) {
		said = strchr(report->entries[i].text, ' ') + 1;
		if (strncmp(said, missed, strlen(missed)) != 0)
			continue;
		fprintf(stderr, "%s\n", report->entries[i].text);
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct settings *settings = NULL;
	struct report report;
	int r;

	report_init(&report);
	r = settings_load_text("fuzz.conf", (const char *)data, len, &settings,
			       &report);
	report_sort(&report);
	look_for_misses(&report);
	if ((r == 0) != (settings != NULL) || (r == 0) != (report.errors == 0))
		abort();
	settings_free(settings);
	report_done(&report);
	return 0;
}
