#include "drill/sim/cluster_world.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Scripts as text: one line for each setting and each step,
 *
 *	at 3250ms freeze primary with n2 for 510ms value 3
 *
 * where all that is 0 is left out.  # begins a comment. */

/* Which words a kind of step takes. */
enum { NODE = 1, OTHER = 2, SPAN = 4, VALUE = 8 };

static const struct {
	const char *name;
	unsigned takes;
} kinds[STEP_KINDS] = {
	[STEP_KILL] = { "kill", NODE | SPAN },
	[STEP_KILL_BOTH] = { "kill-both", NODE | SPAN | VALUE },
	[STEP_POWER] = { "power", NODE | SPAN },
	[STEP_FREEZE] = { "freeze", NODE | SPAN },
	[STEP_FREEZE_ACT] = { "freeze-act", NODE | SPAN },
	[STEP_GUARD] = { "kill-guard", NODE | SPAN },
	[STEP_START] = { "start", NODE },
	[STEP_WIPE] = { "wipe", NODE },
	[STEP_CUT] = { "cut", NODE | OTHER | SPAN },
	[STEP_HEAL] = { "heal", 0 },
	[STEP_ISOLATE] = { "isolate", NODE | SPAN },
	[STEP_LINK] = { "link", NODE | OTHER | SPAN | VALUE },
	[STEP_SPLIT] = { "split", NODE | OTHER | SPAN },
	[STEP_SPLIT_COMMIT] = { "split-commit", OTHER | SPAN },
	[STEP_CRASH_COMMIT] = { "crash-commit", SPAN },
	[STEP_MUTE] = { "mute", NODE | SPAN | VALUE },
	[STEP_LOSS] = { "loss", SPAN | VALUE },
	[STEP_SLOW] = { "slow-disk", NODE | SPAN | VALUE },
	[STEP_FAIL] = { "fail-disk", NODE | SPAN },
	[STEP_HAND_OVER] = { "hand-over", NODE },
	[STEP_MAINTENANCE] = { "maintenance", NODE | SPAN },
	[STEP_CHECKS] = { "checks", NODE | SPAN },
	[STEP_MOVE] = { "move", VALUE },
	[STEP_KEEP] = { "keep", VALUE },
	[STEP_LEASE] = { "lease", NODE | SPAN | VALUE },
	[STEP_HURRY] = { "hurry", VALUE },
	[STEP_QUIET] = { "quiet", NODE | OTHER | VALUE },
	[STEP_DB_KILL] = { "db-kill", NODE | SPAN },
	[STEP_DB_EMPTY] = { "db-empty", NODE | SPAN },
	[STEP_DB_HOST] = { "db-host", NODE | SPAN },
	[STEP_DB_FREEZE] = { "db-freeze", NODE | SPAN },
	[STEP_DB_DISK] = { "db-disk", NODE | SPAN },
	[STEP_DB_SLOW] = { "db-slow", NODE | SPAN | VALUE },
	[STEP_DB_CUT] = { "db-cut", NODE | OTHER | SPAN },
	[STEP_DB_PART] = { "db-part", NODE | OTHER | SPAN },
	[STEP_DB_ISOLATE] = { "db-isolate", NODE | SPAN | VALUE },
	[STEP_DB_SWITCHOVER] = { "db-switchover", NODE },
	[STEP_DB_MAINTENANCE] = { "db-maintenance", NODE | SPAN },
	[STEP_DB_CANCEL] = { "db-cancel", SPAN },
};

bool cluster_step_is_of_databases(const struct cluster_step *step)
{
	return step->kind >= STEP_DB_KILL && step->kind < STEP_KINDS;
}

void cluster_step_tidy(struct cluster_step *step)
{
	unsigned takes = kinds[step->kind].takes;

	if ((takes & NODE) == 0)
		step->node = 0;
	if ((takes & OTHER) == 0)
		step->other = 0;
	if ((takes & SPAN) == 0)
		step->span_us = 0;
	if ((takes & VALUE) == 0)
		step->value = 0;
}

struct text {
	char *at, *end;
};

static void put(struct text *out, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void put(struct text *out, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(out->at, (size_t)(out->end - out->at), fmt, ap);
	va_end(ap);
	if (n > 0 && n < out->end - out->at)
		out->at += n;
}

static void put_span(struct text *out, int64_t span_us)
{
	if (span_us % 1000 == 0)
		put(out, "%" PRId64 "ms", span_us / 1000);
	else
		put(out, "%" PRId64 "us", span_us);
}

static const char *node_name(unsigned node)
{
	static const char *const names[] = { "n1", "n2", "n3", "n4", "n5" };

	if (node == CLUSTER_PRIMARY)
		return "primary";
	if (node == CLUSTER_FOLLOWER)
		return "follower";
	return node < CLUSTER_NODES ? names[node] : "any";
}

static void put_step(struct text *out, const struct cluster_step *step)
{
	put(out, "at ");
	put_span(out, step->at_us);
	put(out, " %s", kinds[step->kind].name);
	if ((kinds[step->kind].takes & NODE) != 0)
		put(out, " %s", node_name(step->node));
	if (step->other != 0)
		put(out, " with %s", node_name(step->other));
	if (step->span_us != 0) {
		put(out, " for ");
		put_span(out, step->span_us);
	}
	if (step->value != 0)
		put(out, " value %" PRId64, step->value);
	put(out, "\n");
}

static void put_databases(struct text *out, const struct cluster_script *script)
{
	if (script->engine == 0)
		return;
	put(out, "engine %u\n", script->engine);
	if (script->no_loss)
		put(out, "no-loss 1\n");
	if (script->apart)
		put(out, "apart 1\n");
	if (script->canary)
		put(out, "canary 1\n");
	put(out, "cooldown ");
	put_span(out, script->cooldown_us);
	put(out, "\n");
}

size_t cluster_script_print(const struct cluster_script *script, char *buf,
			    size_t size)
{
	struct text out = { buf, buf + size };
	unsigned i;

	put(&out, "seed %" PRIu64 "\nnodes %u\n", script->seed, script->nodes);
	if (script->witness)
		put(&out, "witness 1\n");
	if (script->preempt)
		put(&out, "preempt 1\n");
	put(&out, "heartbeat ");
	put_span(&out, script->heartbeat_us);
	put(&out, "\nlease ");
	put_span(&out, script->lease_us);
	put(&out, "\nrouting-lease ");
	put_span(&out, script->routing_lease_us);
	put(&out, "\ndrift %" PRId64 "\n", script->drift_ppm);
	put_databases(&out, script);
	if (script->breaks[0] != '\0')
		put(&out, "breaks %s\n", script->breaks);
	for (i = 0; i < script->step_count; i++)
		put_step(&out, &script->steps[i]);
	put(&out, "end ");
	put_span(&out, script->end_us);
	put(&out, "\n");
	return (size_t)(out.at - buf);
}

static int read_span(const char *text, int64_t *ret_us)
{
	char *end;
	long long value;

	errno = 0;
	value = strtoll(text, &end, 10);
	if (errno != 0 || end == text || value < 0)
		return -EINVAL;
	if (strcmp(end, "us") == 0)
		*ret_us = value;
	else if (strcmp(end, "ms") == 0)
		*ret_us = value * MS;
	else if (strcmp(end, "s") == 0)
		*ret_us = value * SECOND;
	else
		return -EINVAL;
	return 0;
}

static int read_number(const char *text, int64_t *ret_value)
{
	char *end;

	errno = 0;
	*ret_value = (int64_t)strtoull(text, &end, 10);
	return errno != 0 || end == text || *end != '\0' ? -EINVAL : 0;
}

static int read_node(const char *text, unsigned *ret_node)
{
	unsigned i;

	for (i = 0; i <= CLUSTER_ANY; i++)
		if (strcmp(text, node_name(i)) == 0) {
			*ret_node = i;
			return 0;
		}
	return -EINVAL;
}

static int read_step_word(struct cluster_step *step, const char *key,
			  const char *value)
{
	if (strcmp(key, "with") == 0)
		return read_node(value, &step->other);
	if (strcmp(key, "for") == 0)
		return read_span(value, &step->span_us);
	if (strcmp(key, "value") == 0)
		return read_number(value, &step->value);
	return -EINVAL;
}

static int read_step(struct cluster_script *script, char **words,
		     unsigned count)
{
	struct cluster_step *step = &script->steps[script->step_count];
	unsigned i;
	int r;

	if (count < 3 || script->step_count == CLUSTER_STEPS_MAX)
		return -EINVAL;
	*step = (struct cluster_step){ .kind = STEP_KINDS };
	for (i = 0; i < STEP_KINDS; i++)
		if (strcmp(words[2], kinds[i].name) == 0)
			step->kind = (enum cluster_step_kind)i;
	if (step->kind == STEP_KINDS || read_span(words[1], &step->at_us) < 0)
		return -EINVAL;
	if (script->step_count > 0 && step->at_us < step[-1].at_us)
		return -EINVAL;
	i = 3;
	if (i < count && read_node(words[i], &step->node) == 0)
		i++;
	for (; i + 1 < count; i += 2) {
		r = read_step_word(step, words[i], words[i + 1]);
		if (r < 0)
			return r;
	}
	script->step_count++;
	return i == count ? 0 : -EINVAL;
}

static int read_setting(struct cluster_script *script, const char *key,
			const char *value)
{
	int64_t number = 0;

	if (strcmp(key, "heartbeat") == 0)
		return read_span(value, &script->heartbeat_us);
	if (strcmp(key, "lease") == 0)
		return read_span(value, &script->lease_us);
	if (strcmp(key, "routing-lease") == 0)
		return read_span(value, &script->routing_lease_us);
	if (strcmp(key, "end") == 0)
		return read_span(value, &script->end_us);
	if (strcmp(key, "cooldown") == 0)
		return read_span(value, &script->cooldown_us);
	if (strcmp(key, "breaks") == 0) {
		snprintf(script->breaks, sizeof(script->breaks), "%s", value);
		return 0;
	}
	if (read_number(value, &number) < 0)
		return -EINVAL;
	if (strcmp(key, "seed") == 0)
		script->seed = (uint64_t)number;
	else if (strcmp(key, "nodes") == 0 && number >= 1 &&
		 number <= CLUSTER_NODES)
		script->nodes = (unsigned)number;
	else if (strcmp(key, "witness") == 0)
		script->witness = number != 0;
	else if (strcmp(key, "preempt") == 0)
		script->preempt = number != 0;
	else if (strcmp(key, "drift") == 0)
		script->drift_ppm = number;
	else if (strcmp(key, "engine") == 0)
		script->engine = (unsigned)number;
	else if (strcmp(key, "no-loss") == 0)
		script->no_loss = number != 0;
	else if (strcmp(key, "apart") == 0)
		script->apart = number != 0;
	else if (strcmp(key, "canary") == 0)
		script->canary = number != 0;
	else
		return -EINVAL;
	return 0;
}

static int read_line(struct cluster_script *script, char *line)
{
	char *words[12], *rest = line, *word;
	unsigned count = 0;

	while ((word = strtok_r(rest, " \t", &rest)) != NULL &&
	       word[0] != '#') {
		if (count == 12)
			return -EINVAL;
		words[count++] = word;
	}
	if (count == 0)
		return 0;
	if (strcmp(words[0], "at") == 0)
		return read_step(script, words, count);
	return count == 2 ? read_setting(script, words[0], words[1]) : -EINVAL;
}

int cluster_script_read(const char *text, struct cluster_script *ret_script,
			struct err *err)
{
	char line[CLUSTER_TEXT_MAX];
	unsigned number = 1;

	memset(ret_script, 0, sizeof(*ret_script));
	ret_script->nodes = 3;
	ret_script->heartbeat_us = 100 * MS;
	ret_script->lease_us = 500 * MS;
	ret_script->routing_lease_us = SECOND;
	ret_script->drift_ppm = 20000;
	ret_script->end_us = MINUTE;
	for (; *text != '\0'; number++) {
		size_t size = strcspn(text, "\n");

		snprintf(line, sizeof(line), "%.*s", (int)size, text);
		if (size >= sizeof(line) || read_line(ret_script, line) < 0)
			return err_set(err, -EINVAL,
				       "line %u: cannot be read: %s", number,
				       line);
		text += size + (text[size] == '\n');
	}
	return 0;
}
