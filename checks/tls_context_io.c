#include "checks/tls_context_io.h"

#include "controller/io/tls_client.h"

static int load(SSL_CTX **ret_ctx, const struct check_settings *check,
		bool verify, struct err *err)
{
	const struct tls_client_files files = { .ca_file = check->ca_file,
						.cert_file = check->cert_file,
						.key_file = check->key_file,
						.verify = verify };

	return tls_client_new(ret_ctx, &files, err);
}

int tls_context_new(SSL_CTX **ret_ctx, const struct check_settings *check,
		    struct err *err)
{
	return load(ret_ctx, check, check->verify, err);
}

int tls_context_login_new(SSL_CTX **ret_ctx, const struct check_settings *check,
			  struct err *err)
{
	*ret_ctx = NULL;
	if (check->tls == TLS_OFF)
		return 0;
	return load(ret_ctx, check, check->tls == TLS_VERIFIED, err);
}
