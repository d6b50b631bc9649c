#include "drill/scenario.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/core/instant.h"

/* The words of the line under way. */
struct reader {
	const char *name;
	unsigned line;
	char words[SCENARIO_WORDS + 8][SCENARIO_WORD_MAX];
	unsigned count, next;
	struct err *err;
};

static int wrong(struct reader *r, const char *what, const char *word)
{
	return err_set(r->err, -EINVAL, "%s:%u: %s%s%s", r->name, r->line, what,
		       word[0] != '\0' ? ": " : "", word);
}

static const char *word(struct reader *r)
{
	return r->next < r->count ? r->words[r->next++] : "";
}

static bool next_is(struct reader *r, const char *wanted)
{
	if (r->next >= r->count || strcmp(r->words[r->next], wanted) != 0)
		return false;
	r->next++;
	return true;
}

bool scenario_span(const char *text, int64_t *ret_us)
{
	static const struct {
		const char *unit;
		int64_t us;
	} units[] = { { "us", US },
		      { "ms", MS },
		      { "s", SECOND },
		      { "m", MINUTE },
		      { "h", HOUR } };
	char *end;
	long long n = strtoll(text, &end, 10);
	size_t i;

	if (end == text)
		return false;
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(end, units[i].unit) == 0) {
			*ret_us = n * units[i].us;
			return true;
		}
	return false;
}

static int span(struct reader *r, int64_t *ret_us)
{
	const char *text = word(r);

	if (!scenario_span(text, ret_us))
		return wrong(r, "not a time with a unit, such as 400ms", text);
	return 0;
}

/* "10s" or "10s..20s" */
static int range(struct reader *r, struct scenario_line *l)
{
	char first[SCENARIO_WORD_MAX];
	const char *text = word(r);
	const char *dots = strstr(text, "..");

	if (dots == NULL) {
		r->next--;
		if (span(r, &l->from_us) < 0)
			return -EINVAL;
		l->to_us = l->from_us;
		return 0;
	}
	snprintf(first, sizeof(first), "%.*s", (int)(dots - text), text);
	if (!scenario_span(first, &l->from_us) ||
	    !scenario_span(dots + 2, &l->to_us) || l->to_us < l->from_us)
		return wrong(r, "not a range of times, such as 10s..20s", text);
	return 0;
}

static int rest(struct reader *r, struct scenario_line *l, unsigned least)
{
	while (r->next < r->count) {
		if (l->count == SCENARIO_WORDS)
			return wrong(r, "too many words", "");
		snprintf(l->words[l->count++], SCENARIO_WORD_MAX, "%s",
			 word(r));
	}
	if (l->count < least)
		return wrong(r, "something is missing at the end", "");
	return 0;
}

/* within SPAN of TIME STATE... */
static int within(struct reader *r, struct scenario_line *l)
{
	int64_t span_us;

	if (span(r, &span_us) < 0)
		return -EINVAL;
	if (!next_is(r, "of"))
		return wrong(r, "`of TIME` is missing after the span", "");
	if (span(r, &l->from_us) < 0)
		return -EINVAL;
	l->to_us = l->from_us + span_us;
	return rest(r, l, 1);
}

/* from TIME to TIME never STATE... */
static int from(struct reader *r, struct scenario_line *l)
{
	if (span(r, &l->from_us) < 0)
		return -EINVAL;
	if (!next_is(r, "to"))
		return wrong(r, "`to TIME` is missing", "");
	if (span(r, &l->to_us) < 0)
		return -EINVAL;
	if (!next_is(r, "never"))
		return wrong(r, "`never` is missing", "");
	return rest(r, l, 1);
}

static int never(struct reader *r, struct scenario_line *l)
{
	l->to_us = INT64_MAX;
	return rest(r, l, 1);
}

static int at(struct reader *r, struct scenario_line *l)
{
	if (range(r, l) < 0)
		return -EINVAL;
	return rest(r, l, 1);
}

static int services(struct reader *r, struct scenario_line *l)
{
	if (rest(r, l, 3) < 0)
		return -EINVAL;
	if (strcmp(l->words[2], "targets") != 0 || atoi(l->words[1]) <= 0)
		return wrong(r, "not `services NAME COUNT targets`", "");
	if (l->count % 2 == 0)
		return wrong(r, "a key without a value",
			     l->words[l->count - 1]);
	return 0;
}

static int names(struct reader *r, struct scenario_line *l)
{
	return rest(r, l, 1);
}

static int pair(struct reader *r, struct scenario_line *l)
{
	return rest(r, l, 2);
}

static int nothing(struct reader *r, struct scenario_line *l)
{
	(void)l;
	if (r->next < r->count)
		return wrong(r, "more than was expected", word(r));
	return 0;
}

static int end(struct reader *r, struct scenario_line *l)
{
	return span(r, &l->to_us);
}

static const struct {
	const char *word;
	enum scenario_kind kind;
	int (*read)(struct reader *r, struct scenario_line *l);
} kinds[] = {
	{ "services", SCENARIO_SERVICES, services },
	{ "haproxies", SCENARIO_HAPROXIES, names },
	{ "agents", SCENARIO_AGENTS, end },
	{ "seeds", SCENARIO_SEEDS, names },
	{ "at", SCENARIO_AT, at },
	{ "within", SCENARIO_WITHIN, within },
	{ "never", SCENARIO_NEVER, never },
	{ "from", SCENARIO_NEVER, from },
	{ "count", SCENARIO_COUNT, pair },
	{ "incidents", SCENARIO_INCIDENTS, names },
	{ "unsettled", SCENARIO_UNSETTLED, nothing },
	{ "end", SCENARIO_END, end },
};

static int split(struct reader *r, const char *text, size_t size)
{
	size_t i = 0, start;

	r->count = 0;
	r->next = 0;
	for (;;) {
		while (i < size && (text[i] == ' ' || text[i] == '\t'))
			i++;
		if (i == size || text[i] == '#')
			return 0;
		start = i;
		while (i < size && text[i] != ' ' && text[i] != '\t')
			i++;
		if (i - start >= SCENARIO_WORD_MAX ||
		    r->count == SCENARIO_WORDS + 8)
			return wrong(r, "a word or a line too long", "");
		memcpy(r->words[r->count], text + start, i - start);
		r->words[r->count++][i - start] = '\0';
	}
}

static int read_line(struct reader *r, struct scenario *sc)
{
	struct scenario_line *l = &sc->lines[sc->count];
	const char *first = word(r);
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i].word, first) != 0)
			continue;
		*l = (struct scenario_line){ .kind = kinds[i].kind,
					     .line = r->line };
		if (kinds[i].read(r, l) < 0)
			return -EINVAL;
		if (l->kind == SCENARIO_END)
			sc->end_us = l->to_us;
		if (l->kind == SCENARIO_SEEDS)
			sc->seeds = (unsigned)atoi(l->words[0]);
		sc->count++;
		return 0;
	}
	return wrong(r, "no such statement", first);
}

static size_t count_lines(const char *text)
{
	size_t n = 1;

	for (; *text != '\0'; text++)
		n += *text == '\n';
	return n;
}

static int read_all(struct reader *r, const char *text, struct scenario *sc)
{
	while (*text != '\0') {
		size_t size = strcspn(text, "\n");

		r->line++;
		if (split(r, text, size) < 0)
			return -EINVAL;
		if (r->count > 0 && read_line(r, sc) < 0)
			return -EINVAL;
		text += size + (text[size] == '\n');
	}
	if (sc->end_us <= 0)
		return wrong(r, "`end TIME` is missing", "");
	return 0;
}

int scenario_parse(const char *name, const char *text,
		   struct scenario **ret_scenario, struct err *err)
{
	struct scenario *sc = calloc(1, sizeof(*sc));
	struct reader *r = calloc(1, sizeof(*r));
	int e = -ENOMEM;

	if (sc == NULL || r == NULL)
		goto fail;
	sc->lines = calloc(count_lines(text), sizeof(*sc->lines));
	if (sc->lines == NULL)
		goto fail;
	snprintf(sc->name, sizeof(sc->name), "%s", name);
	sc->seeds = 1;
	r->name = name;
	r->err = err;
	e = read_all(r, text, sc);
	if (e < 0)
		goto fail;
	free(r);
	*ret_scenario = sc;
	return 0;
fail:
	if (e == -ENOMEM)
		err_set(err, e, "out of memory");
	free(r);
	scenario_free(sc);
	return e;
}

void scenario_free(struct scenario *sc)
{
	if (sc == NULL)
		return;
	free(sc->lines);
	free(sc);
}
