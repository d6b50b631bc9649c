#include "haproxy/answer.h"

#include <string.h>

void answer_init(struct answer *ans)
{
	ans->length = 0;
	ans->total = 0;
	ans->ended = true;
	ans->begun = false;
}

/* Keep what fits of @size bytes of the present line. */
static void keep(struct answer *ans, const char *data, size_t size)
{
	size_t room = ANSWER_LINE_MAX - 1 - ans->length;

	if (size > room)
		size = room;
	memcpy(ans->line + ans->length, data, size);
	ans->length += size;
}

/* Take the bytes that may be a prompt, two at most.  Returns whether they
 * were one. */
static bool take_prompt(struct answer *ans, const char *data, size_t size,
			size_t *used)
{
	while (ans->begun && ans->length < 2 && *used < size) {
		if (data[*used] != "> "[ans->length])
			return false;
		ans->line[ans->length++] = data[(*used)++];
	}
	return ans->begun && ans->length == 2 &&
	       memcmp(ans->line, "> ", 2) == 0;
}

enum answer_part answer_feed(struct answer *ans, const char *data, size_t size,
			     size_t *ret_used)
{
	const char *newline;
	size_t used = 0, rest;

	if (ans->ended) {
		ans->length = 0;
		ans->ended = false;
	}
	if (take_prompt(ans, data, size, &used)) {
		*ret_used = used;
		answer_init(ans);
		return ANSWER_END;
	}
	newline = size > used ? memchr(data + used, '\n', size - used) : NULL;
	rest = newline != NULL ? (size_t)(newline - data) - used : size - used;
	keep(ans, data + used, rest);
	used += rest + (newline != NULL ? 1 : 0);
	ans->total += used;
	*ret_used = used;
	if (ans->total > ANSWER_MAX)
		return ANSWER_BAD;
	if (newline == NULL)
		return ANSWER_MORE;
	ans->line[ans->length] = '\0';
	ans->ended = true;
	ans->begun = true;
	return ANSWER_LINE;
}
