/* The order of words in a configuration: what libconfig would only call a
 * syntax error, named, and all of it at once.
 *
 * Knows libconfig's whole grammar and is fed with the tokens of all files in
 * their order.  Many errors come with a way to mend the text, so that
 * libconfig gets over them and what else is wrong shows too.
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
	TOKEN_LOST, /* after an error: anything goes until the next ';' */
	TOKEN_NAME,
	TOKEN_EQUALS, /* = or : */
	TOKEN_VALUE,  /* a string, number or boolean */
	TOKEN_OPEN,   /* { ( [, and the start of it all */
	TOKEN_CLOSE,  /* } ) ] */
	TOKEN_COMMA,
	TOKEN_SEMICOLON,
	TOKEN_OTHER /* nothing that libconfig knows */
};

/* What makes a token fit for libconfig; bits, applied in this order. */
#define MEND_COMMA  0x01 /* before it */
#define MEND_EQUALS 0x02 /* before it */
#define MEND_DROP   0x04 /* leave it out */
#define MEND_QUOTES 0x08 /* around it */
#define MEND_NAME   0x10 /* another in its place */

#define SYNTAX_MENDED '*' /* begins that other name, and no user's */

/* A stretch of a file, borrowed, and its line in the whole. */
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
	unsigned nested, base; /* base: open where the file begins */
	struct word names[SYNTAX_NAMES_MAX]; /* given in the open groups */
	size_t name_count;
	bool broken; /* what follows would only mislead */
	bool faulty; /* something could not be mended */
};

void syntax_init(struct syntax *syntax, const struct text *text,
		 struct report *report);

/* A file begins; returns what syntax_leave() wants when it ends.  A file
 * closes the brackets that it opens, and no others.
 */
unsigned syntax_enter(struct syntax *syntax);
void syntax_leave(struct syntax *syntax, unsigned base);

/* The next token, which stands on the line that @syntax->text is at and stays
 * in memory; @next is the first byte of what follows it, NUL if nothing does.
 * Returns how to mend it.
 */
unsigned syntax_token(struct syntax *syntax, enum token token, const char *at,
		      size_t length, char next);

#endif
