/* The virtual address: what is written, read and checked. */
#ifndef BASCULE_CONFIG_VIP_H
#define BASCULE_CONFIG_VIP_H

#include "controller/config/block.h"
#include "controller/core/settings.h"

/* The addresses of @vip from their texts; @group is its block.  Accepts NULL
 * for both. */
void vip_read(const struct reader *reader, struct vip_settings *vip,
	      config_setting_t *group);

/* What of it cannot work here, @group being its block, or NULL. */
void vip_check(const struct reader *reader, const struct settings *settings,
	       config_setting_t *group);

#endif
