/* Rules across keys: what the table of keys cannot say row by row. */
#ifndef BASCULE_CONFIG_CHECK_H
#define BASCULE_CONFIG_CHECK_H

#include <libconfig.h>

#include "controller/config/block.h"
#include "controller/core/settings.h"

/* Report what is wrong with @settings, read from @root.  Names may still be
 * NULL where reading failed.  0 or -ENOMEM.
 */
int check_settings(const struct reader *reader, const struct settings *settings,
		   config_setting_t *root);

/* The rules of @service's check block @given (NULL: all defaults). */
void check_probe(const struct reader *reader,
		 const struct service_settings *service,
		 config_setting_t *given);

/* The rules of what a check of a database has beside these. */
void check_database(const struct reader *reader,
		    const struct check_settings *check,
		    config_setting_t *given);

/* No more groups than the document has room for. */
void check_groups(const struct reader *reader, const struct settings *settings,
		  config_setting_t *services);

/* Add a service for the readers of each group that has some: the same targets
 * in another backend. */
void readers_settle(const struct reader *reader, struct settings *settings);

/* The rules of @service's failover block, and of what its targets, in @group,
 * have for it. */
void check_failover(const struct reader *reader,
		    const struct settings *settings,
		    const struct service_settings *service,
		    config_setting_t *group);

/* The rules of what holds @service's targets in or out; @group is its block.
 */
void check_rails(const struct reader *reader,
		 const struct service_settings *service,
		 config_setting_t *group);

/* Whether each of our listeners has a place of its own; @haproxies is the
 * list of HAProxies. */
void check_listeners(const struct reader *reader,
		     const struct settings *settings,
		     config_setting_t *haproxies);

/* Whether this node may become primary, and so runs hooks; @cluster may be
 * NULL. */
bool check_self_leads(const struct cluster_settings *cluster);

/* That @program, given as @name in @group, can be run here; NULL and units
 * are fine. */
void check_hook(const struct reader *reader, const char *name,
		const char *program, config_setting_t *group);

/* Whether each service depends on others that are there, and not on itself. */
void check_depends(const struct reader *reader, const struct settings *settings,
		   config_setting_t *services);

/* Find the services that others depend on, now that all names are right. */
void depends_settle(const struct reader *reader, struct settings *settings);

/* The rules of the cluster and primary blocks, and of what needs a cluster. */
void check_cluster(const struct reader *reader, const struct settings *settings,
		   config_setting_t *root);

#endif
