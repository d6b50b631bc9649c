#include "checks/tls.h"

#include <stdio.h>
#include <string.h>

#include "controller/core/instant.h"

int32_t tls_days(int64_t end_wall_us, int64_t now_wall_us)
{
	int64_t left_us = end_wall_us - now_wall_us, days = left_us / DAY;

	if (left_us % DAY < 0)
		days--;
	if (days > INT32_MAX)
		return INT32_MAX;
	return days <= RESULT_NO_CERT ? RESULT_NO_CERT + 1 : (int32_t)days;
}

void tls_judge(struct result *res, const struct check_settings *check,
	       int64_t end_wall_us, int64_t now_wall_us)
{
	if (end_wall_us == 0)
		return;
	res->cert_days = tls_days(end_wall_us, now_wall_us);
	if (result_verdict(res->code) != VERDICT_PASS ||
	    check->expires_within_us == 0 ||
	    end_wall_us - now_wall_us >= check->expires_within_us)
		return;
	if (res->cert_days < 0)
		snprintf(res->text, sizeof(res->text),
			 "the certificate has expired");
	else
		snprintf(res->text, sizeof(res->text),
			 "the certificate expires in %d days", res->cert_days);
	res->code = RESULT_L7OKC;
}

const char *tls_name(const struct check_settings *check, const char *host,
		     char *buf, size_t size)
{
	const char *end, *name = check->server_name;
	size_t used;

	if (name == NULL && check->host != NULL) {
		name = check->host;
		if (name[0] == '[') {
			name++;
			used = strcspn(name, "]");
		} else {
			end = strrchr(name, ':');
			used = end != NULL ? (size_t)(end - name)
					   : strlen(name);
		}
	} else {
		name = name != NULL ? name : host;
		used = strlen(name);
	}
	snprintf(buf, size, "%.*s", (int)used, name);
	return buf;
}
