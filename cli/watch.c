/* bascule watch: the status, live in the terminal. */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/fields.h"
#include "cli/options.h"
#include "cli/status.h"
#include "cli/terminal.h"
#include "controller/io/loop.h"

#define ENTER "\033[?1049h\033[?25l" /* other screen, no cursor */
#define LEAVE "\033[?25h\033[?1049l"
#define HOME  "\033[H"
#define REST  "\033[J" /* clear to the end of the screen */
#define EOL   "\033[K"

/* Between two drawings, whatever happens: a tenth of a second, and so many
 * times as long as the last one took, so as not to keep a daemon of thousands
 * of targets busy with being watched. */
#define PAUSE_MS    100
#define PAUSE_TIMES 9

struct watch {
	const char *socket, *count_text;
	struct client *status, *events;
	struct status_view view;
	struct termios before; /* of the terminal */
	bool live;             /* on a terminal */
	bool quit;
};

static volatile sig_atomic_t ended;

static void on_signal(int number)
{
	(void)number;
	ended = 1;
}

/* Ask for the state and write it as text, or why there is none. */
static char *make_text(struct watch *w, int *ret_code)
{
	struct err err = { 0 };
	json_t *status = NULL;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		return NULL;
	if (client_get(w->status, "/api/v1/status", &status, &err) == 0) {
		status_print(status, &w->view, out);
		*ret_code = status_code(status);
	} else {
		fprintf(out, "%s\n", err.text);
		*ret_code = STATUS_UNREACHABLE;
	}
	json_decref(status);
	fclose(out);
	return text;
}

/* The lines of @text that fit, each cleared to its end. */
static void draw_lines(const char *text, unsigned lines)
{
	fputs(HOME, stdout);
	while (*text != '\0' && lines > 1) {
		size_t length = strcspn(text, "\n");

		printf("%.*s" EOL "\r\n", (int)length, text);
		text += length + (text[length] == '\n');
		lines--;
	}
	fputs(REST, stdout);
	if (*text != '\0')
		fputs("... (the window is too small)", stdout);
	fflush(stdout);
}

/* Returns how long to wait before the next. */
static int draw(struct watch *w)
{
	struct instant start = loop_clock();
	unsigned lines;
	int64_t took_us;
	char *text;
	int code;

	terminal_size(&w->view.style.width, &lines);
	text = make_text(w, &code);
	if (text != NULL)
		draw_lines(text, lines);
	free(text);
	took_us = instant_diff_us(start, loop_clock());
	return PAUSE_MS + (int)(took_us / MS) * PAUSE_TIMES;
}

/* Wait for a key, at most so long.  Ctrl-C comes as one, so that it is left
 * as tidily as by q. */
static void take_keys(struct watch *w, int wait_ms)
{
	struct pollfd fd = { .fd = STDIN_FILENO, .events = POLLIN };
	char keys[32];
	ssize_t n;

	if (poll(&fd, 1, wait_ms) <= 0)
		return;
	n = read(STDIN_FILENO, keys, sizeof(keys));
	for (ssize_t i = 0; i < n; i++)
		if (keys[i] == 'q' || keys[i] == 'Q' || keys[i] == 3)
			w->quit = true;
	if (n == 0 || (n < 0 && errno != EINTR))
		w->quit = true; /* the terminal has gone */
}

static bool on_event(const json_t *event, void *arg)
{
	(void)event;
	(void)arg;
	return true;
}

/* Called on each key, each event and each second. */
static bool on_idle(void *arg)
{
	struct watch *w = arg;

	take_keys(w, 0);
	if (w->quit || ended)
		return false;
	take_keys(w, draw(w));
	return !w->quit;
}

static int enter(struct watch *w)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, &w->before) < 0)
		return -errno;
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	raw = w->before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
	fputs(ENTER, stdout);
	return 0;
}

static void leave(const struct watch *w)
{
	fputs(LEAVE, stdout);
	fflush(stdout);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &w->before);
}

/* Follow events; while the daemon is away, only look each second. */
static int watch_live(struct watch *w)
{
	struct client_stream stream = { .event = on_event,
					.idle = on_idle,
					.arg = w,
					.wake_fd = STDIN_FILENO };

	if (enter(w) < 0)
		return complain("standard input is no terminal");
	while (!w->quit && !ended) {
		if (client_follow(w->events, "/api/v1/events?follow=1", &stream,
				  NULL) == 0)
			break;
		draw(w);
		take_keys(w, 1000);
	}
	leave(w);
	return EXIT_FINE;
}

/* Not on a terminal: print each second, @count times; 0: until ended. */
static int watch_printing(struct watch *w, unsigned long count)
{
	int code = EXIT_FINE;
	char *text;

	for (unsigned long i = 0;;) {
		text = make_text(w, &code);
		if (text != NULL)
			fputs(text, stdout);
		free(text);
		if (fflush(stdout) != 0)
			return EXIT_FAILED;
		if (++i == count)
			return code;
		sleep(1);
		putchar('\n');
	}
}

static int start(struct watch *w)
{
	unsigned long count = 0;
	struct err err = { 0 };
	unsigned lines;

	if (w->count_text != NULL)
		count = strtoul(w->count_text, NULL, 10);
	terminal_size(&w->view.style.width, &lines);
	w->live = lines > 0 && isatty(STDIN_FILENO) == 1 && count == 0;
	if (client_new(w->socket, &w->status, &err) < 0 ||
	    client_new(w->socket, &w->events, &err) < 0)
		return complain("%s", err.text);
	return w->live ? watch_live(w) : watch_printing(w, count);
}

int watch_run(const struct command *cmd, int argc, char **argv)
{
	struct watch w = { .view.style.colour = terminal_colour() };
	int code;
	const struct option_row rows[] = {
		{ "all", 'a', OPTION_FLAG, &w.view.all },
		{ "count", 'n', OPTION_TEXT, &w.count_text },
		{ "socket", 0, OPTION_TEXT, &w.socket },
		{ 0 },
	};

	code = options_parse_alone(cmd, argc, argv, rows);
	if (code != OPTIONS_GO_ON)
		return code;
	code = start(&w);
	client_free(w.status);
	client_free(w.events);
	return code;
}
