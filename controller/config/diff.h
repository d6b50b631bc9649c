/* What a reload changes: which target of the new settings is which of the
 * old ones.
 */
#ifndef BASCULE_CONFIG_DIFF_H
#define BASCULE_CONFIG_DIFF_H

#include <limits.h>
#include <stdbool.h>

#include "controller/core/settings.h"

#define SETTINGS_NONE UINT_MAX /* no such target */

/* For each target of @new_set its index in @old, by the names of service and
 * target, or SETTINGS_NONE.
 *
 * @ret_old_index: the caller's, of @new_set->target_count elements.
 * 0 or -ENOMEM.
 */
int settings_map_targets(const struct settings *new_set,
			 const struct settings *old, unsigned *ret_old_index);

/* Whether target @i is asked the same way at the same address as @j was:
 * then its state, its connection and its timing may be kept.
 */
bool settings_target_same(const struct settings *new_set, unsigned i,
			  const struct settings *old, unsigned j);

/* Whether two checks ask the same. */
bool settings_check_same(const struct check_settings *a,
			 const struct check_settings *b);

/* Whether two HAProxies are reached the same way. */
bool settings_haproxy_same(const struct haproxy_settings *a,
			   const struct haproxy_settings *b);

#endif
