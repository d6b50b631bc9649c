/* TCP connections: what is set on each of ours, and what the kernel tells of
 * one. */
#ifndef BASCULE_IO_TCP_H
#define BASCULE_IO_TCP_H

#include <stdbool.h>
#include <stdint.h>

/* What is sent goes out at once, and is retransmitted for @span_us at most,
 * or for 1 s if that is longer: hygiene, the deadline is the caller's.
 * Returns 0 or -errno. */
int tcp_set_options(int fd, int64_t span_us);

/* End a connection by a reset, so that nothing of it waits here for a minute.
 * For connections that carry nothing which the other side might still want. */
void tcp_close_reset(int fd);

struct tcp_facts {
	bool connected;
	bool acknowledged; /* all that was sent */
	unsigned retransmits;
};

/* What the kernel knows of @fd now.  Returns 0 or -errno, with @ret_facts
 * untouched. */
int tcp_look(int fd, struct tcp_facts *ret_facts);

/* The error that waits at @fd, taken from there; 0: none. */
int tcp_take_error(int fd);

#endif
