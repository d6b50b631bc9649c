#include "controller/config/check.h"

#include "controller/core/instant.h"

static void check_flap(const struct reader *reader,
		       const struct service_settings *service,
		       config_setting_t *group)
{
	config_setting_t *given = block_given(group, "flap_max");

	if (given == NULL)
		given = block_given(group, "flap_half_life");
	if (given != NULL && service->flap_limit > 0 &&
	    service->flap_max_us < service->flap_half_life_us)
		reader_error(reader, given,
			     "flap_max is shorter than flap_half_life: give at "
			     "least that");
}

void check_rails(const struct reader *reader,
		 const struct service_settings *service,
		 config_setting_t *group)
{
	check_flap(reader, service, group);
}
