/* Frames about virtual addresses, sent to and heard from a network.
 *
 * What is heard are only claims to one of the addresses: the kernel drops the
 * rest.  Needs CAP_NET_RAW.
 */
#ifndef BASCULE_VIP_ANNOUNCE_IO_H
#define BASCULE_VIP_ANNOUNCE_IO_H

#include "controller/core/err.h"
#include "vip/frame.h"
#include "vip/netlink_io.h"

struct announce {
	struct netlink_interface interface;
	const struct vip_address *addresses; /* borrowed for life */
	unsigned count;
	int out, arp, nd; /* sockets, the two to be watched; or -1 */
};

/* Returns 0, also for an interface without Ethernet, on which there is nobody
 * to tell; or -errno with @err, and then nothing is open. */
int announce_open(struct announce *announce,
		  const struct netlink_interface *interface,
		  const struct vip_address *addresses, unsigned count,
		  struct err *err);
void announce_close(struct announce *announce);

/* Send one frame about each address. */
void announce_send(const struct announce *announce, enum frame_kind kind);

/* The next claim of somebody else that @fd, a readable socket of @announce,
 * holds: the index of the address, and who; or -1 when there is none. */
int announce_hear(const struct announce *announce, int fd, uint8_t *ret_mac);

#endif
