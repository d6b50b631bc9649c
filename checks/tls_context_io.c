#include "checks/tls_context_io.h"

#include "controller/io/tls_client.h"

int tls_context_new(SSL_CTX **ret_ctx, const struct check_settings *check,
		    struct err *err)
{
	const struct tls_client_files files = { .ca_file = check->ca_file,
						.cert_file = check->cert_file,
						.key_file = check->key_file,
						.verify = check->verify };

	return tls_client_new(ret_ctx, &files, err);
}
