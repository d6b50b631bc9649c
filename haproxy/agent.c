#include "haproxy/agent.h"

#include <stdio.h>
#include <string.h>

bool agent_question(char *line, const char **ret_backend,
		    const char **ret_server)
{
	size_t length = strcspn(line, "\r");
	char *slash;

	if (line[length] == '\r' && line[length + 1] != '\0')
		return false;
	line[length] = '\0';
	slash = strchr(line, '/');
	if (slash == NULL || slash == line || slash[1] == '\0' ||
	    strchr(slash + 1, '/') != NULL)
		return false;
	*slash = '\0';
	*ret_backend = line;
	*ret_server = slash + 1;
	return true;
}

/* HAProxy takes the reason from after the '#', and the '#' after a space. */
size_t agent_answer(enum agent_word word, const char *why,
		    char answer[static AGENT_ANSWER_MAX])
{
	int n = 0;

	answer[0] = '\0';
	if (word == AGENT_UP)
		n = snprintf(answer, AGENT_ANSWER_MAX, "up\n");
	else if (word == AGENT_DOWN)
		n = snprintf(answer, AGENT_ANSWER_MAX, "down #bascule: %.80s\n",
			     why);
	return (size_t)n;
}
