/* OpenSSL for those who connect: contexts, and whom a certificate must name. */
#ifndef BASCULE_IO_TLS_CLIENT_H
#define BASCULE_IO_TLS_CLIENT_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "controller/core/err.h"

struct tls_client_files {
	const char *ca_file;   /* NULL: the system's own */
	const char *cert_file; /* NULL: none is shown */
	const char *key_file;  /* NULL: in cert_file */
	bool verify;
};

/* Load CA, certificate and key.  Fails when one cannot be used: @err says
 * which and why.  Freed by SSL_CTX_free(). */
int tls_client_new(SSL_CTX **ret_ctx, const struct tls_client_files *files,
		   struct err *err);

/* Ask for the name @name and verify it, where the context verifies; or verify
 * an address, which cannot be asked for.  Returns 0 or -EINVAL. */
int tls_client_name(SSL *ssl, const char *name);

/* Why the handshake failed; @error_no: errno of the failing call.  Borrowed
 * from OpenSSL or the C library. */
const char *tls_client_why(SSL *ssl, int error_no);

#endif
