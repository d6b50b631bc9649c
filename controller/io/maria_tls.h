/* Logging in to MariaDB over TLS, beside the loop.
 *
 * libmariadb waits for the handshake within one call, also in its non-blocking
 * ones, so that a server that hangs would hang the loop.  A thread does it.
 * Whom the certificate must name is told to OpenSSL before it is verified:
 * libmariadb knows only the address that it is given.
 */
#ifndef BASCULE_IO_MARIA_TLS_H
#define BASCULE_IO_MARIA_TLS_H

#include <mysql.h>
#include <stdbool.h>

#include "controller/io/maria.h"

struct maria_tls;

/* Begin to connect.  @mysql has its options and is owned from here on, also by
 * a failure.  @login is borrowed for the call.  Returns 0 or -errno. */
int maria_tls_start(struct maria_tls **ret_tls, MYSQL *mysql,
		    const struct maria_login *login);

/* Becomes readable when it is over. */
int maria_tls_fd(const struct maria_tls *tls);

/* It is over: hand the connection over.  @ret_open: it is logged in, and the
 * certificate was verified if @ret_verified; else @ret_mysql has the error, or
 * @ret_dial_error says why it is not even connected.  Frees @tls. */
void maria_tls_end(struct maria_tls *tls, MYSQL **ret_mysql, bool *ret_open,
		   bool *ret_verified, int *ret_dial_error);

/* Nobody waits for it any more.  NULL is fine. */
void maria_tls_drop(struct maria_tls *tls);

#endif
