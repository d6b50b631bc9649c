#include "checks/nagios.h"

#include <stdio.h>
#include <string.h>

static const enum result_code codes[] = { RESULT_PROCOK, RESULT_PROCWARN,
					  RESULT_PROCERR, RESULT_PROCUNK };

struct result nagios_judge(int exit_status, const char *output,
			   int64_t latency_us)
{
	char text[RESULT_TEXT_MAX];
	size_t size = strcspn(output, "|\r\n");

	while (size > 0 && output[size - 1] == ' ')
		size--;
	if (size >= sizeof(text))
		size = sizeof(text) - 1;
	memcpy(text, output, size);
	text[size] = '\0';
	if (exit_status >= 0 && exit_status <= 3)
		return result_make(codes[exit_status], exit_status, latency_us,
				   text);
	snprintf(text, sizeof(text), "exit %d is none of 0 to 3: %.*s",
		 exit_status, (int)size, output);
	return result_make(RESULT_PROCUNK, exit_status, latency_us, text);
}

struct result nagios_judge_signal(int signal, int64_t latency_us)
{
	char text[RESULT_TEXT_MAX];

	snprintf(text, sizeof(text), "killed by signal %d", signal);
	return result_make(RESULT_PROCERR, signal, latency_us, text);
}
