/* How a program's end is judged: the Nagios plugin convention. */
#ifndef BASCULE_CHECKS_NAGIOS_H
#define BASCULE_CHECKS_NAGIOS_H

#include <stdint.h>

#include "controller/core/result.h"

/* Exit 0 is good, 1 a warning, 2 bad, 3 no verdict; so is any other, since
 * then the program is at fault.  The text is the first line of @output up to
 * the performance data. */
struct result nagios_judge(int exit_status, const char *output,
			   int64_t latency_us);

/* Ended by @signal that was not ours. */
struct result nagios_judge_signal(int signal, int64_t latency_us);

#endif
