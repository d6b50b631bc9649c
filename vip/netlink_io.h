/* Addresses and interfaces of this machine, by rtnetlink.
 *
 * Each order is carried out by the kernel while it is given: they take some
 * tens of microseconds and wait for nobody outside.  Nothing here allocates,
 * so that the guard may use it.
 */
#ifndef BASCULE_VIP_NETLINK_IO_H
#define BASCULE_VIP_NETLINK_IO_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "controller/core/err.h"
#include "controller/core/vip.h"

/* An interface, and whether frames go through it. */
struct netlink_interface {
	int index;
	bool carrier;  /* up, and a cable in it */
	bool ethernet; /* it has a MAC and speaks ARP */
	uint8_t mac[6];
};

/* A socket to give orders by, or one that hears of every change of addresses
 * and interfaces.  Returns the descriptor or -errno with @err. */
int netlink_open(struct err *err);
int netlink_open_events(struct err *err);

/* Look @name up.  Returns 0 or -ENODEV. */
int netlink_interface(const char *name, struct netlink_interface *ret_if);

/* Add @address, or give it that lifetime anew.  The kernel removes it when it
 * is over.  IPv6 is usable at once (no duplicate address detection), is not
 * chosen for connections that this machine begins, and brings no route, since
 * the kernel would let that of the machine's own address end with it.
 *
 * @lifetime_s: whole seconds, at least 1.
 * Returns 0 or -errno with @err.
 */
int netlink_add(int fd, int interface, const struct vip_address *address,
		uint32_t lifetime_s, struct err *err);

/* Remove it.  Returns 1; 0 when it was not there, nor was its interface; or
 * -errno with @err. */
int netlink_remove(int fd, int interface, const struct vip_address *address,
		   struct err *err);

/* Which of @count @addresses the interface has, whatever their prefixes.
 *
 * @ret_prefixes: 0: it has it not; else the prefix that it has it with.
 * Returns 0 or -errno with @err.
 */
int netlink_shows(int fd, int interface, const struct vip_address *addresses,
		  unsigned count, uint8_t *ret_prefixes, struct err *err);

/* Read what netlink_open_events() made until it is empty: what it says is only
 * that there is something to look at. */
void netlink_drain(int fd);

#endif
