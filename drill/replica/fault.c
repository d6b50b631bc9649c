#include "drill/replica/fault.h"

#include "drill/arg.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FORM_MAX     512
#define DELAY_MS_MAX 3600000

/* What a kind takes besides scope and port. */
enum {
	TAKES_CODE = 1,
	TAKES_MS = 2,
	TAKES_PHASES = 4,
	TAKES_KIND = 8, /* as every form does */
};

static const struct kind {
	const char *name;
	unsigned takes;
} kinds[FAULT_KINDS] = {
	[FAULT_NONE] = { "none", 0 },
	[FAULT_STATUS] = { "status", TAKES_CODE },
	[FAULT_SLOW] = { "slow", TAKES_MS },
	[FAULT_MUTE] = { "mute", 0 },
	[FAULT_FLAP] = { "flap", TAKES_CODE | TAKES_PHASES },
	[FAULT_UNHEALTHY] = { "unhealthy", 0 },
	[FAULT_GARBAGE] = { "garbage", 0 },
	[FAULT_HALF] = { "half", 0 },
	[FAULT_ENDLESS_HEADERS] = { "endless-headers", 0 },
	[FAULT_HUGE] = { "huge", 0 },
	[FAULT_BYTES] = { "bytes", TAKES_MS },
	[FAULT_REFUSE] = { "refuse", 0 },
	[FAULT_FULL] = { "full", 0 },
};

const char *fault_kind_name(enum fault_kind kind)
{
	return kinds[kind].name;
}

bool fault_bars(enum fault_kind kind)
{
	return kind == FAULT_REFUSE || kind == FAULT_FULL;
}

static int set_kind(struct fault *fault, const char *name, struct err *err)
{
	char names[ERR_TEXT_MAX] = "";
	size_t used = 0;

	for (int i = 0; i < FAULT_KINDS; i++) {
		if (strcmp(name, kinds[i].name) == 0) {
			fault->kind = (enum fault_kind)i;
			return 0;
		}
		used += (size_t)snprintf(names + used, sizeof(names) - used,
					 "%s%s", i > 0 ? ", " : "",
					 kinds[i].name);
	}
	return err_set(err, -EINVAL, "kind \"%s\" is none of %.200s", name,
		       names);
}

static int set_ms(const char *value, int64_t *ret_us, struct err *err)
{
	int64_t ms;
	int r;

	r = arg_number(value, 1, DELAY_MS_MAX, &ms, err);
	if (r == 0)
		*ret_us = ms * MS;
	return r;
}

static int set_code(struct fault *fault, const char *value, struct err *err)
{
	int64_t code;
	int r;

	r = arg_number(value, 200, 599, &code, err);
	if (r == 0)
		fault->code = (int)code;
	return r;
}

static int set_port(struct fault *fault, const char *value, struct err *err)
{
	int64_t port;
	int r;

	r = arg_number(value, 1, 65535, &port, err);
	if (r == 0)
		fault->port = (unsigned)port;
	return r;
}

static int set_scope(struct fault *fault, const char *value, struct err *err)
{
	fault->health_only = strcmp(value, "health") == 0;
	if (fault->health_only || strcmp(value, "all") == 0)
		return 0;
	return err_set(err, -EINVAL, "scope \"%s\" is neither health nor all",
		       value);
}

/* @given collects which of the kind's own words were there. */
static int set_word(struct fault *fault, const char *name, const char *value,
		    unsigned *given, struct err *err)
{
	int r;

	if (strcmp(name, "kind") == 0) {
		*given |= TAKES_KIND;
		return set_kind(fault, value, err);
	}
	if (strcmp(name, "scope") == 0)
		return set_scope(fault, value, err);
	if (strcmp(name, "port") == 0) {
		r = set_port(fault, value, err);
	} else if (strcmp(name, "code") == 0) {
		*given |= TAKES_CODE;
		r = set_code(fault, value, err);
	} else if (strcmp(name, "ms") == 0) {
		*given |= TAKES_MS;
		r = set_ms(value, &fault->delay_us, err);
	} else if (strcmp(name, "up_ms") == 0) {
		*given |= TAKES_PHASES;
		r = set_ms(value, &fault->up_us, err);
	} else if (strcmp(name, "down_ms") == 0) {
		*given |= TAKES_PHASES;
		r = set_ms(value, &fault->down_us, err);
	} else {
		return err_set(err, -EINVAL,
			       "\"%s\" is none of kind, code, ms, up_ms, "
			       "down_ms, scope, port",
			       name);
	}
	if (r < 0)
		err_wrap(err, "%s", name);
	return r;
}

/* Whether the words fit the kind; @given as set_word() collected it. */
static int check_words(const struct fault *fault, unsigned given,
		       struct err *err)
{
	const struct kind *kind = &kinds[fault->kind];
	unsigned excess = given & ~(kind->takes | TAKES_KIND);

	if (!(given & TAKES_KIND))
		return err_set(err, -EINVAL, "kind= is missing");
	if (excess != 0)
		return err_set(err, -EINVAL, "kind %s does not take %s",
			       kind->name,
			       excess & TAKES_CODE ? "code"
			       : excess & TAKES_MS ? "ms"
						   : "up_ms, down_ms");
	if ((kind->takes & TAKES_MS) && fault->delay_us == 0)
		return err_set(err, -EINVAL, "kind %s needs ms=", kind->name);
	if ((kind->takes & TAKES_PHASES) &&
	    (fault->up_us == 0 || fault->down_us == 0))
		return err_set(err, -EINVAL,
			       "kind %s needs up_ms= and down_ms=", kind->name);
	if (fault_bars(fault->kind) && fault->health_only)
		return err_set(err, -EINVAL,
			       "kind %s is of the whole listener: it "
			       "cannot have scope=health",
			       kind->name);
	return 0;
}

int fault_parse(const char *form, struct fault *ret_fault, struct err *err)
{
	struct fault fault = { .kind = FAULT_NONE, .code = 503 };
	char text[FORM_MAX], *word, *rest = text, *value;
	unsigned given = 0;
	int r;

	if (strlen(form) >= sizeof(text))
		return err_set(err, -EINVAL,
			       "the fault is longer than %d bytes",
			       FORM_MAX - 1);
	strcpy(text, form);
	while ((word = strsep(&rest, "& \r\n")) != NULL) {
		if (*word == '\0')
			continue;
		value = strchr(word, '=');
		if (value == NULL)
			return err_set(err, -EINVAL,
				       "\"%s\" has no value: "
				       "write NAME=VALUE",
				       word);
		*value++ = '\0';
		r = set_word(&fault, word, value, &given, err);
		if (r < 0)
			return r;
	}
	r = check_words(&fault, given, err);
	if (r == 0)
		*ret_fault = fault;
	return r;
}

void fault_print(const struct fault *fault, char text[static FAULT_TEXT_MAX])
{
	unsigned takes = kinds[fault->kind].takes;
	char words[FAULT_TEXT_MAX / 2] = "";
	size_t used = 0;

	if (takes & TAKES_CODE)
		used += (size_t)snprintf(words, sizeof(words), "&code=%d",
					 fault->code);
	if (takes & TAKES_MS)
		used += (size_t)snprintf(words + used, sizeof(words) - used,
					 "&ms=%lld",
					 (long long)(fault->delay_us / MS));
	if (takes & TAKES_PHASES)
		snprintf(words + used, sizeof(words) - used,
			 "&up_ms=%lld&down_ms=%lld",
			 (long long)(fault->up_us / MS),
			 (long long)(fault->down_us / MS));
	snprintf(text, FAULT_TEXT_MAX, "kind=%s%s&scope=%s",
		 kinds[fault->kind].name, words,
		 fault->health_only ? "health" : "all");
}

enum fault_kind fault_at(const struct fault *fault, bool health,
			 struct instant now)
{
	int64_t phase_us;

	if (fault->health_only && !health)
		return FAULT_NONE;
	if (fault->kind != FAULT_FLAP)
		return fault->kind;
	phase_us = instant_diff_us(fault->since, now) %
		   (fault->up_us + fault->down_us);
	return phase_us < fault->down_us ? FAULT_STATUS : FAULT_NONE;
}
