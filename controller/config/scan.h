/* The first look at a configuration's text, before libconfig's.
 *
 * Cuts it into tokens as libconfig does, puts included files in place, gives
 * integers beyond 32 bits the suffix that keeps their value, and mends what
 * syntax.h reports.
 */
#ifndef BASCULE_CONFIG_SCAN_H
#define BASCULE_CONFIG_SCAN_H

#include <stddef.h>

#include "controller/config/report.h"
#include "controller/config/text.h"

struct syntax;

/* One file of the configuration. */
struct source {
	const char *name; /* as in messages */
	const char *bytes;
	size_t length;
	unsigned long long device, inode; /* 0: from memory */
	const struct source *parent;      /* includes this one; or NULL */
	struct syntax *syntax;            /* borrowed; one for all files */
};

/* Put @source, whose bytes stay in memory, at the end of @text.  What is
 * wrong goes to @report.  0 or -ENOMEM.
 */
int scan_source(struct text *text, const struct source *source,
		struct report *report);

#endif
