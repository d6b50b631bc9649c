#include "controller/io/rules.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <nftables/libnftables.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

struct rules {
	struct nft_ctx *nft;
};

static bool may_change(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct data[2] = { 0 };

	return syscall(SYS_capget, &head, data) == 0 &&
	       (data[0].effective & 1u << CAP_NET_ADMIN) != 0;
}

/* The library leaves its socket to every child. */
static void keep_to_ourselves(int fd)
{
	int protocol = -1;
	socklen_t size = sizeof(protocol);

	if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 &&
	    protocol == NETLINK_NETFILTER)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
}

int rules_open(struct rules **ret_rules, struct err *err)
{
	struct rules *rules;
	int fd;

	if (!may_change())
		return err_set(err, -EPERM,
			       "it needs CAP_NET_ADMIN: give it to basculed's "
			       "service (AmbientCapabilities=)");
	/* Where it gets no socket, the library ends the process. */
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	if (fd < 0)
		return err_set(err, -errno, "netlink: %s", strerror(errno));
	close(fd);
	rules = calloc(1, sizeof(*rules));
	if (rules != NULL)
		rules->nft = nft_ctx_new(NFT_CTX_DEFAULT);
	if (rules == NULL || rules->nft == NULL) {
		free(rules);
		return err_set(err, -ENOMEM, "out of memory");
	}
	keep_to_ourselves(fd);
	nft_ctx_buffer_error(rules->nft);
	nft_ctx_buffer_output(rules->nft);
	*ret_rules = rules;
	return 0;
}

void rules_close(struct rules *rules)
{
	if (rules == NULL)
		return;
	nft_ctx_free(rules->nft);
	free(rules);
}

/* The first line of what it says is enough for people. */
int rules_run(struct rules *rules, const char *text, struct err *err)
{
	const char *why;

	if (nft_run_cmd_from_buffer(rules->nft, text) == 0)
		return 0;
	why = nft_ctx_get_error_buffer(rules->nft);
	return err_set(err, -EIO, "nftables: %.*s", (int)strcspn(why, "\n"),
		       why);
}
