#include "drill/sim/stage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/config/load.h"

#define AGENT_PORT 7481 /* of the first HAProxy */

/* Keys of a service; any other is one of its check. */
static const char *const service_keys[] = {
	"min_up",           "slow_start",    "drain",          "concurrency",
	"sessions",         "max_withdrawn", "backend",        "on_panic",
	"recovery_timeout", "flap_limit",    "flap_half_life", "flap_max",
	"depends_on",       "trial"
};

static bool of_service(const char *key)
{
	size_t i;

	for (i = 0; i < sizeof(service_keys) / sizeof(service_keys[0]); i++)
		if (strcmp(service_keys[i], key) == 0)
			return true;
	return false;
}

static struct stage_service *find(struct stage *stage, const char *name)
{
	unsigned i;

	for (i = 0; i < stage->service_count; i++)
		if (strcmp(stage->services[i].name, name) == 0)
			return &stage->services[i];
	return NULL;
}

static void add_key(char *text, const char *key, const char *value)
{
	size_t used = strlen(text), digits = strspn(value, "0123456789");
	const char *quote = value[digits] == '\0' ? "" : "\"";
	bool list = strcmp(key, "depends_on") == 0;

	snprintf(text + used, STAGE_KEYS_MAX - used, " %s = %s%s%s%s%s;", key,
		 list ? "( " : "", quote, value, quote, list ? " )" : "");
}

int stage_service(struct stage *stage, char words[][64], unsigned count,
		  struct err *err)
{
	struct stage_service *svc = find(stage, words[0]);
	unsigned targets = (unsigned)atoi(words[1]), i;

	if (svc == NULL) {
		if (stage->service_count == STAGE_SERVICES)
			return err_set(err, -EINVAL, "too many services");
		svc = &stage->services[stage->service_count++];
	}
	*svc = (struct stage_service){ .targets = targets };
	snprintf(svc->name, sizeof(svc->name), "%s", words[0]);
	if (targets == 0)
		*svc = stage->services[--stage->service_count];
	for (i = 3; i + 1 < count; i += 2) {
		if (strcmp(words[i], "order") == 0)
			svc->backwards = true;
		else if (of_service(words[i]))
			add_key(svc->keys, words[i], words[i + 1]);
		else
			add_key(svc->check, words[i], words[i + 1]);
	}
	return 0;
}

static void print_service(FILE *out, const struct stage_service *svc)
{
	unsigned i, n;

	fprintf(out, "{ name = \"%s\";", svc->name);
	if (strstr(svc->keys, " backend = ") == NULL)
		fprintf(out, " backend = \"be_%s\";", svc->name);
	fprintf(out, "%s\n  check = { type = \"http\";%s };\n  targets = (\n",
		svc->keys, svc->check);
	for (i = 0; i < svc->targets; i++) {
		n = svc->backwards ? svc->targets - i : i + 1;
		fprintf(out,
			"%s{ name = \"%s%u\"; address = \"10.%u.%u.%u:80\"; "
			"}\n",
			i > 0 ? "," : "", svc->name, n, n >> 16, (n >> 8) & 255,
			n & 255);
	}
	fputs("); }\n", out);
}

static char *print(const struct stage *stage)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	unsigned i;

	if (out == NULL)
		return NULL;
	fputs("node = \"node1\";\nhaproxy = (\n", out);
	for (i = 0; i < stage->haproxy_count; i++) {
		fprintf(out, "%s{ name = \"%s\"; socket = \"/run/%s.sock\";",
			i > 0 ? "," : "", stage->haproxies[i],
			stage->haproxies[i]);
		if (stage->agents)
			fprintf(out, " agent_listen = \"127.0.0.1:%u\";",
				AGENT_PORT + i);
		fputs(" }\n", out);
	}
	fputs(");\nservices = (\n", out);
	for (i = 0; i < stage->service_count; i++) {
		fputs(i > 0 ? ",\n" : "", out);
		print_service(out, &stage->services[i]);
	}
	fputs(");\n", out);
	fclose(out);
	return text;
}

int stage_settings(const struct stage *stage, struct settings **ret_set,
		   struct err *err)
{
	char *text = print(stage);
	struct report report;
	int r;

	if (text == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	report_init(&report);
	r = settings_load_text("settings", text, strlen(text), ret_set,
			       &report);
	if (r < 0)
		err_set(err, r, "%s",
			report.count > 0 ? report.entries[0].text
					 : "out of memory");
	report_done(&report);
	free(text);
	return r;
}

void stage_join(struct stage *all, const struct stage *more)
{
	unsigned i;

	for (i = 0; i < more->service_count; i++) {
		const struct stage_service *from = &more->services[i];
		struct stage_service *svc = find(all, from->name);

		if (svc == NULL && all->service_count < STAGE_SERVICES)
			all->services[all->service_count++] = *from;
		else if (svc != NULL && svc->targets < from->targets)
			svc->targets = from->targets;
	}
}
