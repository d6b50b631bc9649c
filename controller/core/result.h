/* What a check found.
 *
 * A failed check is a result, not an error.  The codes are HAProxy's (its
 * management guide, "check_status"), so that both logs can be read side by
 * side; RESOLV is ours: the target's name has no known address.
 */
#ifndef BASCULE_CORE_RESULT_H
#define BASCULE_CORE_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/core/instant.h"
#include "controller/core/settings.h"

#define RESULT_TEXT_MAX 80
#define RESULT_NO_CERT  INT32_MIN

enum result_code {
	RESULT_SOCKERR, /* our own trouble: no descriptor, no memory */
	RESULT_RESOLV,  /* name without an address */
	RESULT_L4OK,
	RESULT_L4TOUT,
	RESULT_L4CON, /* refused, reset, unreachable */
	RESULT_L6OK,
	RESULT_L6TOUT,
	RESULT_L6RSP, /* TLS said no */
	RESULT_L7OK,
	RESULT_L7OKC, /* good on condition: answers, but warns */
	RESULT_L7TOUT,
	RESULT_L7RSP, /* not what the protocol allows, or closed early */
	RESULT_L7STS, /* an answer that says no: status, body */
	RESULT_PROCOK,
	RESULT_PROCWARN, /* exit 1 of the plugin convention */
	RESULT_PROCERR,  /* exit 2, or killed by a signal */
	RESULT_PROCUNK,  /* exit 3, or cannot be run: no evidence */
	RESULT_PROCTOUT,
	RESULT_CODES
};

/* What a result is worth as evidence. */
enum verdict {
	VERDICT_NONE, /* says nothing of the target: our own trouble */
	VERDICT_PASS,
	VERDICT_WARN, /* serves, but not well */
	VERDICT_FAIL
};

/* How far an unanswered question came, as TCP_INFO tells: a process that hangs
 * has a kernel that acknowledges, a lost network or host has not. */
enum reach {
	REACH_UNKNOWN,
	REACH_NOT_CONNECTED,  /* no answer to the SYN */
	REACH_UNACKNOWLEDGED, /* connected; the question was not acknowledged */
	REACH_ACKNOWLEDGED    /* the other kernel has it, the process is mute */
};

struct result {
	enum result_code code;
	enum reach reach; /* of a silence */
	bool late; /* the answer to a question already reported as silent */
	/* Of an answer: how often the kernel sent something again, up to 255;
	 * looked at when it took longer than the fastest retransmission. */
	uint8_t retransmits;
	int status;         /* HTTP status, exit code or errno; 0 if none */
	int64_t latency_us; /* from the question to the answer or the end */
	int32_t cert_days;  /* days left of the certificate */
	char text[RESULT_TEXT_MAX]; /* one line for people, may be empty */
};

/* "L4CON" and so on; never NULL for a valid code. */
const char *result_code_name(enum result_code code);

/* The code of that name, or RESULT_CODES. */
enum result_code result_code_find(const char *name);

enum verdict result_verdict(enum result_code code);

/* Whether the code is one of silence: the target did not answer in time. */
bool result_is_silence(enum result_code code);

/* Whether an errno says that there is no way there: what our own kernel or a
 * router says, and not the target. */
bool result_is_unreachable(int error);

/* Whether the code is an answer that says no: the target itself works well
 * enough to report it. */
bool result_is_report(enum result_code code);

/* Make a result; @text is cut to fit, control characters become '?', and
 * NULL means none. */
struct result result_make(enum result_code code, int status, int64_t latency_us,
			  const char *text);

/* "L7STS, 503, 12 ms" and the like into @buf; returns @buf. */
const char *result_text(const struct result *res, char *buf, size_t size);

/* "UP" and so on are in health.h; the check types' names are here, since
 * configuration, status and metrics all print them. */
const char *check_type_name(enum check_type type);

#endif
