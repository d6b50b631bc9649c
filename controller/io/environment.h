/* The environment of a program that is run: our variables, and of what we
 * inherited only what is a program's business. */
#ifndef BASCULE_IO_ENVIRONMENT_H
#define BASCULE_IO_ENVIRONMENT_H

#include <stddef.h>

#define ENVIRONMENT_TEXT_MAX 2048
#define ENVIRONMENT_OWN_MAX  16
#define ENVIRONMENT_ALL_MAX  64

/* Zero before the first environment_set(). */
struct environment {
	char text[ENVIRONMENT_TEXT_MAX];
	size_t used;
	char *list[ENVIRONMENT_ALL_MAX]; /* ended by NULL when finished */
	unsigned count;
};

/* Add NAME=VALUE; what does not fit is left out. */
void environment_set(struct environment *env, const char *name,
		     const char *value);

/* Add what is inherited (PATH, HOME, the language, the time zone, TMPDIR), and
 * end the list.  What we have with our service manager is not passed on. */
void environment_finish(struct environment *env);

#endif
