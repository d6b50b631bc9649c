/* What a certificate's days are worth, and whose name it must bear. */
#ifndef BASCULE_CHECKS_TLS_H
#define BASCULE_CHECKS_TLS_H

#include <stddef.h>
#include <stdint.h>

#include "controller/core/result.h"
#include "controller/core/settings.h"

#define TLS_NAME_MAX 256

/* Whole days from @now_wall_us to @end_wall_us, negative once it is over. */
int32_t tls_days(int64_t end_wall_us, int64_t now_wall_us);

/* Put the certificate's days into @res, and turn a good result into a
 * conditional one when its end is nearer than the settings allow; 0 allows
 * anything.
 *
 * @end_wall_us: 0 when it is not known.
 */
void tls_judge(struct result *res, const struct check_settings *check,
	       int64_t end_wall_us, int64_t now_wall_us);

/* The name to ask for and to verify: the one given, else that of the Host
 * header without its port, else @host, a target's address.  Returns @buf. */
const char *tls_name(const struct check_settings *check, const char *host,
		     char *buf, size_t size);

#endif
