/* Threads beside the loop's: for what blocks and cannot be made not to. */
#ifndef BASCULE_IO_THREAD_H
#define BASCULE_IO_THREAD_H

/* Run @fn with @arg in a detached thread, which gets no signal: those are for
 * the loop's.  Returns 0 or -errno. */
int thread_start(void *(*fn)(void *arg), void *arg);

#endif
