/* Drives the hard state's file for tests.
 *
 *	hard_drive PATH
 *
 * First prints what is found there: "found TEXT", "missing", "damaged" or
 * "unreadable".  Then writes each line of standard input, numbered from 1, and
 * prints "stored NUMBER" or "failed NUMBER WHY".  Ends, with 0 if all is
 * written, at the end of the input.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "controller/daemon/hard_file.h"

static struct loop *loop;
static struct hard_file *file;
static uint64_t last;

static void on_answer(void *arg, uint64_t id, const char *error)
{
	(void)arg;
	if (error == NULL)
		printf("stored %llu\n", (unsigned long long)id);
	else
		printf("failed %llu %s\n", (unsigned long long)id, error);
	fflush(stdout);
}

static void find(const char *path)
{
	uint8_t buf[HARD_FILE_BYTES_MAX];
	size_t size = 0;
	int r = hard_file_read(path, buf, sizeof(buf), &size, NULL);

	if (r == 0)
		printf("found %.*s\n", (int)size, (const char *)buf);
	else if (r == -ENOENT)
		puts("missing");
	else
		puts(r == -EUCLEAN ? "damaged" : "unreadable");
	fflush(stdout);
}

static void on_input(struct ev_loop *ev, ev_io *w, int events)
{
	static char text[1 << 16];
	static size_t length;
	ssize_t n =
		read(STDIN_FILENO, text + length, sizeof(text) - 1 - length);
	char *line = text, *end;

	(void)ev;
	(void)w;
	(void)events;
	if (n <= 0) {
		loop_stop(loop);
		return;
	}
	length += (size_t)n;
	text[length] = '\0';
	while ((end = strchr(line, '\n')) != NULL) {
		hard_file_write(file, ++last, line, (size_t)(end - line));
		line = end + 1;
	}
	length = strlen(line);
	memmove(text, line, length);
}

int main(int argc, char **argv)
{
	struct err err = { 0 };
	ev_io input;

	if (argc != 2 || loop_new(&loop, &err) < 0 ||
	    hard_file_open(&file, loop, argv[1], on_answer, NULL, &err) < 0) {
		fprintf(stderr, "hard_drive: %s\n", err.text);
		return 2;
	}
	find(argv[1]);
	ev_io_init(&input, on_input, STDIN_FILENO, EV_READ);
	ev_io_start(loop_ev(loop), &input);
	loop_run(loop);
	return hard_file_close(file, 10 * SECOND) ? 0 : 1;
}
