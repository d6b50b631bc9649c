/* Settings for a simulated world, made from a few words: through the text of
 * a configuration and its loader, so that what is simulated is what an
 * operator could write. */
#ifndef BASCULE_DRILL_SIM_STAGE_H
#define BASCULE_DRILL_SIM_STAGE_H

#include "controller/core/err.h"
#include "controller/core/settings.h"

#define STAGE_SERVICES  8
#define STAGE_HAPROXIES 8
#define STAGE_KEYS_MAX  400

struct stage_service {
	char name[64];
	unsigned targets;           /* NAME1, NAME2, ... */
	bool backwards;             /* ... in the other order */
	char keys[STAGE_KEYS_MAX];  /* of the service, as in the file */
	char check[STAGE_KEYS_MAX]; /* of its check */
};

struct stage {
	struct stage_service services[STAGE_SERVICES];
	unsigned service_count;
	char haproxies[STAGE_HAPROXIES][64];
	unsigned haproxy_count;
	bool agents; /* they ask the daemon about their servers */
};

/* Add or replace a service: "NAME COUNT targets KEY VALUE ..."; with a count
 * of 0 it goes. */
int stage_service(struct stage *stage, char words[][64], unsigned count,
		  struct err *err);

/* The settings, to be freed by settings_free(). */
int stage_settings(const struct stage *stage, struct settings **ret_set,
		   struct err *err);

/* What a HAProxy must know of both: the most targets of each service. */
void stage_join(struct stage *all, const struct stage *more);

#endif
