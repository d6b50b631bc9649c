#include "vip/netlink_io.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define ANSWER_WAIT_US 200000 /* the kernel answers while it is asked */
#define ANSWER_BYTES   32768  /* of a dump, the kernel's largest */
#define ORDER_BYTES    256

static int open_socket(unsigned groups, int flags, struct err *err)
{
	struct sockaddr_nl own = { .nl_family = AF_NETLINK,
				   .nl_groups = groups };
	const struct timeval wait = { .tv_usec = ANSWER_WAIT_US };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags,
			NETLINK_ROUTE);
	int r;

	if (fd >= 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) == 0 &&
	    bind(fd, (struct sockaddr *)&own, sizeof(own)) == 0)
		return fd;
	r = err_set(err, -errno, "netlink: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	return r;
}

int netlink_open(struct err *err)
{
	return open_socket(0, 0, err);
}

int netlink_open_events(struct err *err)
{
	return open_socket(RTMGRP_LINK | RTMGRP_IPV4_IFADDR |
				   RTMGRP_IPV6_IFADDR,
			   SOCK_NONBLOCK, err);
}

int netlink_interface(const char *name, struct netlink_interface *ret_if)
{
	const int well = IFF_UP | IFF_RUNNING;
	struct ifreq ask = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r = 0;

	if (fd < 0)
		return -errno;
	*ret_if = (struct netlink_interface){ 0 };
	snprintf(ask.ifr_name, sizeof(ask.ifr_name), "%s", name);
	if (ioctl(fd, SIOCGIFINDEX, &ask) < 0)
		r = -ENODEV;
	ret_if->index = ask.ifr_ifindex;
	if (r == 0 && ioctl(fd, SIOCGIFFLAGS, &ask) == 0)
		ret_if->carrier = (ask.ifr_flags & well) == well;
	if (r == 0 && ioctl(fd, SIOCGIFHWADDR, &ask) == 0) {
		ret_if->ethernet = ask.ifr_hwaddr.sa_family == ARPHRD_ETHER;
		memcpy(ret_if->mac, ask.ifr_hwaddr.sa_data,
		       sizeof(ret_if->mac));
	}
	close(fd);
	return r;
}

static struct nlmsghdr *begin(void *buf, uint16_t type, uint16_t flags,
			      int interface, const struct vip_address *address)
{
	struct nlmsghdr *head = mnl_nlmsg_put_header(buf);
	struct ifaddrmsg *body;

	head->nlmsg_type = type;
	head->nlmsg_flags = NLM_F_REQUEST | flags;
	body = mnl_nlmsg_put_extra_header(head, sizeof(*body));
	body->ifa_family = address->ipv6 ? AF_INET6 : AF_INET;
	body->ifa_prefixlen = address->prefix;
	body->ifa_index = (unsigned)interface;
	mnl_attr_put(head, IFA_LOCAL, address->ipv6 ? 16 : 4, address->bytes);
	return head;
}

/* Ask, and run @fn over what is answered. */
static int ask(int fd, struct nlmsghdr *head, mnl_cb_t fn, void *arg)
{
	_Alignas(struct nlmsghdr) static char buf[ANSWER_BYTES];
	static unsigned last;
	int r = MNL_CB_OK;
	ssize_t size;

	head->nlmsg_seq = ++last;
	if (send(fd, head, head->nlmsg_len, 0) < 0)
		return -errno;
	while (r > MNL_CB_STOP) {
		size = recv(fd, buf, sizeof(buf), 0);
		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0)
			return errno == EAGAIN ? -ETIME : -errno;
		/* An answer that came late is another order's. */
		if (((struct nlmsghdr *)(void *)buf)->nlmsg_seq == last)
			r = mnl_cb_run(buf, (size_t)size, last, 0, fn, arg);
	}
	return r < 0 ? -errno : 0;
}

static int give(int fd, struct nlmsghdr *head)
{
	head->nlmsg_flags |= NLM_F_ACK;
	return ask(fd, head, NULL, NULL);
}

static int failed(struct err *err, int error, const char *what,
		  const struct vip_address *address)
{
	char text[VIP_TEXT_MAX];

	return err_set(err, error, "%s %s: %s%s", what, vip_text(address, text),
		       strerror(-error),
		       error == -EPERM ? " (CAP_NET_ADMIN is needed)" : "");
}

int netlink_add(int fd, int interface, const struct vip_address *address,
		uint32_t lifetime_s, struct err *err)
{
	struct ifa_cacheinfo lifetime = { .ifa_valid = lifetime_s,
					  .ifa_prefered = lifetime_s };
	_Alignas(struct nlmsghdr) char buf[ORDER_BYTES];
	struct nlmsghdr *head =
		begin(buf, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, interface,
		      address);
	int r;

	if (address->ipv6) {
		lifetime.ifa_prefered = 0;
		mnl_attr_put_u32(head, IFA_FLAGS,
				 IFA_F_NODAD | IFA_F_NOPREFIXROUTE);
	}
	mnl_attr_put(head, IFA_CACHEINFO, sizeof(lifetime), &lifetime);
	r = give(fd, head);
	return r < 0 ? failed(err, r, "adding", address) : 0;
}

int netlink_remove(int fd, int interface, const struct vip_address *address,
		   struct err *err)
{
	_Alignas(struct nlmsghdr) char buf[ORDER_BYTES];
	int r = give(fd, begin(buf, RTM_DELADDR, 0, interface, address));

	if (r == -EADDRNOTAVAIL || r == -ENODEV || r == -ENXIO)
		return 0;
	return r < 0 ? failed(err, r, "removing", address) : 1;
}

/* What a dump is searched for. */
struct search {
	int interface;
	const struct vip_address *addresses;
	unsigned count;
	uint8_t *prefixes;
};

/* IPv6 has no local one unless there is a peer. */
static int on_attribute(const struct nlattr *attr, void *arg)
{
	const struct nlattr **local = arg;
	uint16_t type = mnl_attr_get_type(attr);

	if (type == IFA_LOCAL || (type == IFA_ADDRESS && *local == NULL))
		*local = attr;
	return MNL_CB_OK;
}

static int on_address(const struct nlmsghdr *head, void *arg)
{
	const struct ifaddrmsg *body = mnl_nlmsg_get_payload(head);
	const struct search *search = arg;
	const struct nlattr *local = NULL;
	struct vip_address found = { .ipv6 = body->ifa_family == AF_INET6 };
	uint16_t size = found.ipv6 ? 16 : 4;
	unsigned i;

	if (body->ifa_index != (unsigned)search->interface)
		return MNL_CB_OK;
	mnl_attr_parse(head, sizeof(*body), on_attribute, &local);
	if (local == NULL || mnl_attr_get_payload_len(local) != size)
		return MNL_CB_OK;
	memcpy(found.bytes, mnl_attr_get_payload(local), size);
	for (i = 0; i < search->count; i++)
		if (vip_same(&found, &search->addresses[i]))
			search->prefixes[i] = body->ifa_prefixlen;
	return MNL_CB_OK;
}

int netlink_shows(int fd, int interface, const struct vip_address *addresses,
		  unsigned count, uint8_t *ret_prefixes, struct err *err)
{
	struct search search = { interface, addresses, count, ret_prefixes };
	_Alignas(struct nlmsghdr) char buf[ORDER_BYTES];
	struct nlmsghdr *head = mnl_nlmsg_put_header(buf);
	int r;

	head->nlmsg_type = RTM_GETADDR;
	head->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	mnl_nlmsg_put_extra_header(head, sizeof(struct ifaddrmsg));
	memset(ret_prefixes, 0, count);
	r = ask(fd, head, on_address, &search);
	if (r < 0)
		return err_set(err, r, "asking for addresses: %s",
			       strerror(-r));
	return 0;
}

void netlink_drain(int fd)
{
	char buf[ORDER_BYTES];

	/* ENOBUFS too: then something was lost, and there is more to read. */
	while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT | MSG_TRUNC) >= 0 ||
	       errno == ENOBUFS || errno == EINTR)
		;
}
