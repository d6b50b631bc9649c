#include "controller/config/report.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 1024

void report_init(struct report *report)
{
	*report = (struct report){ 0 };
}

void report_done(struct report *report)
{
	size_t i;

	for (i = 0; i < report->count; i++)
		free(report->entries[i].text);
	free(report->entries);
	report_init(report);
}

static bool report_grow(struct report *report)
{
	size_t capacity = report->capacity ? 2 * report->capacity : 16;
	struct report_entry *entries;

	if (report->count < report->capacity)
		return true;
	entries = realloc(report->entries, capacity * sizeof(*entries));
	if (entries == NULL)
		return false;
	report->entries = entries;
	report->capacity = capacity;
	return true;
}

/* Control bytes of a quoted setting must not reach a terminal or a log. */
static void text_clean(char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

static char *text_format(struct place place, bool warning, const char *fmt,
			 va_list ap) __attribute__((format(printf, 3, 0)));

static char *text_format(struct place place, bool warning, const char *fmt,
			 va_list ap)
{
	char text[TEXT_MAX], at[16] = "";
	const char *kind = warning ? "warning: " : "";
	size_t size;
	char *line;

	vsnprintf(text, sizeof(text), fmt, ap);
	if (place.line > 0)
		snprintf(at, sizeof(at), "%u:", place.line);
	size = strlen(place.file) + strlen(at) + strlen(kind) + strlen(text);
	size += sizeof(": ");
	line = malloc(size);
	if (line == NULL)
		return NULL;
	snprintf(line, size, "%s:%s %s%s", place.file, at, kind, text);
	text_clean(line);
	return line;
}

static void report_add(struct report *report, struct place place, bool warning,
		       const char *fmt, va_list ap)
	__attribute__((format(printf, 4, 0)));

static void report_add(struct report *report, struct place place, bool warning,
		       const char *fmt, va_list ap)
{
	char *text;

	if (warning)
		report->warnings++;
	else
		report->errors++;
	if (report->count == REPORT_MAX)
		return;
	if (!report_grow(report)) {
		report->failed = true;
		return;
	}
	text = text_format(place, warning, fmt, ap);
	if (text == NULL) {
		report->failed = true;
		return;
	}
	report->entries[report->count++] = (struct report_entry){
		.order = place.order,
		.warning = warning,
		.text = text,
	};
}

void report_error(struct report *report, struct place place, const char *fmt,
		  ...)
{
	va_list ap;

	va_start(ap, fmt);
	report_add(report, place, false, fmt, ap);
	va_end(ap);
}

void report_warning(struct report *report, struct place place, const char *fmt,
		    ...)
{
	va_list ap;

	va_start(ap, fmt);
	report_add(report, place, true, fmt, ap);
	va_end(ap);
}

/* Insertion keeps entries of one place in their order; they arrive nearly
 * sorted and are at most REPORT_MAX.
 */
void report_sort(struct report *report)
{
	struct report_entry entry;
	size_t i, j;

	for (i = 1; i < report->count; i++) {
		entry = report->entries[i];
		for (j = i; j > 0; j--) {
			if (report->entries[j - 1].order <= entry.order)
				break;
			report->entries[j] = report->entries[j - 1];
		}
		report->entries[j] = entry;
	}
}

void report_print(struct report *report, FILE *out)
{
	size_t i, total = report->errors + report->warnings;

	report_sort(report);
	for (i = 0; i < report->count; i++)
		fprintf(out, "%s\n", report->entries[i].text);
	if (report->failed)
		fputs("out of memory: some messages are missing\n", out);
	else if (total > report->count)
		fprintf(out, "and %zu more\n", total - report->count);
}
