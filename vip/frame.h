/* Ethernet frames about a virtual address: who has it, and who asks for it.
 *
 * IPv4 speaks ARP (RFC 826, RFC 5227), IPv6 neighbour discovery (RFC 4861).
 * Bytes out and bytes in, no sockets.
 */
#ifndef BASCULE_VIP_FRAME_H
#define BASCULE_VIP_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/core/vip.h"

#define FRAME_MAC_BYTES 6
#define FRAME_BYTES_MAX 96

enum frame_kind {
	FRAME_ANNOUNCE, /* "it is here": gratuitous ARP, unsolicited NA */
	FRAME_ASK       /* "has anybody got it?": ARP probe, DAD's NS */
};

/* Write the frame that an interface with @mac sends about @address into @buf,
 * FRAME_BYTES_MAX bytes.  Returns its size. */
size_t frame_build(enum frame_kind kind, const struct vip_address *address,
		   const uint8_t *mac, uint8_t *buf);

/* Whether a frame that was heard says that somebody else than @mac has
 * @address; then @ret_mac is who. */
bool frame_claims(const uint8_t *bytes, size_t size,
		  const struct vip_address *address, const uint8_t *mac,
		  uint8_t *ret_mac);

#endif
