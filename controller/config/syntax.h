/* The order of words in a configuration: what libconfig would only call a
 * syntax error, named, and all of it at once.
 *
 * Fed with the tokens of one file.  Each error comes with a way to mend the
 * text, so that libconfig gets over it and what else is wrong shows too.  It
 * is lenient: what it does not name is left to libconfig.
 */
#ifndef BASCULE_CONFIG_SYNTAX_H
#define BASCULE_CONFIG_SYNTAX_H

#include <stdbool.h>
#include <stddef.h>

#include "controller/config/report.h"
#include "controller/config/text.h"

#define SYNTAX_NEST_MAX  16  /* brackets; the settings need six */
#define SYNTAX_NAMES_MAX 512 /* open at once; the settings need a hundred */

enum token {
	TOKEN_NONE, /* the start, or after something that was reported */
	TOKEN_NAME,
	TOKEN_EQUALS, /* = or : */
	TOKEN_VALUE,  /* a string, number or boolean */
	TOKEN_OPEN,   /* { ( [ */
	TOKEN_CLOSE,  /* } ) ] */
	TOKEN_COMMA,
	TOKEN_SEMICOLON,
	TOKEN_OTHER /* nothing that libconfig knows */
};

/* What makes a token fit for libconfig. */
enum mend {
	MEND_NOTHING,
	MEND_QUOTES, /* around it */
	MEND_EQUALS, /* before it */
	MEND_COMMA,  /* before it */
	MEND_NAME    /* another in its place, which SYNTAX_MENDED begins */
};

#define SYNTAX_MENDED '*' /* begins no name that a user may write */

/* A stretch of the file, borrowed, and its line in the whole. */
struct word {
	const char *at;
	size_t length;
	unsigned order;
};

struct bracket {
	char open;
	unsigned order;
	size_t first_name; /* of its own, in names */
};

struct syntax {
	const struct text *text;
	struct report *report;
	enum token last;
	struct word last_word;
	struct bracket brackets[SYNTAX_NEST_MAX];
	unsigned nested;
	struct word names[SYNTAX_NAMES_MAX]; /* given in the open groups */
	size_t name_count;
	bool broken; /* what follows would only mislead */
};

/* The next token, which stands on the line that @syntax->text is at; the
 * byte after it that is not blank is @next.
 */
enum mend syntax_token(struct syntax *syntax, enum token token, const char *at,
		       size_t length, char next);

/* The end of the file. */
void syntax_end(struct syntax *syntax);

#endif
