/* Words of a command line: numbers and addresses (controller/config/value.h
 * reads durations and names).
 *
 * Pure: text in, values out.  Functions return 0, or -EINVAL with a sentence
 * in @err that quotes the text and says what would be right.
 */
#ifndef BASCULE_DRILL_ARG_H
#define BASCULE_DRILL_ARG_H

#include "controller/core/err.h"

#include <stdint.h>
#include <sys/socket.h>

/* Room for "[v6 address]:65535" and its end. */
#define ENDPOINT_TEXT_MAX 64

struct endpoint {
	struct sockaddr_storage addr;
	socklen_t addr_len;
};

/* A whole number from @min to @max. */
int arg_number(const char *text, int64_t min, int64_t max, int64_t *ret_value,
	       struct err *err);

/* "127.0.0.1:5000", "[::1]:5000"; port 0 is allowed. */
int arg_endpoint(const char *text, struct endpoint *ret_endpoint,
		 struct err *err);

unsigned endpoint_port(const struct endpoint *endpoint);
void endpoint_set_port(struct endpoint *endpoint, unsigned port);

/* Whether the address is one of this machine's loopback. */
int endpoint_is_loopback(const struct endpoint *endpoint);

/* As arg_endpoint() reads it. */
void endpoint_print(const struct endpoint *endpoint,
		    char text[static ENDPOINT_TEXT_MAX]);

#endif
