#include "controller/config/scan.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/config/syntax.h"

#define NUMBER_SIZE 64
#define PATH_SIZE   4096
#define BLANKS      " \t\r\n\f"

struct scan {
	struct text *text;
	const struct source *source;
	struct report *report;
	const char *at, *end;
	const char *kept; /* up to here the text has it */
	unsigned line;
	bool fresh;            /* nothing but blanks on this line so far */
	struct syntax *syntax; /* borrowed */
	int error;             /* -ENOMEM, or 0 */
};

static void scan_keep(struct scan *scan)
{
	size_t length = (size_t)(scan->at - scan->kept);

	if (scan->error == 0)
		scan->error = text_append(scan->text, scan->kept, length);
	scan->kept = scan->at;
}

static bool scan_left(const struct scan *scan, size_t count)
{
	return (size_t)(scan->end - scan->at) >= count;
}

static bool scan_sees(const struct scan *scan, const char *word)
{
	size_t length = strlen(word);

	return scan_left(scan, length) && memcmp(scan->at, word, length) == 0;
}

/* One byte on, whatever it is. */
static void scan_step(struct scan *scan)
{
	char c = *scan->at++;

	if (c == '\n') {
		scan->line++;
		scan->fresh = true;
		scan_keep(scan);
	} else if (c != ' ' && c != '\t') {
		scan->fresh = false;
	}
}

static bool name_byte(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '*';
}

/* What the file does not have. */
static void scan_put(struct scan *scan, const char *bytes)
{
	if (scan->error == 0)
		scan->error = text_append(scan->text, bytes, strlen(bytes));
}

static void scan_broken(struct scan *scan, struct place place, const char *what)
{
	report_error(scan->report, place, "%s", what);
	scan->syntax->broken = true;
}

/* Where the comment at @at ends; @at if there is none. */
static const char *remark_end(const struct scan *scan, const char *at)
{
	size_t left = (size_t)(scan->end - at);
	const char *end;

	if (left > 1 && at[0] == '/' && at[1] == '*') {
		end = memmem(at + 2, left - 2, "*/", 2);
		return end == NULL ? scan->end : end + 2;
	}
	if (*at != '#' && !(left > 1 && at[0] == '/' && at[1] == '/'))
		return at;
	end = memchr(at, '\n', left);
	return end == NULL ? scan->end : end;
}

/* The first byte of the next token from @at on; NUL: none. */
static char scan_next(const struct scan *scan, const char *at)
{
	const char *end;

	while (at < scan->end) {
		end = remark_end(scan, at);
		if (end == at && strchr(BLANKS, *at) == NULL)
			return *at;
		at = end == at ? at + 1 : end;
	}
	return '\0';
}

/* A token of @length bytes, all on one line, which libconfig is to see as
 * @as; NULL: as it is.
 */
static void scan_take(struct scan *scan, enum token token, size_t length,
		      const char *as)
{
	const char *end = scan->at + length;
	char name[16];
	unsigned mend;

	mend = syntax_token(scan->syntax, token, scan->at, length,
			    scan_next(scan, end));
	if (scan->syntax->broken)
		return;
	scan_keep(scan);
	scan->fresh = false;
	scan->at = end;
	if (mend & MEND_NAME) {
		snprintf(name, sizeof(name), "%c%u", SYNTAX_MENDED,
			 ++scan->text->mended);
		as = name;
	}
	/* A backslash at its end would hide the quote. */
	if (mend & MEND_QUOTES && memchr(scan->kept, '\\', length) != NULL)
		as = "?";
	if (mend & MEND_COMMA)
		scan_put(scan, ",");
	if (mend & MEND_EQUALS)
		scan_put(scan, "=");
	if (mend & MEND_QUOTES)
		scan_put(scan, "\"");
	if (as != NULL && !(mend & MEND_DROP))
		scan_put(scan, as);
	if (as != NULL || mend & MEND_DROP)
		scan->kept = end;
	scan_keep(scan);
	if (mend & MEND_QUOTES)
		scan_put(scan, "\"");
}

/* Whether a string may end where @at follows its last quote. */
static bool string_ends(const struct scan *scan, const char *at)
{
	if (at == scan->end || strchr(BLANKS ";,)}]=:#", *at) != NULL)
		return true;
	return remark_end(scan, at) != at;
}

/* A backslash hides what follows it.  libconfig lets strings run over lines,
 * but then a forgotten quote shows far from where it is missing.
 */
static void scan_string(struct scan *scan)
{
	const char *at = scan->at + 1;

	while (at < scan->end && *at != '"' && *at != '\n') {
		if (*at == '\\' && scan->end - at > 1 && at[1] != '\n')
			at++;
		at++;
	}
	if (at == scan->end || *at == '\n')
		scan_broken(scan, text_here(scan->text),
			    "a string does not end on its line: close it "
			    "with a quote");
	else if (!string_ends(scan, at + 1))
		scan_broken(scan, text_here(scan->text),
			    "a string ends in the middle of a word: look "
			    "for a missing quote on this line");
	else
		scan_take(scan, TOKEN_VALUE, (size_t)(at + 1 - scan->at), NULL);
}

static void scan_remark(struct scan *scan)
{
	struct place start = text_here(scan->text);

	scan_step(scan);
	scan_step(scan);
	while (scan_left(scan, 1) && !scan_sees(scan, "*/"))
		scan_step(scan);
	if (!scan_left(scan, 2)) {
		scan_broken(scan, start,
			    "the comment that begins here never ends: "
			    "close it with */");
		return;
	}
	scan_step(scan);
	scan_step(scan);
}

static void scan_line_remark(struct scan *scan)
{
	while (scan_left(scan, 1) && *scan->at != '\n')
		scan_step(scan);
}

static void scan_name(struct scan *scan)
{
	const char *at = scan->at;

	while (at < scan->end && name_byte(*at))
		at++;
	scan_take(scan, TOKEN_NAME, (size_t)(at - scan->at), NULL);
}

/* What libconfig knows no token for, up to where it must end: most often a
 * path, an address or a duration without quotes.
 */
static void scan_other(struct scan *scan)
{
	const char *at = scan->at;

	while (at < scan->end && strchr(" \t\r\n;,\"})]", *at) == NULL)
		at++;
	if (at == scan->at)
		at++;
	scan_take(scan, TOKEN_OTHER, (size_t)(at - scan->at), NULL);
}

/* A bracket or a mark.  An array holds values of one kind only, and the
 * settings take a list in its place: so libconfig sees lists.
 */
static void scan_mark(struct scan *scan, enum token token)
{
	char c = *scan->at;

	scan_take(scan, token, 1, c == '[' ? "(" : c == ']' ? ")" : NULL);
}

enum number { NUMBER_FINE, NUMBER_WIDE, NUMBER_WRONG };

static const char *digits_skip(const char *at)
{
	return at + strspn(at, "0123456789");
}

/* 1.5, 1., 1e3: what libconfig takes as a float. */
static bool float_looks(const char *at)
{
	at = digits_skip(at);
	if (*at == '.')
		at = digits_skip(at + 1);
	if (*at != 'e' && *at != 'E')
		return *at == '\0';
	at++;
	if (*at == '+' || *at == '-')
		at++;
	return isdigit((unsigned char)*at) && *digits_skip(at) == '\0';
}

/* What libconfig would make of @word, which starts with a digit, a sign or a
 * point.
 */
static enum number number_judge(const char *word)
{
	bool sign = *word == '+' || *word == '-', hex;
	unsigned long long value;
	char *end;

	word += sign;
	hex = !sign && word[0] == '0' && (word[1] == 'x' || word[1] == 'X');
	if (hex && !isxdigit((unsigned char)word[2]))
		return NUMBER_WRONG;
	errno = 0;
	value = strtoull(word, &end, hex ? 16 : 10);
	if (*end == '\0')
		return errno || value > INT32_MAX ? NUMBER_WIDE : NUMBER_FINE;
	if (strcmp(end, "L") == 0 || strcmp(end, "LL") == 0)
		return NUMBER_FINE;
	return !hex && float_looks(word) ? NUMBER_FINE : NUMBER_WRONG;
}

/* Whether @c goes on with a number whose last byte is @last. */
static bool number_byte(char c, char last)
{
	if (c == '+' || c == '-')
		return last == 'e' || last == 'E';
	return isalnum((unsigned char)c) || c == '.' || c == '_';
}

static void scan_number(struct scan *scan)
{
	char word[NUMBER_SIZE], last = '\0';
	const char *at = scan->at;
	size_t length = 0;

	if (*at == '+' || *at == '-')
		word[length++] = *at++;
	while (at < scan->end && length < sizeof(word) - 1 &&
	       number_byte(*at, last))
		word[length++] = last = *at++;
	word[length] = '\0';
	switch (number_judge(word)) {
	case NUMBER_FINE:
		scan_take(scan, TOKEN_VALUE, length, NULL);
		break;
	case NUMBER_WIDE:
		/* libconfig would cut it to 32 bits without a word */
		scan_take(scan, TOKEN_VALUE, length, NULL);
		scan_keep(scan);
		scan_put(scan, "L");
		break;
	case NUMBER_WRONG:
		scan_other(scan);
		break;
	}
}

/* The length of `@include "` at @scan->at, with its blanks; 0: none. */
static size_t include_head(const struct scan *scan)
{
	static const char word[] = "@include";
	const char *at = scan->at;

	if (!scan->fresh || !scan_sees(scan, word))
		return 0;
	at += strlen(word);
	while (at < scan->end && (*at == ' ' || *at == '\t'))
		at++;
	if (at == scan->end || *at != '"' || at == scan->at + strlen(word))
		return 0;
	return (size_t)(at - scan->at) + 1;
}

/* Read the quoted path that follows; false: it does not end on its line. */
static bool include_path(struct scan *scan, char path[static PATH_SIZE])
{
	size_t length = 0;

	while (scan_left(scan, 1) && *scan->at != '\n') {
		if (*scan->at == '"') {
			scan->at++;
			path[length] = '\0';
			return true;
		}
		if (*scan->at == '\\' && scan_left(scan, 2) &&
		    (scan->at[1] == '"' || scan->at[1] == '\\'))
			scan->at++;
		if (length == PATH_SIZE - 1)
			return false;
		path[length++] = *scan->at++;
	}
	return false;
}

static void scan_include(struct scan *scan, size_t head)
{
	struct place place = text_here(scan->text);
	char path[PATH_SIZE];

	scan_keep(scan);
	scan->at += head;
	if (!include_path(scan, path)) {
		scan_broken(scan, place,
			    "@include: the path has no closing quote on its "
			    "line: write @include \"FILE\"");
		return;
	}
	scan->kept = scan->at;
	if (scan->error == 0)
		scan->error = text_include(scan->text, scan->source, place,
					   path, scan->report);
	if (scan->error == 0)
		scan->error =
			text_mark(scan->text, scan->source->name, scan->line);
}

/* Whether a number begins here: a digit, after a sign or a point perhaps. */
static bool number_begins(const struct scan *scan)
{
	const char *at = scan->at;

	if (*at == '+' || *at == '-')
		at++;
	if (at < scan->end && *at == '.')
		at++;
	return at < scan->end && isdigit((unsigned char)*at);
}

/* The token that a byte is by itself. */
static enum token mark_token(char c)
{
	switch (c) {
	case '=':
	case ':':
		return TOKEN_EQUALS;
	case ',':
		return TOKEN_COMMA;
	case ';':
		return TOKEN_SEMICOLON;
	case '{':
	case '(':
	case '[':
		return TOKEN_OPEN;
	case '}':
	case ')':
	case ']':
		return TOKEN_CLOSE;
	default:
		return TOKEN_OTHER;
	}
}

static void scan_token(struct scan *scan)
{
	size_t head = include_head(scan);
	enum token mark = mark_token(*scan->at);

	if (head > 0)
		scan_include(scan, head);
	else if (*scan->at == '"')
		scan_string(scan);
	else if (scan_sees(scan, "/*"))
		scan_remark(scan);
	else if (*scan->at == '#' || scan_sees(scan, "//"))
		scan_line_remark(scan);
	else if (mark != TOKEN_OTHER)
		scan_mark(scan, mark);
	else if (number_begins(scan))
		scan_number(scan);
	else if (isalpha((unsigned char)*scan->at) || *scan->at == '*')
		scan_name(scan);
	else if (strchr(BLANKS, *scan->at) != NULL)
		scan_step(scan);
	else
		scan_other(scan);
}

/* A configuration is text: no NUL, no control bytes, so no program either. */
static bool source_is_text(const struct source *source, struct text *text,
			   struct report *report)
{
	unsigned line = 1;
	unsigned char c;
	size_t i;

	for (i = 0; i < source->length; i++) {
		c = (unsigned char)source->bytes[i];
		line += c == '\n';
		if ((c >= ' ' && c != 0x7f) || strchr("\t\n\r\f", c) != NULL) {
			if (c != '\0')
				continue;
		}
		report_error(report,
			     (struct place){ source->name, line,
					     text_here(text).order },
			     "byte 0x%02x does not belong in a text: is this "
			     "a configuration?",
			     c);
		return false;
	}
	return true;
}

int scan_source(struct text *text, const struct source *source,
		struct report *report)
{
	struct scan scan = {
		.text = text,
		.source = source,
		.report = report,
		.at = source->bytes,
		.end = source->bytes + source->length,
		.kept = source->bytes,
		.line = 1,
		.fresh = true,
		.syntax = source->syntax,
	};
	unsigned base;

	scan.error = text_mark(text, source->name, 1);
	if (scan.error < 0)
		return scan.error;
	if (!source_is_text(source, text, report)) {
		scan.syntax->broken = true;
		return 0;
	}
	if (scan_sees(&scan, "\xef\xbb\xbf")) {
		scan.at += 3; /* the mark that some editors put first */
		scan.kept = scan.at;
	}
	base = syntax_enter(scan.syntax);
	while (scan_left(&scan, 1) && !scan.syntax->broken && scan.error == 0)
		scan_token(&scan);
	scan_keep(&scan);
	if (scan.error < 0)
		return scan.error;
	syntax_leave(scan.syntax, base);
	/* What includes this file goes on with a line of its own. */
	return text_append(text, "\n", 1);
}
