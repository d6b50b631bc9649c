#include "controller/config/syntax.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define SHOWN_MAX 40 /* bytes of a word in a message */

void syntax_init(struct syntax *syntax, const struct text *text,
		 struct report *report)
{
	*syntax = (struct syntax){
		.text = text,
		.report = report,
		.last = TOKEN_OPEN,
	};
}

static struct place word_place(const struct syntax *syntax,
			       const struct word *word)
{
	return text_place(syntax->text, word->order);
}

/* How much of @word a message shows, for "%.*s". */
static int word_shown(const struct word *word)
{
	return (int)(word->length < SHOWN_MAX ? word->length : SHOWN_MAX);
}

static bool word_is_boolean(const struct word *word)
{
	return (word->length == 4 && strncasecmp(word->at, "true", 4) == 0) ||
	       (word->length == 5 && strncasecmp(word->at, "false", 5) == 0);
}

static bool word_same(const struct word *a, const struct word *b)
{
	return a->length == b->length && memcmp(a->at, b->at, a->length) == 0;
}

static char bracket_close(char open)
{
	return open == '{' ? '}' : open == '(' ? ')' : ']';
}

/* The innermost open bracket, or NULL. */
static struct bracket *innermost(struct syntax *syntax)
{
	if (syntax->nested == 0)
		return NULL;
	return &syntax->brackets[syntax->nested - 1];
}

static bool in_list(struct syntax *syntax)
{
	const struct bracket *last = innermost(syntax);

	return last != NULL && last->open != '{';
}

/* Whether a value, a whole one, came last. */
static bool value_ended(const struct syntax *syntax)
{
	return syntax->last == TOKEN_VALUE || syntax->last == TOKEN_CLOSE;
}

/* What was reported cannot be mended. */
static void lose(struct syntax *syntax)
{
	syntax->faulty = true;
	syntax->last = TOKEN_LOST;
}

static void see_open(struct syntax *syntax, const struct word *word)
{
	if (syntax->nested == SYNTAX_NEST_MAX) {
		report_error(syntax->report, word_place(syntax, word),
			     "brackets stand too deep in each other: no "
			     "setting needs this");
		syntax->broken = true;
		return;
	}
	syntax->brackets[syntax->nested++] = (struct bracket){
		.open = *word->at,
		.order = word->order,
		.first_name = syntax->name_count,
	};
}

static void see_close(struct syntax *syntax, const struct word *word)
{
	struct bracket *last = innermost(syntax);

	if (syntax->nested <= syntax->base) {
		report_error(syntax->report, word_place(syntax, word),
			     "'%c' closes nothing: remove it, or look for a "
			     "bracket closed too early before it",
			     *word->at);
		syntax->broken = true;
	} else if (*word->at != bracket_close(last->open)) {
		report_error(syntax->report, word_place(syntax, word),
			     "'%c' stands where the '%c' of line %u is open: "
			     "close that with '%c' first",
			     *word->at, last->open,
			     text_place(syntax->text, last->order).line,
			     bracket_close(last->open));
		syntax->broken = true;
	} else {
		syntax->name_count = last->first_name;
		syntax->nested--;
	}
}

static unsigned without_quotes(struct syntax *syntax, const struct word *word)
{
	report_error(syntax->report, word_place(syntax, word),
		     "%.*s stands without quotes: write \"%.*s\"",
		     word_shown(word), word->at, word_shown(word), word->at);
	return MEND_QUOTES;
}

/* A setting's name; remembered until its group closes. */
static unsigned see_setting(struct syntax *syntax, const struct word *word)
{
	struct bracket *last = innermost(syntax);
	size_t i = last == NULL ? 0 : last->first_name;

	for (; i < syntax->name_count; i++) {
		if (!word_same(&syntax->names[i], word))
			continue;
		report_error(syntax->report, word_place(syntax, word),
			     "%.*s stands twice in this block (line %u): keep "
			     "one of them",
			     word_shown(word), word->at,
			     word_place(syntax, &syntax->names[i]).line);
		return MEND_NAME;
	}
	if (syntax->name_count == SYNTAX_NAMES_MAX) {
		report_error(syntax->report, word_place(syntax, word),
			     "too many settings stand in one block: no block "
			     "has so many");
		syntax->broken = true;
		return 0;
	}
	syntax->names[syntax->name_count++] = *word;
	if (*word->at != SYNTAX_MENDED && !word_is_boolean(word))
		return 0;
	report_error(syntax->report, word_place(syntax, word),
		     "%.*s is no name of a setting: see bascule.conf(5)",
		     word_shown(word), word->at);
	return MEND_NAME;
}

/* A name where only a value can stand. */
static unsigned see_word(struct syntax *syntax, const struct word *word)
{
	if (word_is_boolean(word))
		return 0;
	return without_quotes(syntax, word);
}

static void no_value(struct syntax *syntax)
{
	const struct word *name = &syntax->last_word;

	report_error(syntax->report, word_place(syntax, name),
		     "%.*s has no value: write %.*s = ...", word_shown(name),
		     name->at, word_shown(name), name->at);
}

static void no_name(struct syntax *syntax, const struct word *word, char next)
{
	if (*word->at == '"' && (next == '=' || next == ':'))
		report_error(syntax->report, word_place(syntax, word),
			     "the name %.*s stands in quotes: write it "
			     "without",
			     word_shown(word), word->at);
	else
		report_error(syntax->report, word_place(syntax, word),
			     "no name stands before %.*s: write NAME = VALUE",
			     word_shown(word), word->at);
	lose(syntax);
}

/* What may end here without its value: a name, or its '='. */
static void see_end(struct syntax *syntax)
{
	if (syntax->last == TOKEN_NAME) {
		no_value(syntax);
		lose(syntax);
	} else if (syntax->last == TOKEN_EQUALS) {
		report_error(syntax->report,
			     word_place(syntax, &syntax->last_word),
			     "nothing stands after '%c': write a value there",
			     *syntax->last_word.at);
		lose(syntax);
	}
}

/* A name or a value that begins in a list. */
static unsigned list_value(struct syntax *syntax, enum token token,
			   const struct word *word, char next)
{
	const struct bracket *last = innermost(syntax);
	unsigned mend = 0;

	if (token == TOKEN_NAME && (next == '=' || next == ':')) {
		report_error(
			syntax->report, word_place(syntax, word),
			"the '%c' of line %u is still open: close it "
			"with '%c' before %.*s",
			last->open, text_place(syntax->text, last->order).line,
			bracket_close(last->open), word_shown(word), word->at);
		syntax->broken = true;
		return 0;
	}
	if (value_ended(syntax)) {
		report_error(syntax->report, word_place(syntax, word),
			     "a ',' is missing before %.*s: put it there",
			     word_shown(word), word->at);
		mend = MEND_COMMA;
	}
	if (token == TOKEN_NAME)
		mend |= see_word(syntax, word);
	else if (token == TOKEN_OTHER)
		mend |= without_quotes(syntax, word);
	syntax->last = TOKEN_VALUE;
	return mend;
}

/* A mark in a list.  A ',' before the end does no harm and is left out. */
static unsigned list_mark(struct syntax *syntax, enum token token,
			  const struct word *word, char next)
{
	bool ends = next == ')' || next == ']', fits = value_ended(syntax);
	bool named = isalpha((unsigned char)next);

	if (token == TOKEN_EQUALS) {
		no_name(syntax, word, next);
		return 0;
	}
	/* Before a name, the list's end is missing: that will be said. */
	if (token == TOKEN_SEMICOLON && !named)
		report_error(syntax->report, word_place(syntax, word),
			     "a ';' stands in a list: put ',' between its "
			     "elements");
	else if (!fits)
		report_error(syntax->report, word_place(syntax, word),
			     "nothing stands before this ',': remove it");
	if (ends || !fits)
		return MEND_DROP;
	syntax->last = TOKEN_COMMA;
	return token == TOKEN_SEMICOLON ? MEND_COMMA | MEND_DROP : 0;
}

/* A setting's name in a group, whatever came before it. */
static unsigned group_name(struct syntax *syntax, const struct word *word)
{
	see_end(syntax);
	syntax->last = TOKEN_NAME;
	return see_setting(syntax, word);
}

/* Whether @word goes on with a string; strings that follow each other are
 * one.
 */
static bool goes_on(const struct syntax *syntax, const struct word *word)
{
	return syntax->last == TOKEN_VALUE && *word->at == '"' &&
	       *syntax->last_word.at == '"';
}

/* A name or a value that begins in a group. */
static unsigned group_value(struct syntax *syntax, enum token token,
			    const struct word *word, char next)
{
	bool due = syntax->last == TOKEN_EQUALS || syntax->last == TOKEN_NAME;
	bool named = next == '=' || next == ':';
	unsigned mend = 0;

	if (token == TOKEN_NAME && (named || !due))
		return group_name(syntax, word);
	if (!due && !goes_on(syntax, word)) {
		no_name(syntax, word, next);
		return 0;
	}
	if (syntax->last == TOKEN_NAME) {
		no_value(syntax);
		mend = MEND_EQUALS;
	}
	if (token == TOKEN_NAME)
		mend |= see_word(syntax, word);
	else if (token == TOKEN_OTHER)
		mend |= without_quotes(syntax, word);
	syntax->last = TOKEN_VALUE;
	return mend;
}

/* A mark in a group.  One ';' too many does no harm and is left out. */
static unsigned group_mark(struct syntax *syntax, enum token token,
			   const struct word *word, char next)
{
	if (token != TOKEN_EQUALS) {
		bool fits = value_ended(syntax);

		see_end(syntax);
		if (syntax->last != TOKEN_LOST || token == TOKEN_SEMICOLON)
			syntax->last = token;
		return fits ? 0 : MEND_DROP;
	}
	if (syntax->last == TOKEN_NAME)
		syntax->last = TOKEN_EQUALS;
	else
		no_name(syntax, word, next);
	return 0;
}

unsigned syntax_token(struct syntax *syntax, enum token token, const char *at,
		      size_t length, char next)
{
	struct word word = { at, length, text_here(syntax->text).order };
	bool list = in_list(syntax), named = next == '=' || next == ':';
	bool value = token == TOKEN_VALUE || token == TOKEN_OTHER ||
		     (token == TOKEN_NAME && !named);
	unsigned mend = 0;

	if (syntax->last == TOKEN_LOST && (value || token == TOKEN_EQUALS))
		return 0;
	switch (token) {
	case TOKEN_EQUALS:
	case TOKEN_COMMA:
	case TOKEN_SEMICOLON:
		mend = list ? list_mark(syntax, token, &word, next)
			    : group_mark(syntax, token, &word, next);
		break;
	case TOKEN_CLOSE:
		if (!list)
			see_end(syntax);
		see_close(syntax, &word);
		syntax->last = TOKEN_CLOSE;
		break;
	case TOKEN_OPEN:
		if (syntax->last != TOKEN_LOST)
			mend = list ? list_value(syntax, token, &word, next)
				    : group_value(syntax, token, &word, next);
		see_open(syntax, &word);
		syntax->last = TOKEN_OPEN;
		break;
	default:
		mend = list ? list_value(syntax, token, &word, next)
			    : group_value(syntax, token, &word, next);
		break;
	}
	syntax->last_word = word;
	return mend;
}

unsigned syntax_enter(struct syntax *syntax)
{
	unsigned base = syntax->base;

	syntax->base = syntax->nested;
	return base;
}

void syntax_leave(struct syntax *syntax, unsigned base)
{
	const struct bracket *last = innermost(syntax);

	if (!syntax->broken && syntax->nested > syntax->base) {
		report_error(syntax->report,
			     text_place(syntax->text, last->order),
			     "the '%c' that opens here is never closed: add "
			     "'%c', or is the file cut short?",
			     last->open, bracket_close(last->open));
		syntax->broken = true;
	}
	if (!syntax->broken)
		see_end(syntax);
	syntax->base = base;
}
