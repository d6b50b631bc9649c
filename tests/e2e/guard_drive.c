/* Drives guard, office and hooks for tests: orders come on standard input,
 * facts go to standard output.
 *
 *	guard_drive FOLDER BUDGET_MS ON_PROMOTE ON_DEMOTE PROMOTE_MS DEMOTE_MS
 *
 *	renew MS		leader, the lease ends in MS, renewed all the
 *				time
 *	lease MS		the same once
 *	route MS		a routing lease, once
 *	follow			neither
 *	promote TERM EPOCH REASON [NOT_AFTER_MS]
 *	release REASON DEADLINE_MS
 *
 * What the guard is shown is answered with "shown" and the order's first word.
 * A hook is - for none.  A RESIGN is a line in FOLDER/resigned.  The end of
 * the input ends the program.
 */
#include <ev.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "controller/daemon/office.h"

#define BUDGET_MS  argv[2]
#define RENEWAL_S  0.01
#define LINE_BYTES 200

static struct loop *loop;
static struct guard_process *guard;
static struct office *office;
static struct guard_page page;
static int64_t lease_us;
static ev_timer renewal;
static int resigned_fd = -1;

static void on_resign(void *arg, const void *bytes, size_t size)
{
	struct message msg;
	char line[LINE_BYTES];
	int n;

	(void)arg;
	if (message_decode(bytes, size, &msg) < 0 || msg.kind != MESSAGE_RESIGN)
		_exit(3);
	n = snprintf(
		line, sizeof(line),
		"node %u term %llu successor %u message %llu\n", msg.from,
		(unsigned long long)msg.term, msg.resign.successor,
		(unsigned long long)(msg.sequence - MESSAGE_GUARD_SEQUENCE));
	if (write(resigned_fd, line, (size_t)n) < 0)
		_exit(3);
}

static void lead(void)
{
	page.leader = true;
	page.lease_end = instant_add(loop_clock(), lease_us);
	guard_process_tell(guard, &page);
}

static void on_renewal(struct ev_loop *ev, ev_timer *w, int events)
{
	(void)ev;
	(void)w;
	(void)events;
	lead();
}

static void on_guard(void *arg, bool alive)
{
	(void)arg;
	puts(alive ? "guard alive" : "guard dead");
}

static void tell(const char *what, const struct hook_outcome *outcome)
{
	printf("%s %d %lld %s\n", what, outcome->error,
	       (long long)outcome->took_us, outcome->text);
}

static void on_promoted(void *arg, const struct hook_outcome *outcome)
{
	(void)arg;
	tell("promoted", outcome);
}

static void on_released(void *arg, const struct hook_outcome *outcome)
{
	(void)arg;
	tell("released", outcome);
}

static struct instant in_ms(const char *text)
{
	return text == NULL ? INSTANT_NEVER
			    : instant_add(loop_clock(), atoll(text) * MS);
}

static void promote(char **words)
{
	struct err err = { 0 };
	int r;

	page.term = strtoull(words[1], NULL, 10);
	page.node = 11;
	page.successor = 22;
	guard_process_tell(guard, &page);
	r = office_promote(office, page.term, strtoull(words[2], NULL, 10),
			   words[3], in_ms(words[4]), on_promoted, NULL, &err);
	if (r < 0)
		printf("refused %d %s\n", r, err.text);
}

static void show(char **words)
{
	if (strcmp(words[0], "renew") == 0 || strcmp(words[0], "lease") == 0) {
		ev_timer_stop(loop_ev(loop), &renewal);
		lease_us = atoll(words[1]) * MS;
		lead();
	}
	if (strcmp(words[0], "route") == 0) {
		page.routing_end = in_ms(words[1]);
		guard_process_tell(guard, &page);
	}
	if (strcmp(words[0], "follow") == 0) {
		ev_timer_stop(loop_ev(loop), &renewal);
		page.leader = false;
		page.lease_end = page.routing_end = INSTANT_NONE;
		guard_process_tell(guard, &page);
	}
	if (strcmp(words[0], "renew") == 0)
		ev_timer_again(loop_ev(loop), &renewal);
	printf("shown %s\n", words[0]);
}

static void take(char *line)
{
	char *words[6] = { 0 }, *rest;
	int i;

	words[0] = strtok_r(line, " \n", &rest);
	for (i = 1; i < 5 && words[i - 1] != NULL; i++)
		words[i] = strtok_r(NULL, " \n", &rest);
	if (words[0] == NULL)
		return;
	if (strcmp(words[0], "promote") == 0)
		promote(words);
	else if (strcmp(words[0], "release") == 0)
		printf("releasing %d\n",
		       office_release(office, words[1], in_ms(words[2]),
				      on_released, NULL));
	else
		show(words);
}

/* One read is one or more whole lines: the tests write a line at a time. */
static void on_input(struct ev_loop *ev, ev_io *w, int events)
{
	static char text[4 * LINE_BYTES];
	char *line, *rest;
	ssize_t n = read(w->fd, text, sizeof(text) - 1);

	(void)events;
	if (n <= 0) {
		ev_break(ev, EVBREAK_ALL);
		return;
	}
	text[n] = '\0';
	for (line = strtok_r(text, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest))
		take(line);
}

static const char *hook(const char *word)
{
	return strcmp(word, "-") != 0 ? word : NULL;
}

static int fail(const struct err *err)
{
	printf("failed %s\n", err->text);
	return EXIT_FAILURE;
}

static int start(char **argv, struct err *err)
{
	struct guard_parts parts = { .folder = argv[1],
				     .budget_us = atoll(BUDGET_MS) * MS,
				     .resign = on_resign };
	struct office_parts rooms = { .folder = argv[1],
				      .node = "node1",
				      .on_promote = hook(argv[3]),
				      .on_demote = hook(argv[4]),
				      .promote_timeout_us = atoll(argv[5]) * MS,
				      .demote_timeout_us =
					      atoll(argv[6]) * MS };
	struct err warning = { 0 };
	char path[300];
	int r;

	snprintf(path, sizeof(path), "%s/resigned", argv[1]);
	resigned_fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	parts.keep[parts.keep_count++] = resigned_fd;
	r = guard_process_start(&guard, &parts, &warning, err);
	if (r < 0)
		return r;
	if (warning.text[0] != '\0')
		printf("warning %s\n", warning.text);
	r = loop_new(&loop, err);
	if (r < 0)
		return r;
	guard_process_watch(guard, loop, on_guard, NULL);
	rooms.loop = loop;
	rooms.guard = guard;
	return office_new(&office, &rooms, err);
}

int main(int argc, char **argv)
{
	struct err err = { 0 };
	ev_io input;
	int r;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != 7)
		return 64;
	page.lease_end = page.routing_end = INSTANT_NONE;
	if (start(argv, &err) < 0)
		return fail(&err);
	r = office_start(office, &err);
	printf("started %d %s\n", r, r < 0 ? err.text : "");
	ev_io_init(&input, on_input, STDIN_FILENO, EV_READ);
	ev_io_start(loop_ev(loop), &input);
	ev_timer_init(&renewal, on_renewal, 0., RENEWAL_S);
	loop_run(loop);
	ev_io_stop(loop_ev(loop), &input);
	ev_timer_stop(loop_ev(loop), &renewal);
	office_free(office);
	guard_process_free(guard, true);
	loop_free(loop);
	close(resigned_fd);
	return EXIT_SUCCESS;
}
