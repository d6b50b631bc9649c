#include "drill/live/witness.h"

#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drill/live/stage.h"
#include "report/span.h"

struct body {
	char *bytes; /* owned */
	size_t used;
};

static size_t collect(char *data, size_t size, size_t count, void *arg)
{
	struct body *body = arg;
	char *grown = realloc(body->bytes, body->used + size * count + 1);

	if (grown == NULL)
		return 0;
	body->bytes = grown;
	memcpy(grown + body->used, data, size * count);
	body->used += size * count;
	grown[body->used] = '\0';
	return size * count;
}

static int get(const struct witness *witness, const char *path,
	       json_t **ret_json, struct err *err)
{
	struct body body = { 0 };
	CURL *curl = curl_easy_init();
	char url[256];
	CURLcode code;

	if (curl == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	snprintf(url, sizeof(url), "http://bascule%s", path);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, witness->socket);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 30000L);
	code = curl_easy_perform(curl);
	curl_easy_cleanup(curl);
	*ret_json = body.bytes == NULL ? NULL : json_loads(body.bytes, 0, NULL);
	free(body.bytes);
	if (code != CURLE_OK || *ret_json == NULL) {
		json_decref(*ret_json);
		return err_set(err, -EIO, "basculed: %s: %s", path,
			       code != CURLE_OK ? curl_easy_strerror(code)
						: "not JSON");
	}
	return 0;
}

static const char *text(const json_t *event, const char *key)
{
	const char *value = json_string_value(json_object_get(event, key));

	return value != NULL ? value : "";
}

static int64_t since_fault(const struct drill_run *run, const json_t *event,
			   const char *key)
{
	int64_t wall_us;

	if (wall_parse(text(event, key), &wall_us) < 0)
		return SPAN_NONE;
	return wall_us - run->fault_wall_us;
}

static bool meant(unsigned targets, const char *name)
{
	unsigned i;

	for (i = 0; i < STAGE_REPLICAS; i++)
		if (strcmp(stage_names[i], name) == 0)
			return (targets & 1u << i) != 0;
	return false;
}

/* The incident's number: who does not record it hears it a moment later. */
static void take_decision(struct drill_run *run, const json_t *event)
{
	json_int_t number =
		json_integer_value(json_object_get(event, "incident"));

	if (number > 0)
		snprintf(run->decision, sizeof(run->decision),
			 "%" JSON_INTEGER_FORMAT, number);
}

/* The last of several targets counts: only then all of it was seen. */
static void went_down(struct drill_run *run, const json_t *event)
{
	struct drill_evidence *evidence;
	int64_t first_bad_us = since_fault(run, event, "onset_max");

	run->confirmed_us = since_fault(run, event, "time");
	if (run->first_bad_us == SPAN_NONE)
		run->first_bad_us = first_bad_us;
	run->suspect_us = run->first_bad_us;
	run->decision_us = run->confirmed_us;
	take_decision(run, event);
	if (run->evidence_count == DRILL_EVIDENCE_MAX)
		return;
	evidence = &run->evidence[run->evidence_count++];
	*evidence = (struct drill_evidence){ .at_us = run->confirmed_us };
	snprintf(evidence->node, sizeof(evidence->node), "demo");
	snprintf(evidence->kind, sizeof(evidence->kind), "%s",
		 text(json_object_get(event, "result"), "code"));
	snprintf(evidence->class, sizeof(evidence->class), "likely");
}

static void take(struct drill_run *run, const json_t *event, unsigned targets,
		 unsigned *ret_false)
{
	const char *kind = text(event, "kind");
	size_t used = strlen(run->log_excerpt);

	snprintf(run->log_excerpt + used, sizeof(run->log_excerpt) - used,
		 "%s\n", text(event, "text"));
	if (strncmp(kind, "target", 6) == 0 &&
	    strcmp(text(event, "to"), "DOWN") == 0) {
		if (meant(targets, text(event, "target")))
			went_down(run, event);
		else
			(*ret_false)++;
	}
	if (strcmp(kind, "held") == 0)
		snprintf(run->held, sizeof(run->held), "min_up");
	if (strncmp(kind, "incident_", 9) == 0 &&
	    strcmp(text(event, "service"), "node") != 0)
		take_decision(run, event);
	if (strcmp(kind, "incident_closed") == 0)
		run->redundant_us = since_fault(run, event, "time");
}

int witness_read(struct witness *witness, unsigned targets,
		 struct drill_run *run, unsigned *ret_false, struct err *err)
{
	json_t *answer, *event;
	char path[96];
	size_t i;
	int r;

	snprintf(path, sizeof(path),
		 "/api/v1/events?limit=10000&after=%" PRId64, witness->after);
	r = get(witness, path, &answer, err);
	if (r < 0)
		return r;
	json_array_foreach(json_object_get(answer, "events"), i, event)
		take(run, event, targets, ret_false);
	witness->after = json_integer_value(json_object_get(answer, "last"));
	json_decref(answer);
	return 0;
}

int witness_whole(const struct witness *witness, bool *ret_whole,
		  struct err *err)
{
	json_t *answer;
	int r = get(witness, "/api/v1/status", &answer, err);

	if (r < 0)
		return r;
	*ret_whole = strcmp(text(answer, "summary"), "well") == 0 &&
		     json_is_true(json_object_get(answer, "ready"));
	json_decref(answer);
	return 0;
}
