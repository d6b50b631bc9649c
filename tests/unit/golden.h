/* Compare output with a file in tests/golden.
 *
 * With GOLDEN_WRITE=1 in the environment the file is written instead, for
 * `git diff` to show what changed.
 */
#ifndef BASCULE_TESTS_GOLDEN_H
#define BASCULE_TESTS_GOLDEN_H

#include <stdio.h>

typedef void (*golden_render)(const void *arg, FILE *out);

/* Fail the test unless what @render prints is the content of @name. */
void golden_check(const char *name, golden_render render, const void *arg);

#endif
