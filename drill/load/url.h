/* An http:// address in its parts. Pure. */
#ifndef BASCULE_DRILL_LOAD_URL_H
#define BASCULE_DRILL_LOAD_URL_H

#include "controller/core/err.h"

#define URL_MAX 512

struct url {
	char text[URL_MAX];
	char host[URL_MAX]; /* without the brackets of IPv6 */
	char port[6];
	char authority[URL_MAX]; /* for the Host header */
	char path[URL_MAX];
};

/* "http://HOST[:PORT][/PATH]"; 0, or -EINVAL and a sentence. */
int url_parse(const char *text, struct url *ret_url, struct err *err);

#endif
