/* One question to the daemon, and the complaint when it fails. */
#ifndef BASCULE_CLI_ASK_H
#define BASCULE_CLI_ASK_H

#include <jansson.h>

/* Get @path over @socket (NULL: the usual one).  On failure says on stderr
 * why and returns NULL. */
json_t *ask(const char *socket, const char *path);

#endif
