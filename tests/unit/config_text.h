/* Configurations in tests: loaded from memory, what is said of them kept. */
#ifndef BASCULE_TESTS_CONFIG_TEXT_H
#define BASCULE_TESTS_CONFIG_TEXT_H

#include "controller/config/load.h"

/* One service "s" on one line, with @inside between its name and its target
 * "t" at 10.0.0.1:80.
 */
#define SERVICE(inside)                                                        \
	"services = ( { name = \"s\"; " inside                                 \
	" targets = ( { name = \"t\"; address = \"10.0.0.1:80\"; } ); } );\n"

/* The same with @inside in its check. */
#define CHECK(inside) SERVICE("check = { " inside " };")

/* Load @text as "x.conf"; fail the test unless it is right without a
 * warning.
 */
struct settings *config_right(const char *text);

/* Load @text, which must be refused (@r from the loader), and put what is
 * said of it into @said.
 */
void config_said(const char *text, char *said, size_t size);

/* Fail the test unless exactly @wanted is said of @text. */
void config_wrong(const char *text, const char *wanted);

struct mistake {
	const char *text, *said;
};

/* The same for each row; one with a NULL text ends them. */
void config_all_wrong(const struct mistake *mistakes);

#endif
