/* What keepalived writes into its notify FIFO, line by line. */
#ifndef BASCULE_VIP_FIFO_H
#define BASCULE_VIP_FIFO_H

#include <stdbool.h>
#include <stddef.h>

#define FIFO_WORD_MAX 40

/* INSTANCE "VI_1" MASTER 150 */
struct fifo_line {
	char name[FIFO_WORD_MAX];
	char state[FIFO_WORD_MAX]; /* MASTER, BACKUP, FAULT, STOP, ... */
};

/* Read one line, @size bytes without the newline.  False for what is none of an
 * instance or a group, and for words that are too long or not printable. */
bool fifo_parse(const char *line, size_t size, struct fifo_line *ret_line);

#endif
