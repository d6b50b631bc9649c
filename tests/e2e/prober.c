/* See from outside which hosts are primary, and for how long nobody or two.
 *
 *	prober ADDRESS PERIOD_US NAMESPACE...
 *
 * Every period each network namespace is asked whether one of its devices has
 * ADDRESS (IPv4), which is what the primary node has and no other.
 * Each change is a line "INSTANT_US HOLDERS", the instant on the loop's clock
 * and HOLDERS the numbers of those that have it ("1+3"; "-" for none; the
 * first namespace is 1).  SIGTERM, or the end of standard input, ends it with
 * the line
 *
 *	# samples N longest_gap_us N none_us N two_us N
 *
 * longest_gap_us is the longest that it was blind; none_us and two_us take a
 * state to last from the sample that found it to the next one.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "controller/io/loop.h"

#define HOSTS_MAX 9

struct prober {
	struct in_addr address;
	int sockets[HOSTS_MAX];
	unsigned hosts;
	unsigned holders; /* a bit for each host */
	struct instant sampled;
	uint64_t samples;
	int64_t longest_gap_us, none_us, two_us;
};

static void fail(const char *what)
{
	fprintf(stderr, "prober: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void enter(int namespace_fd)
{
	if (setns(namespace_fd, CLONE_NEWNET) < 0)
		fail("setns");
}

static int open_socket(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0)
		fail("netlink");
	return fd;
}

static int open_namespace(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		fail(path);
	return fd;
}

/* A socket stays in the namespace that it was made in. */
static void open_hosts(struct prober *p, char *const *paths)
{
	int home = open_namespace("/proc/self/ns/net");

	for (; *paths != NULL && p->hosts < HOSTS_MAX; paths++) {
		int fd = open_namespace(*paths);

		enter(fd);
		p->sockets[p->hosts++] = open_socket();
		close(fd);
	}
	enter(home);
	close(home);
}

static void ask(int fd)
{
	struct {
		struct nlmsghdr head;
		struct ifaddrmsg body;
	} request = {
		.head = { .nlmsg_len = sizeof(request),
			  .nlmsg_type = RTM_GETADDR,
			  .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.body = { .ifa_family = AF_INET },
	};

	if (send(fd, &request, sizeof(request), 0) < 0)
		fail("send");
}

static bool is_address(const struct nlmsghdr *head, struct in_addr address)
{
	struct ifaddrmsg *body = NLMSG_DATA(head);
	unsigned left = (unsigned)IFA_PAYLOAD(head);

	for (struct rtattr *a = IFA_RTA(body); RTA_OK(a, (int)left);
	     a = RTA_NEXT(a, left))
		if (a->rta_type == IFA_LOCAL &&
		    memcmp(RTA_DATA(a), &address, sizeof(address)) == 0)
			return true;
	return false;
}

static bool has_address(int fd, struct in_addr address)
{
	_Alignas(struct nlmsghdr) char buf[8192];
	bool found = false;

	ask(fd);
	for (;;) {
		ssize_t size = recv(fd, buf, sizeof(buf), 0);
		struct nlmsghdr *head = (struct nlmsghdr *)(void *)buf;

		if (size < 0)
			fail("recv");
		for (; NLMSG_OK(head, size); head = NLMSG_NEXT(head, size)) {
			if (head->nlmsg_type == NLMSG_DONE)
				return found;
			if (head->nlmsg_type == NLMSG_ERROR) {
				fprintf(stderr, "prober: refused\n");
				exit(1);
			}
			if (head->nlmsg_type == RTM_NEWADDR &&
			    is_address(head, address))
				found = true;
		}
	}
}

static unsigned ask_all(const struct prober *p)
{
	unsigned holders = 0;

	for (unsigned i = 0; i < p->hosts; i++)
		if (has_address(p->sockets[i], p->address))
			holders |= 1U << i;
	return holders;
}

static bool is_several(unsigned holders)
{
	return (holders & (holders - 1)) != 0;
}

static void print_change(const struct prober *p)
{
	const char *between = "";

	printf("%" PRId64 " ", p->sampled.us);
	if (p->holders == 0)
		printf("-");
	for (unsigned i = 0; i < p->hosts; i++) {
		if (!(p->holders & (1U << i)))
			continue;
		printf("%s%u", between, i + 1);
		between = "+";
	}
	printf("\n");
	fflush(stdout);
}

static void count_span(struct prober *p, int64_t span_us)
{
	if (span_us > p->longest_gap_us)
		p->longest_gap_us = span_us;
	if (p->holders == 0)
		p->none_us += span_us;
	else if (is_several(p->holders))
		p->two_us += span_us;
}

static void sample(struct prober *p)
{
	struct instant now = loop_clock();
	unsigned holders = ask_all(p);

	/* Hosts are asked one after the other, and a role may move meanwhile:
	 * those that have it before and after had it at one time. */
	if (is_several(holders))
		holders &= ask_all(p);
	if (p->samples++ > 0)
		count_span(p, instant_diff_us(p->sampled, now));
	p->sampled = now;
	if (p->samples > 1 && holders == p->holders)
		return;
	p->holders = holders;
	print_change(p);
}

static int open_signals(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (fd < 0)
		fail("signalfd");
	return fd;
}

/* Whoever started it and has died held the other end of standard input. */
static bool is_to_end(int signals)
{
	struct pollfd ends[] = { { .fd = signals, .events = POLLIN },
				 { .fd = STDIN_FILENO, .events = POLLIN } };

	return poll(ends, 2, 0) > 0;
}

static int open_timer(long period_us)
{
	struct timespec period = { .tv_sec = period_us / SECOND,
				   .tv_nsec = period_us % SECOND * 1000 };
	struct itimerspec spec = { .it_interval = period, .it_value = period };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

	if (fd < 0 || timerfd_settime(fd, 0, &spec, NULL) < 0)
		fail("timerfd");
	return fd;
}

/* Not to be kept waiting by what it measures. */
static void go_ahead_of_others(void)
{
	struct sched_param param = { .sched_priority = 50 };

	if (sched_setscheduler(0, SCHED_FIFO, &param) < 0)
		fprintf(stderr, "prober: runs at normal priority\n");
	mlockall(MCL_CURRENT | MCL_FUTURE);
}

int main(int argc, char **argv)
{
	struct prober p = { .hosts = 0 };
	long period_us = argc > 3 ? strtol(argv[2], NULL, 10) : 0;
	uint64_t expirations;
	int signals, timer;

	if (period_us <= 0 || argc > 3 + HOSTS_MAX ||
	    inet_pton(AF_INET, argv[1], &p.address) != 1) {
		fprintf(stderr,
			"usage: prober ADDRESS PERIOD_US NAMESPACE...\n");
		return 64;
	}
	signals = open_signals();
	open_hosts(&p, argv + 3);
	timer = open_timer(period_us);
	go_ahead_of_others();
	do {
		if (read(timer, &expirations, sizeof(expirations)) < 0)
			fail("timer");
		sample(&p);
	} while (!is_to_end(signals));
	printf("# samples %" PRIu64 " longest_gap_us %" PRId64
	       " none_us %" PRId64 " two_us %" PRId64 "\n",
	       p.samples, p.longest_gap_us, p.none_us, p.two_us);
	return 0;
}
