/* What an HTTP check asks and how the answer is judged: bytes only, no I/O.
 *
 * A question is made once for each service and shared by its targets.  The
 * body is looked at as it comes in and not kept, but for the first
 * HTTP_REGEX_MAX bytes where a regular expression wants them.
 */
#ifndef BASCULE_CHECKS_HTTP_H
#define BASCULE_CHECKS_HTTP_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/core/err.h"
#include "controller/core/result.h"
#include "controller/core/settings.h"

#define HTTP_BODY_MAX  (1024 * 1024)        /* a longer body fails the check */
#define HTTP_REGEX_MAX (64 * 1024)          /* how much of it a regex may see */
#define HTTP_KEPT_SIZE (HTTP_REGEX_MAX + 1) /* with the NUL after it */

struct http_question {
	const struct check_settings *check; /* borrowed, may be exchanged for
					       an equal one */
	uint32_t *borders; /* owned; for each prefix of the wanted body, its
			      longest border: Knuth, Morris and Pratt */
	uint32_t body_size;
	regex_t regex; /* when check->body_regex is set */
	bool head;     /* answers have no body */
};

/* Returns 0 or -EINVAL for a bad regular expression, -ENOMEM. */
int http_question_new(struct http_question **ret_ask,
		      const struct check_settings *check, struct err *err);
void http_question_free(struct http_question *ask);

/* Write the request for a target, Host as the settings have it or else
 * @host and @port, into @buf.  Returns its size, or 0 when @size is too
 * small. */
size_t http_question_write(const struct http_question *ask, const char *host,
			   uint16_t port, char *buf, size_t size);

/* Host with brackets where it needs them, and the port unless it is
 * @usual_port; returns bytes wanted, as snprintf(). */
int http_host_write(const char *host, uint16_t port, uint16_t usual_port,
		    char *buf, size_t size);

/* What has been seen of a body. */
struct http_body {
	uint32_t seen; /* bytes */
	uint32_t
		matched; /* how much of the wanted text is at the end of them */
	bool found;
	char *kept; /* borrowed, HTTP_KEPT_SIZE bytes, or NULL */
};

/* @kept: where the regular expression's bytes go; NULL without one. */
void http_body_init(struct http_body *body, char *kept);

/* Returns 0, or -EFBIG once the body is longer than HTTP_BODY_MAX. */
int http_body_feed(struct http_body *body, const struct http_question *ask,
		   const char *buf, size_t size);

bool http_status_wanted(const struct check_settings *check, int status);

/* The verdict on a whole answer: L7OK, or L7STS and why. */
struct result http_judge(const struct http_question *ask, int status,
			 const struct http_body *body, int64_t latency_us);

#endif
