#include "controller/config/syntax.h"

#include <string.h>
#include <strings.h>

#define SHOWN_MAX 40 /* bytes of a word in a message */

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

static bool word_is(const struct word *word, const char *text)
{
	return word->length == strlen(text) &&
	       strncasecmp(word->at, text, word->length) == 0;
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

static enum mend see_open(struct syntax *syntax, const struct word *word)
{
	enum mend mend = MEND_NOTHING;

	if (syntax->nested == SYNTAX_NEST_MAX) {
		report_error(syntax->report, word_place(syntax, word),
			     "brackets stand too deep in each other: no "
			     "setting needs this");
		syntax->broken = true;
		return mend;
	}
	if (syntax->last == TOKEN_CLOSE && *word->at == '{') {
		report_error(syntax->report, word_place(syntax, word),
			     "two blocks follow each other: put a ',' "
			     "between them");
		mend = MEND_COMMA;
	}
	syntax->brackets[syntax->nested++] = (struct bracket){
		.open = *word->at,
		.order = word->order,
		.first_name = syntax->name_count,
	};
	return mend;
}

static void see_close(struct syntax *syntax, const struct word *word)
{
	struct bracket *last = innermost(syntax);

	if (last != NULL && *word->at == bracket_close(last->open)) {
		syntax->name_count = last->first_name;
		syntax->nested--;
		return;
	}
	syntax->broken = true;
	if (last == NULL)
		report_error(syntax->report, word_place(syntax, word),
			     "'%c' closes nothing: remove it, or look for a "
			     "bracket closed too early before it",
			     *word->at);
	else
		report_error(syntax->report, word_place(syntax, word),
			     "'%c' stands where the '%c' of line %u is open: "
			     "close that with '%c' first",
			     *word->at, last->open,
			     text_place(syntax->text, last->order).line,
			     bracket_close(last->open));
}

static enum mend without_quotes(struct syntax *syntax, const struct word *word)
{
	report_error(syntax->report, word_place(syntax, word),
		     "%.*s stands without quotes: write \"%.*s\"",
		     word_shown(word), word->at, word_shown(word), word->at);
	return MEND_QUOTES;
}

/* A setting's name; remembered until its group closes. */
static enum mend see_setting(struct syntax *syntax, const struct word *word)
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
		return MEND_NOTHING;
	}
	syntax->names[syntax->name_count++] = *word;
	if (*word->at != SYNTAX_MENDED)
		return MEND_NOTHING;
	report_error(syntax->report, word_place(syntax, word),
		     "%.*s is no name of a setting: see bascule.conf(5)",
		     word_shown(word), word->at);
	return MEND_NAME;
}

/* A name where only a value can stand. */
static enum mend see_value(struct syntax *syntax, const struct word *word,
			   bool named)
{
	const struct bracket *last = innermost(syntax);

	if (named && last != NULL) {
		report_error(
			syntax->report, word_place(syntax, word),
			"the '%c' of line %u is still open: close it "
			"with '%c' before %.*s",
			last->open, text_place(syntax->text, last->order).line,
			bracket_close(last->open), word_shown(word), word->at);
		syntax->broken = true;
		return MEND_NOTHING;
	}
	if (word_is(word, "true") || word_is(word, "false"))
		return MEND_NOTHING;
	return without_quotes(syntax, word);
}

/* Whether a name at this point is meant as a value. */
static bool value_due(struct syntax *syntax)
{
	const struct bracket *last = innermost(syntax);

	return syntax->last == TOKEN_EQUALS ||
	       (last != NULL && last->open != '{');
}

/* Report what @token may not follow; true: it was reported. */
static bool order_wrong(struct syntax *syntax, enum token token,
			const struct word *word, enum mend *mend)
{
	const struct word *last = &syntax->last_word;
	bool value = token == TOKEN_NAME || token == TOKEN_VALUE ||
		     token == TOKEN_OPEN || token == TOKEN_OTHER;

	if (syntax->last == TOKEN_NAME && token != TOKEN_EQUALS) {
		report_error(syntax->report, word_place(syntax, last),
			     "%.*s has no value: write %.*s = ...",
			     word_shown(last), last->at, word_shown(last),
			     last->at);
		if (value)
			*mend = MEND_EQUALS;
	} else if (syntax->last == TOKEN_EQUALS && !value) {
		report_error(syntax->report, word_place(syntax, last),
			     "nothing stands after '%c': write a value there",
			     *last->at);
	} else if (token == TOKEN_EQUALS && syntax->last != TOKEN_NAME &&
		   syntax->last != TOKEN_NONE) {
		report_error(syntax->report, word_place(syntax, word),
			     "no name stands before '%c': write NAME = VALUE",
			     *word->at);
	} else {
		return false;
	}
	return true;
}

enum mend syntax_token(struct syntax *syntax, enum token token, const char *at,
		       size_t length, char next)
{
	struct word word = { at, length, text_here(syntax->text).order };
	bool due = value_due(syntax), named = next == '=' || next == ':';
	enum mend mend = MEND_NOTHING;

	if (order_wrong(syntax, token, &word, &mend))
		due = false;
	else if (token == TOKEN_NAME && due)
		mend = see_value(syntax, &word, named);
	else if (token == TOKEN_NAME)
		mend = see_setting(syntax, &word);
	else if (token == TOKEN_OTHER)
		mend = without_quotes(syntax, &word);
	if (token == TOKEN_OPEN)
		mend = see_open(syntax, &word);
	else if (token == TOKEN_CLOSE)
		see_close(syntax, &word);
	if (token == TOKEN_OTHER || (token == TOKEN_NAME && due))
		token = TOKEN_VALUE;
	syntax->last = token;
	syntax->last_word = word;
	return mend;
}

void syntax_end(struct syntax *syntax)
{
	const struct bracket *last = innermost(syntax);
	enum mend mend;
	struct word end = { "", 0, text_here(syntax->text).order };

	if (syntax->broken)
		return;
	if (last != NULL)
		report_error(syntax->report,
			     text_place(syntax->text, last->order),
			     "the '%c' that opens here is never closed: add "
			     "'%c', or is the file cut short?",
			     last->open, bracket_close(last->open));
	order_wrong(syntax, TOKEN_SEMICOLON, &end, &mend);
}
