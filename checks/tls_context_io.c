#include "checks/tls_context_io.h"

#include <errno.h>
#include <openssl/err.h>

static int tls_err(struct err *err, const char *what, const char *file)
{
	const char *why = ERR_reason_error_string(ERR_peek_last_error());

	err_set(err, -EINVAL, "%s%s%s: %s", what, file != NULL ? " " : "",
		file != NULL ? file : "", why != NULL ? why : "unusable");
	ERR_clear_error();
	return -EINVAL;
}

static int context_load_ca(SSL_CTX *ctx, const struct check_settings *check,
			   struct err *err)
{
	if (!check->verify)
		return 0;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	if (check->ca_file == NULL)
		return SSL_CTX_set_default_verify_paths(ctx) == 1
			       ? 0
			       : tls_err(err, "the system's CAs", NULL);
	if (SSL_CTX_load_verify_file(ctx, check->ca_file) != 1)
		return tls_err(err, "ca_file", check->ca_file);
	return 0;
}

/* A key that wants a password would ask for it on the terminal. */
static int on_password(char *buf, int size, int writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

static int context_load_own(SSL_CTX *ctx, const struct check_settings *check,
			    struct err *err)
{
	const char *key = check->key_file;

	if (check->cert_file == NULL)
		return 0;
	if (key == NULL)
		key = check->cert_file;
	SSL_CTX_set_default_passwd_cb(ctx, on_password);
	if (SSL_CTX_use_certificate_chain_file(ctx, check->cert_file) != 1)
		return tls_err(err, "cert_file", check->cert_file);
	if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		return tls_err(err, "key_file", key);
	return 0;
}

int tls_context_new(SSL_CTX **ret_ctx, const struct check_settings *check,
		    struct err *err)
{
	SSL_CTX *ctx;
	int r;

	ERR_clear_error();
	ctx = SSL_CTX_new(TLS_client_method());
	if (ctx == NULL)
		return tls_err(err, "TLS", NULL);
	r = context_load_ca(ctx, check, err);
	if (r == 0)
		r = context_load_own(ctx, check, err);
	if (r < 0) {
		SSL_CTX_free(ctx);
		return r;
	}
	*ret_ctx = ctx;
	return 0;
}
