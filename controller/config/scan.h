/* The first look at a configuration's text, before libconfig's.
 *
 * Finds the @include lines exactly where libconfig would (strings and
 * comments told apart), and what libconfig would report badly or not at all:
 * brackets and quotes left open, a duration or an address without quotes,
 * and integers beyond 32 bits, which get the suffix that keeps their value.
 */
#ifndef BASCULE_CONFIG_SCAN_H
#define BASCULE_CONFIG_SCAN_H

#include <stddef.h>

#include "controller/config/report.h"
#include "controller/config/text.h"

/* One file of the configuration. */
struct source {
	const char *name; /* as in messages */
	const char *bytes;
	size_t length;
	unsigned long long device, inode; /* 0: from memory */
	const struct source *parent;      /* includes this one; or NULL */
};

/* Put @source at the end of @text.  What is wrong goes to @report.
 * 0 or -ENOMEM.
 */
int scan_source(struct text *text, const struct source *source,
		struct report *report);

#endif
