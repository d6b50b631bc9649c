#include "controller/core/result.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	enum verdict verdict;
} codes[RESULT_CODES] = {
	[RESULT_SOCKERR] = { "SOCKERR", VERDICT_NONE },
	[RESULT_RESOLV] = { "RESOLV", VERDICT_NONE },
	[RESULT_L4OK] = { "L4OK", VERDICT_PASS },
	[RESULT_L4TOUT] = { "L4TOUT", VERDICT_FAIL },
	[RESULT_L4CON] = { "L4CON", VERDICT_FAIL },
	[RESULT_L6OK] = { "L6OK", VERDICT_PASS },
	[RESULT_L6TOUT] = { "L6TOUT", VERDICT_FAIL },
	[RESULT_L6RSP] = { "L6RSP", VERDICT_FAIL },
	[RESULT_L7OK] = { "L7OK", VERDICT_PASS },
	[RESULT_L7OKC] = { "L7OKC", VERDICT_WARN },
	[RESULT_L7TOUT] = { "L7TOUT", VERDICT_FAIL },
	[RESULT_L7RSP] = { "L7RSP", VERDICT_FAIL },
	[RESULT_L7STS] = { "L7STS", VERDICT_FAIL },
	[RESULT_PROCOK] = { "PROCOK", VERDICT_PASS },
	[RESULT_PROCWARN] = { "PROCWARN", VERDICT_WARN },
	[RESULT_PROCERR] = { "PROCERR", VERDICT_FAIL },
	[RESULT_PROCUNK] = { "PROCUNK", VERDICT_NONE },
	[RESULT_PROCTOUT] = { "PROCTOUT", VERDICT_FAIL },
};

static const char *const types[] = {
	[CHECK_HTTP] = "http",   [CHECK_HTTPS] = "https",
	[CHECK_TCP] = "tcp",     [CHECK_TLS] = "tls",
	[CHECK_EXEC] = "exec",   [CHECK_POSTGRESQL] = "postgresql",
	[CHECK_MYSQL] = "mysql", [CHECK_REDIS] = "redis",
};

const char *result_code_name(enum result_code code)
{
	return codes[code].name;
}

enum result_code result_code_find(const char *name)
{
	enum result_code code = RESULT_SOCKERR;

	while (code < RESULT_CODES && strcmp(codes[code].name, name) != 0)
		code++;
	return code;
}

enum verdict result_verdict(enum result_code code)
{
	return codes[code].verdict;
}

bool result_is_silence(enum result_code code)
{
	return code == RESULT_L4TOUT || code == RESULT_L6TOUT ||
	       code == RESULT_L7TOUT || code == RESULT_PROCTOUT;
}

bool result_is_report(enum result_code code)
{
	return code == RESULT_L7STS;
}

bool result_is_unreachable(int error)
{
	return error == ENETUNREACH || error == EHOSTUNREACH ||
	       error == ENETDOWN || error == EHOSTDOWN ||
	       error == EADDRNOTAVAIL;
}

struct result result_make(enum result_code code, int status, int64_t latency_us,
			  const char *text)
{
	struct result res = { .code = code,
			      .status = status,
			      .latency_us = latency_us,
			      .cert_days = RESULT_NO_CERT };
	size_t i;

	for (i = 0; text != NULL && text[i] != '\0'; i++) {
		unsigned char c = (unsigned char)text[i];

		if (i == RESULT_TEXT_MAX - 1)
			break;
		res.text[i] = (char)(c < 0x20 || c >= 0x7f ? '?' : c);
	}
	return res;
}

/* "850 us", "12 ms", "2.0 s": three figures are enough for a person. */
static void span_text(int64_t span_us, char *buf, size_t size)
{
	if (span_us < MS)
		snprintf(buf, size, "%d us", (int)span_us);
	else if (span_us < 10 * SECOND)
		snprintf(buf, size, "%d ms", (int)(span_us / MS));
	else
		snprintf(buf, size, "%d s", (int)(span_us / SECOND));
}

const char *result_text(const struct result *res, char *buf, size_t size)
{
	char span[24], status[24] = "";

	span_text(res->latency_us, span, sizeof(span));
	if (res->status != 0)
		snprintf(status, sizeof(status), " %d", res->status);
	snprintf(buf, size, "%s%s, %s%s%s", result_code_name(res->code), status,
		 span, res->text[0] != '\0' ? ", " : "", res->text);
	return buf;
}

const char *check_type_name(enum check_type type)
{
	return types[type];
}
