#include "cli/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "controller/core/instant.h"

bool terminal_colour(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if (no != NULL && no[0] != '\0')
		return false;
	if (term == NULL || strcmp(term, "dumb") == 0)
		return false;
	return isatty(STDOUT_FILENO) == 1;
}

void terminal_size(unsigned *ret_columns, unsigned *ret_lines)
{
	struct winsize size = { 0 };

	*ret_columns = 0;
	*ret_lines = 0;
	if (isatty(STDOUT_FILENO) != 1)
		return;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
		memset(&size, 0, sizeof(size));
	*ret_columns = size.ws_col > 0 ? size.ws_col : 80;
	*ret_lines = size.ws_row > 0 ? size.ws_row : 24;
}

struct table_style terminal_style(void)
{
	struct table_style style = { .colour = terminal_colour() };
	unsigned lines;

	terminal_size(&style.width, &lines);
	return style;
}

void print_sgr(FILE *out, bool colour, const char *sgr, const char *text)
{
	if (colour && sgr != NULL)
		fprintf(out, "\033[%sm%s\033[0m", sgr, text);
	else
		fputs(text, out);
}

void print_clean(FILE *out, const char *text)
{
	for (; text != NULL && *text != '\0'; text++)
		fputc((unsigned char)*text < ' ' || *text == '\177' ? '?'
								    : *text,
		      out);
}

static bool to_local(int64_t wall_us, struct tm *ret_tm)
{
	time_t seconds = (time_t)(wall_us / SECOND);

	return wall_us > 0 && localtime_r(&seconds, ret_tm) != NULL;
}

const char *when_text(int64_t wall_us, int64_t now_us,
		      char buf[static WHEN_TEXT_MAX])
{
	const char *format = "%Y-%m-%d %H:%M:%S";
	struct tm tm, today;

	if (!to_local(wall_us, &tm))
		return strcpy(buf, "-");
	if (to_local(now_us, &today) && today.tm_year == tm.tm_year)
		format = today.tm_yday == tm.tm_yday ? "%H:%M:%S"
						     : "%m-%d %H:%M:%S";
	strftime(buf, WHEN_TEXT_MAX, format, &tm);
	return buf;
}

const char *when_full(int64_t wall_us, char buf[static WHEN_TEXT_MAX])
{
	unsigned ms = (unsigned)(wall_us / MS % 1000) % 1000;
	struct tm tm;
	size_t used;

	if (!to_local(wall_us, &tm))
		return strcpy(buf, "-");
	used = strftime(buf, WHEN_TEXT_MAX, "%Y-%m-%d %H:%M:%S", &tm);
	snprintf(buf + used, WHEN_TEXT_MAX - used, ".%03u", ms);
	return buf;
}
