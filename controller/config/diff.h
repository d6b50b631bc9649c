/* What a reload changes: which target of the new settings is which of the
 * old ones.
 */
#ifndef BASCULE_CONFIG_DIFF_H
#define BASCULE_CONFIG_DIFF_H

#include <stdbool.h>

#include "controller/core/settings.h"

/* For each target of @new_set its index in @old, by the names of service and
 * target, or SETTINGS_NONE.
 *
 * @ret_old_index: the caller's, of @new_set->target_count elements.
 * 0 or -ENOMEM.
 */
int settings_map_targets(const struct settings *new_set,
			 const struct settings *old, unsigned *ret_old_index);

/* Whether two clusters, NULL for that of one, are the same in everything.
 * They are read at the start only.
 */
bool settings_cluster_same(const struct cluster_settings *a,
			   const struct cluster_settings *b);

/* Whether two virtual addresses, NULL for none, are the same; the same. */
bool settings_vip_same(const struct vip_settings *a,
		       const struct vip_settings *b);

#endif
