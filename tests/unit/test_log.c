/* The log: the journal's protocol, plain lines, and never waiting. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "controller/daemon/log.h"
#include "tests/unit/sample.h"

struct journal {
	struct sample sample;
	char path[100];
	int fd;
	struct log *log;
};

static struct note down_note(void)
{
	return (struct note){
		.kind = NOTE_TARGET,
		.service = SAMPLE_API,
		.target = API1,
		.haproxy = NOTE_NONE,
		.incident = 17,
		.from = HEALTH_UP,
		.to = HEALTH_DOWN,
		.text = "3 checks\nfailed",
	};
}

static void journal_open(struct journal *j)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	sample_init(&j->sample);
	snprintf(j->path, sizeof(j->path), "%s/journal", j->sample.dir);
	memcpy(addr.sun_path, j->path, sizeof(j->path));
	j->fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	assert_int_equal(bind(j->fd, (void *)&addr, sizeof(addr)), 0);
	j->log = log_open_at(j->path, -1);
	assert_non_null(j->log);
}

static void journal_close(struct journal *j)
{
	log_close(j->log);
	close(j->fd);
	sample_done(&j->sample);
}

static const char *journal_read(struct journal *j)
{
	static char buf[8192];
	ssize_t n = recv(j->fd, buf, sizeof(buf) - 1, MSG_DONTWAIT);

	buf[n > 0 ? n : 0] = '\0';
	return buf;
}

static void gives_the_journal_every_field(void **state)
{
	struct journal j;
	struct note note = down_note();

	(void)state;
	journal_open(&j);
	log_note(j.log, &note, &j.sample.set, "target api/api1 UP -> DOWN");
	assert_string_equal(journal_read(&j),
			    "MESSAGE=target api/api1 UP -> DOWN\n"
			    "PRIORITY=4\n"
			    "SYSLOG_IDENTIFIER=basculed\n"
			    "BASCULE_EVENT=target\n"
			    "BASCULE_SERVICE=api\n"
			    "BASCULE_TARGET=api1\n"
			    "BASCULE_INCIDENT=17\n"
			    "BASCULE_FROM=UP\n"
			    "BASCULE_TO=DOWN\n"
			    "BASCULE_REASON=3 checks failed\n");
	journal_close(&j);
}

static void counts_what_a_frozen_journal_does_not_take(void **state)
{
	struct journal j;
	uint64_t dropped;
	int i;

	(void)state;
	journal_open(&j);
	for (i = 0; i < 5000; i++)
		log_line(j.log, NOTE_INFO, "line %d", i);
	dropped = log_dropped(j.log);
	assert_true(dropped > 0);
	while (journal_read(&j)[0] != '\0')
		;
	log_line(j.log, NOTE_INFO, "awake");
	assert_non_null(strstr(journal_read(&j), " lines were not taken"));
	assert_non_null(strstr(journal_read(&j), "MESSAGE=awake\n"));
	assert_int_equal(log_dropped(j.log), dropped);
	journal_close(&j);
}

static void goes_on_while_there_is_no_journal(void **state)
{
	struct log *log = log_open_at("/nonexistent/journal", -1);

	(void)state;
	log_line(log, NOTE_INFO, "lost");
	assert_int_equal(log_dropped(log), 1);
	log_close(log);
}

static void writes_lines_with_time_and_level(void **state)
{
	char buf[256] = "";
	struct log *log;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	log = log_open_at(NULL, fds[1]);
	log_line(log, NOTE_DEBUG, "not shown");
	log_line(log, NOTE_WARNING, "disk %s", "full");
	assert_true(read(fds[0], buf, sizeof(buf) - 1) > 0);
	assert_int_equal(strlen(buf), strlen("2026-11-20 17:05:22.123") +
					      strlen(" warning: disk full\n"));
	assert_non_null(strstr(buf, " warning: disk full\n"));
	log_close(log);
	close(fds[0]);
	close(fds[1]);
}

static void does_not_wait_for_a_full_pipe(void **state)
{
	char buf[65536], last[256];
	struct log *log;
	ssize_t n;
	int fds[2], i;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	log = log_open_at(NULL, fds[1]);
	for (i = 0; i < 5000; i++)
		log_line(log, NOTE_INFO, "line %d", i);
	assert_true(log_dropped(log) > 0);
	while ((n = read(fds[0], buf, sizeof(buf))) > 0)
		;
	log_line(log, NOTE_INFO, "awake");
	n = read(fds[0], last, sizeof(last) - 1);
	last[n > 0 ? n : 0] = '\0';
	assert_non_null(strstr(last, " lines were not taken by the log"));
	assert_non_null(strstr(last, " info: awake\n"));
	log_close(log);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_the_journal_every_field),
		cmocka_unit_test(counts_what_a_frozen_journal_does_not_take),
		cmocka_unit_test(goes_on_while_there_is_no_journal),
		cmocka_unit_test(writes_lines_with_time_and_level),
		cmocka_unit_test(does_not_wait_for_a_full_pipe),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
