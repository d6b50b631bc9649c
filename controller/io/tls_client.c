#include "controller/io/tls_client.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "controller/io/address.h"

static int tls_err(struct err *err, const char *what, const char *file)
{
	const char *why = ERR_reason_error_string(ERR_peek_last_error());

	err_set(err, -EINVAL, "%s%s%s: %s", what, file != NULL ? " " : "",
		file != NULL ? file : "", why != NULL ? why : "unusable");
	ERR_clear_error();
	return -EINVAL;
}

static int load_ca(SSL_CTX *ctx, const struct tls_client_files *files,
		   struct err *err)
{
	if (!files->verify)
		return 0;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	if (files->ca_file == NULL)
		return SSL_CTX_set_default_verify_paths(ctx) == 1
			       ? 0
			       : tls_err(err, "the system's CAs", NULL);
	if (SSL_CTX_load_verify_file(ctx, files->ca_file) != 1)
		return tls_err(err, "ca_file", files->ca_file);
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

static int load_own(SSL_CTX *ctx, const struct tls_client_files *files,
		    struct err *err)
{
	const char *key = files->key_file;

	if (files->cert_file == NULL)
		return 0;
	if (key == NULL)
		key = files->cert_file;
	SSL_CTX_set_default_passwd_cb(ctx, on_password);
	if (SSL_CTX_use_certificate_chain_file(ctx, files->cert_file) != 1)
		return tls_err(err, "cert_file", files->cert_file);
	if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		return tls_err(err, "key_file", key);
	return 0;
}

int tls_client_new(SSL_CTX **ret_ctx, const struct tls_client_files *files,
		   struct err *err)
{
	SSL_CTX *ctx;
	int r;

	ERR_clear_error();
	ctx = SSL_CTX_new(TLS_client_method());
	if (ctx == NULL)
		return tls_err(err, "TLS", NULL);
	r = load_ca(ctx, files, err);
	if (r == 0)
		r = load_own(ctx, files, err);
	if (r < 0) {
		SSL_CTX_free(ctx);
		return r;
	}
	*ret_ctx = ctx;
	return 0;
}

int tls_client_name(SSL *ssl, const char *name)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
	struct address addr;

	if (address_parse(name, 0, &addr))
		return X509_VERIFY_PARAM_set1_ip_asc(param, name) ? 0 : -EINVAL;
	if (!SSL_set_tlsext_host_name(ssl, name) || !SSL_set1_host(ssl, name))
		return -EINVAL;
	return 0;
}

const char *tls_client_why(SSL *ssl, int error_no)
{
	long verified = SSL_get_verify_result(ssl);
	const char *why = ERR_reason_error_string(ERR_peek_error());

	if (SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE &&
	    verified != X509_V_OK)
		return X509_verify_cert_error_string(verified);
	if (why != NULL)
		return why;
	if (error_no != 0)
		return strerror(error_no);
	return "closed within the handshake";
}
