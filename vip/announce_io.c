#include "vip/announce_io.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAR_BYTES 128

/* Where a claim names its address (frame.c). */
#define ARP_SENDER_AT 28
#define ND_NEXT_AT    20
#define ND_TYPE_AT    54
#define ND_TARGET_AT  62
#define ND_ADVERTISE  136
#define NEXT_ICMPV6   58
#define WORDS_MAX     4
#define PROGRAM_MAX   (6 + VIP_ADDRESSES_MAX * (2 * WORDS_MAX + 1))
#define TAKE_ALL      0xffff
#define JUMP_EQUAL    (BPF_JMP | BPF_JEQ | BPF_K)
#define LOAD_WORD     (BPF_LD | BPF_W | BPF_ABS)
#define LOAD_BYTE     (BPF_LD | BPF_B | BPF_ABS)
#define RETURN        (BPF_RET | BPF_K)

struct program {
	struct sock_filter code[PROGRAM_MAX];
	unsigned short used;
};

static void add(struct program *p, unsigned short code, unsigned value,
		unsigned otherwise)
{
	p->code[p->used++] = (struct sock_filter){ .code = code,
						   .jf = (uint8_t)otherwise,
						   .k = value };
}

/* Take the frame if its words at @at are those of @address. */
static void add_address(struct program *p, unsigned at,
			const struct vip_address *address)
{
	unsigned words = address->ipv6 ? WORDS_MAX : 1, i;
	uint32_t word;

	for (i = 0; i < words; i++) {
		memcpy(&word, address->bytes + 4 * i, sizeof(word));
		add(p, LOAD_WORD, at + 4 * i, 0);
		add(p, JUMP_EQUAL, ntohl(word), 2 * (words - i) - 1);
	}
	add(p, RETURN, TAKE_ALL, 0);
}

static int listen_for(const struct announce *a, bool ipv6, struct err *err)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET,
				  .sll_ifindex = a->interface.index };
	struct program program = { .used = 0 };
	struct sock_fprog prog = { .filter = program.code };
	unsigned i, count = 0;
	int fd;

	if (ipv6) {
		add(&program, LOAD_BYTE, ND_NEXT_AT, 0);
		add(&program, JUMP_EQUAL, NEXT_ICMPV6, 2);
		add(&program, LOAD_BYTE, ND_TYPE_AT, 0);
		program.code[program.used++] = (struct sock_filter){
			.code = JUMP_EQUAL, .jt = 1, .k = ND_ADVERTISE
		};
		add(&program, RETURN, 0, 0);
	}
	for (i = 0; i < a->count; i++) {
		if (a->addresses[i].ipv6 != ipv6)
			continue;
		add_address(&program, ipv6 ? ND_TARGET_AT : ARP_SENDER_AT,
			    &a->addresses[i]);
		count++;
	}
	if (count == 0)
		return -1;
	add(&program, RETURN, 0, 0);
	prog.len = program.used;
	at.sll_protocol = htons(ipv6 ? ETH_P_IPV6 : ETH_P_ARP);
	/* Bound to a protocol only once it knows what to drop. */
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) ==
		    0 &&
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		return fd;
	err_set(err, -errno, "hearing of addresses: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

int announce_open(struct announce *a, const struct netlink_interface *interface,
		  const struct vip_address *addresses, unsigned count,
		  struct err *err)
{
	*a = (struct announce){ .interface = *interface,
				.addresses = addresses,
				.count = count,
				.out = -1,
				.arp = -1,
				.nd = -1 };
	if (interface->index == 0 || !interface->ethernet)
		return 0;
	err->code = 0;
	a->out = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (a->out < 0)
		return err_set(err, -errno, "announcing addresses: %s%s",
			       strerror(errno),
			       errno == EPERM ? " (CAP_NET_RAW is needed)"
					      : "");
	a->arp = listen_for(a, false, err);
	a->nd = listen_for(a, true, err);
	if (err->code < 0)
		announce_close(a);
	return err->code;
}

void announce_close(struct announce *a)
{
	if (a->out >= 0)
		close(a->out);
	if (a->arp >= 0)
		close(a->arp);
	if (a->nd >= 0)
		close(a->nd);
	a->out = a->arp = a->nd = -1;
}

void announce_send(const struct announce *a, enum frame_kind kind)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_ifindex = a->interface.index,
				  .sll_halen = FRAME_MAC_BYTES };
	uint8_t frame[FRAME_BYTES_MAX];
	ssize_t sent = 0;
	unsigned i;
	size_t size;

	for (i = 0; i < a->count && a->out >= 0; i++) {
		size = frame_build(kind, &a->addresses[i], a->interface.mac,
				   frame);
		memcpy(to.sll_addr, frame, FRAME_MAC_BYTES);
		to.sll_protocol =
			htons(a->addresses[i].ipv6 ? ETH_P_IPV6 : ETH_P_ARP);
		sent = sendto(a->out, frame, size, 0, (struct sockaddr *)&to,
			      sizeof(to));
	}
	/* One that is lost is followed by others. */
	(void)sent;
}

int announce_hear(const struct announce *a, int fd, uint8_t *ret_mac)
{
	uint8_t frame[HEAR_BYTES];
	ssize_t size;
	unsigned i;

	while ((size = recv(fd, frame, sizeof(frame), 0)) > 0)
		for (i = 0; i < a->count; i++)
			if (frame_claims(frame, (size_t)size, &a->addresses[i],
					 a->interface.mac, ret_mac))
				return (int)i;
	return -1;
}
