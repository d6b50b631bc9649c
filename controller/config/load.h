/* The configuration file -> struct settings.
 *
 * Loading is whole or nothing: either there are settings, complete and
 * checked, or there is a report of everything that is wrong.  It reads the
 * files that the configuration names only to see that they can be read.
 */
#ifndef BASCULE_CONFIG_LOAD_H
#define BASCULE_CONFIG_LOAD_H

#include <stddef.h>

#include "controller/config/report.h"
#include "controller/core/settings.h"

/* Load the file @path.
 *
 * @ret_settings: the caller's to free, untouched on failure.
 * @report: fresh from report_init(); gets errors and warnings.  A success may
 *	leave warnings.
 * Returns 0; -EINVAL when the report says what is wrong; another negative
 * errno, also reported, when the file cannot be read; -ENOMEM.
 */
int settings_load(const char *path, struct settings **ret_settings,
		  struct report *report);

/* The same from memory: @name stands for the path. */
int settings_load_text(const char *name, const char *bytes, size_t length,
		       struct settings **ret_settings, struct report *report);

/* Accepts NULL. */
void settings_free(struct settings *settings);

#endif
