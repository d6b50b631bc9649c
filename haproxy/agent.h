/* HAProxy's agent check: one question, one line of answer.
 *
 * HAProxy connects, says what `agent-send` has it say, and reads one line.
 * Here it says which server it asks about:
 *
 *	agent-send "BACKEND/SERVER\n"
 *
 * Words that set `maint`, `drain` or `ready` are never answered: they are the
 * operator's.  A weight is not either: it would be a percentage, which HAProxy
 * rounds down to nothing for a server of weight 1.
 */
#ifndef BASCULE_HAPROXY_AGENT_H
#define BASCULE_HAPROXY_AGENT_H

#include <stdbool.h>
#include <stddef.h>

#include "controller/core/ctl.h"

#define AGENT_QUESTION_MAX 256
#define AGENT_ANSWER_MAX   128

/* Cut a question, a line without its newline, into names, which point into
 * it.  Returns false for anything but two names with a slash between. */
bool agent_question(char *line, const char **ret_backend,
		    const char **ret_server);

/* The answer as a line, "" when there is none to give.  @why goes into
 * HAProxy's log and statistics.  Returns its length. */
size_t agent_answer(enum agent_word word, const char *why,
		    char answer[static AGENT_ANSWER_MAX]);

#endif
