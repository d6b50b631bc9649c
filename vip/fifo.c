#include "vip/fifo.h"

#include <string.h>

/* The bytes of @line from @at on until @end, as a word; 0 when there is none,
 * else where it ends. */
static size_t take(const char *line, size_t size, size_t at, char end,
		   char *ret_word)
{
	size_t used = 0;

	for (; at < size && line[at] != end; at++) {
		if (line[at] < ' ' || line[at] > '~' ||
		    used == FIFO_WORD_MAX - 1)
			return 0;
		ret_word[used++] = line[at];
	}
	ret_word[used] = '\0';
	return used > 0 ? at : 0;
}

bool fifo_parse(const char *line, size_t size, struct fifo_line *ret_line)
{
	static const char *const kinds[] = { "INSTANCE \"", "GROUP \"" };
	size_t i, at = 0;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (size > strlen(kinds[i]) &&
		    memcmp(line, kinds[i], strlen(kinds[i])) == 0)
			at = strlen(kinds[i]);
	if (at == 0)
		return false;
	at = take(line, size, at, '"', ret_line->name);
	if (at == 0 || at + 2 >= size || line[at + 1] != ' ')
		return false;
	return take(line, size, at + 2, ' ', ret_line->state) != 0;
}
