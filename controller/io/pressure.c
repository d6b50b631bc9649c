#include "controller/io/pressure.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const names[PRESSURE_KINDS] = { "cpu", "memory", "io" };

void pressure_init(struct pressure *pressure, const char *folder)
{
	char path[256];
	unsigned i;

	*pressure = (struct pressure){ .at = INSTANT_NONE };
	for (i = 0; i < PRESSURE_KINDS; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		pressure->fds[i] = open(path, O_RDONLY | O_CLOEXEC);
	}
}

void pressure_done(struct pressure *pressure)
{
	unsigned i;

	for (i = 0; i < PRESSURE_KINDS; i++) {
		if (pressure->fds[i] >= 0)
			close(pressure->fds[i]);
		pressure->fds[i] = -1;
	}
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=12345", then "full ...". */
static int64_t read_total_us(int fd, int64_t otherwise)
{
	char text[256], *total, *line;
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return otherwise;
	text[n] = '\0';
	line = strchr(text, '\n');
	if (line != NULL)
		*line = '\0';
	total = strstr(text, "total=");
	if (strncmp(text, "some ", 5) != 0 || total == NULL)
		return otherwise;
	return strtoll(total + strlen("total="), NULL, 10);
}

void pressure_look(struct pressure *pressure, struct instant now,
		   unsigned ret_percent[PRESSURE_KINDS])
{
	int64_t span_us = instant_is_none(pressure->at)
				  ? 0
				  : instant_diff_us(pressure->at, now);
	int64_t total_us, percent;
	unsigned i;

	for (i = 0; i < PRESSURE_KINDS; i++) {
		ret_percent[i] = 0;
		if (pressure->fds[i] < 0)
			continue;
		total_us =
			read_total_us(pressure->fds[i], pressure->total_us[i]);
		percent = span_us > 0 ? (total_us - pressure->total_us[i]) *
						100 / span_us
				      : 0;
		if (percent > 0)
			ret_percent[i] =
				percent > 100 ? 100 : (unsigned)percent;
		pressure->total_us[i] = total_us;
	}
	pressure->at = now;
}
