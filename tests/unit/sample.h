/* Settings to test with: service api (api1, api2, api3 behind be_api), service
 * shop (web1, api1 behind be_shop), one HAProxy, "local". */
#ifndef BASCULE_TESTS_SAMPLE_H
#define BASCULE_TESTS_SAMPLE_H

#include "controller/core/settings.h"

enum { API1, API2, API3, SHOP_WEB1, SHOP_API1, SAMPLE_TARGETS };
enum { SAMPLE_API, SAMPLE_SHOP, SAMPLE_SERVICES };

struct sample {
	struct settings set;
	struct service_settings services[SAMPLE_SERVICES];
	struct target_settings targets[SAMPLE_TARGETS];
	struct haproxy_settings haproxies[1];
	char dir[64]; /* state_dir: a new one, removed by sample_done() */
};

void sample_init(struct sample *sample);
void sample_done(struct sample *sample);

#endif
