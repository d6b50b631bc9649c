/* Errors that a person must understand.
 *
 * A function that can fail returns 0 or a negative errno; where the operator
 * has to repair something it also fills a struct err with one sentence.  A
 * NULL err is allowed everywhere and swallows the text.
 */
#ifndef BASCULE_CORE_ERR_H
#define BASCULE_CORE_ERR_H

#define ERR_TEXT_MAX 512

struct err {
	int code; /* negative errno, 0 when unset */
	char text[ERR_TEXT_MAX];
};

/* Fill @err with a sentence (truncated to ERR_TEXT_MAX) and return @code. */
int err_set(struct err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Put "CONTEXT: " before what @err already says. */
void err_wrap(struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
