/* keepalived's notify FIFO, read as it is written. */
#ifndef BASCULE_VIP_FIFO_IO_H
#define BASCULE_VIP_FIFO_IO_H

#include "controller/core/err.h"
#include "controller/io/loop.h"
#include "vip/fifo.h"

struct fifo;

/* Open @path, or make it: keepalived writes to one that is there.  @fn is
 * called for each line that can be read. */
int fifo_new(struct fifo **ret_fifo, struct loop *loop, const char *path,
	     void (*fn)(void *arg, const struct fifo_line *line), void *arg,
	     struct err *err);

/* The file stays.  Accepts NULL. */
void fifo_free(struct fifo *fifo);

#endif
