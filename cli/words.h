/* Words that were meant to be others. */
#ifndef BASCULE_CLI_WORDS_H
#define BASCULE_CLI_WORDS_H

/* The one of @names (ended by NULL, at most WORDS_MAX) that @word was most
 * likely meant to be, or NULL. */
#define WORDS_MAX 64
const char *words_nearest(const char *const *names, const char *word);

#endif
