/* OpenSSL contexts, as the settings of a check want them. */
#ifndef BASCULE_CHECKS_TLS_CONTEXT_IO_H
#define BASCULE_CHECKS_TLS_CONTEXT_IO_H

#include <openssl/ssl.h>

#include "controller/core/err.h"
#include "controller/core/settings.h"

/* Load CA, certificate and key.  Fails when one cannot be used: @err says
 * which and why.  Freed by SSL_CTX_free(). */
int tls_context_new(SSL_CTX **ret_ctx, const struct check_settings *check,
		    struct err *err);

/* The same for a server that one logs in to, whose check says by its tls
 * whether it verifies; without TLS it is NULL. */
int tls_context_login_new(SSL_CTX **ret_ctx, const struct check_settings *check,
			  struct err *err);

#endif
