/* Whatever a master socket says, and whoever asks the responder: no crash,
 * and only sessions that were listed are ended. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "haproxy/agent.h"
#include "haproxy/leavers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool on_any(void *arg)
{
	(void)arg;
	return true;
}

static bool on_wanted(void *arg, const char *backend, const char *server)
{
	(void)arg;
	return strcmp(backend, "be") == 0 && server[0] != '<';
}

static void on_ended(void *arg, long pid, unsigned sessions)
{
	(void)arg;
	if (pid <= 0 || sessions == 0 || sessions > LEAVERS_SESSIONS_MAX)
		abort();
}

static void on_cleared(void *arg)
{
	(void)arg;
}

static void on_failed(void *arg, const char *why)
{
	(void)arg;
	(void)why;
}

static void settle(struct leavers *lv, struct instant now)
{
	enum leavers_step step;
	const char *out;

	while ((step = leavers_next(lv, now)) != LEAVERS_WAIT)
		if (step == LEAVERS_CONNECT)
			leavers_connected(lv, now);
	leavers_sent(lv, leavers_output(lv, &out));
}

static void ask(const uint8_t *data, size_t size)
{
	char line[AGENT_QUESTION_MAX], answer[AGENT_ANSWER_MAX];
	const char *backend, *server;

	if (size > sizeof(line) - 1)
		size = sizeof(line) - 1;
	memcpy(line, data, size);
	line[size] = '\0';
	if (agent_question(line, &backend, &server) &&
	    (*backend == '\0' || *server == '\0' ||
	     agent_answer(AGENT_DOWN, server, answer) >= sizeof(answer)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct leavers_doors doors = { .any = on_any,
					     .wanted = on_wanted,
					     .ended = on_ended,
					     .failed = on_failed,
					     .cleared = on_cleared };
	struct leavers *lv = leavers_new(&doors);
	struct instant now = { SECOND };
	size_t i, part = 1 + size / 7;

	ask(data, size);
	leavers_poke(lv, now);
	for (i = 0; i < size; i += part) {
		settle(lv, now);
		leavers_input(lv, now, data + i,
			      part < size - i ? part : size - i);
		settle(lv, now);
		leavers_tick(lv, now);
		now = instant_max(instant_add(now, 10 * MS),
				  instant_min(leavers_deadline(lv),
					      instant_add(now, SECOND)));
	}
	leavers_free(lv);
	return 0;
}
