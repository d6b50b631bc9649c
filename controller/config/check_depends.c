#include "controller/config/check.h"

/* Whether @from needs @wanted, over others whose index is not below it: so
 * each circle is found once.  @seen: those that were looked at. */
static bool needs(const struct settings *settings, unsigned from,
		  unsigned wanted, bool *seen)
{
	const struct service_settings *svc = &settings->services[from];
	unsigned next;
	size_t i;

	seen[from] = true;
	for (i = 0; i < svc->depends_on_count; i++) {
		next = settings_find_service(settings, svc->depends_on[i]);
		if (next == wanted)
			return true;
		if (next > wanted && next != SETTINGS_NONE && !seen[next] &&
		    needs(settings, next, wanted, seen))
			return true;
	}
	return false;
}

static bool needs_itself(const struct settings *settings, unsigned index,
			 unsigned on)
{
	bool seen[SETTINGS_SERVICES_MAX] = { false };

	return on == index || (on > index && needs(settings, on, index, seen));
}

static void check_service(const struct reader *reader,
			  const struct settings *settings, unsigned index,
			  config_setting_t *given)
{
	const struct service_settings *svc = &settings->services[index];
	unsigned on;
	size_t i;

	for (i = 0; i < svc->depends_on_count; i++) {
		on = settings_find_service(settings, svc->depends_on[i]);
		if (on == SETTINGS_NONE)
			reader_error(reader, given,
				     "depends_on names \"%.80s\", which is no "
				     "service here: name one, or remove it",
				     svc->depends_on[i]);
		else if (needs_itself(settings, index, on))
			reader_error(reader, given,
				     "depends_on \"%.80s\" makes a circle: "
				     "\"%.80s\" would need itself",
				     svc->depends_on[i], svc->name);
	}
}

void check_depends(const struct reader *reader, const struct settings *settings,
		   config_setting_t *services)
{
	config_setting_t *given;
	unsigned i;

	for (i = 0; i < settings->service_count; i++) {
		given = block_given(config_setting_get_elem(services, i),
				    "depends_on");
		if (given != NULL && settings->services[i].name != NULL)
			check_service(reader, settings, i, given);
	}
}

void depends_settle(const struct reader *reader, struct settings *settings)
{
	struct service_settings *svc;
	unsigned *list, i;
	size_t k;

	for (i = 0; i < settings->service_count; i++) {
		svc = &settings->services[i];
		if (svc->depends_on_count == 0)
			continue;
		list = arena_array(reader->arena, svc->depends_on_count,
				   sizeof(*list));
		if (list == NULL)
			return;
		for (k = 0; k < svc->depends_on_count; k++)
			list[k] = settings_find_service(settings,
							svc->depends_on[k]);
		svc->depends = list;
		svc->depends_count = (unsigned)svc->depends_on_count;
	}
}
