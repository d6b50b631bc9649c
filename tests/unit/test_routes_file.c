/* How routes of database groups end without the daemon: what is written, and
 * what HAProxies are told. */

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "controller/daemon/routes_file.h"
#include "controller/io/loop.h"

#define TOLD                                                                   \
	"set server be_db/pg1 state maint;shutdown sessions server be_db/pg1;" \
	"set server be_db/pg2 state maint;shutdown sessions server "           \
	"be_db/pg2\n"

static struct failover_settings failover;
static struct target_settings targets[] = { { .name = "pg1" },
					    { .name = "pg2" } };
static struct service_settings services[] = {
	{ .name = "db",
	  .backend = "be_db",
	  .failover = &failover,
	  .target_count = 2 },
	{ .name = "api", .backend = "be_api", .target_count = 2 },
};
static struct haproxy_settings haproxies[3];
static struct settings set;
static char folder[64], socket_path[100];
static pid_t peer;

static int set_up(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/bascule-routes.XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(socket_path, sizeof(socket_path), "%s/sock", folder);
	failover.mode = FAILOVER_AUTOMATIC;
	memset(haproxies, 0, sizeof(haproxies));
	haproxies[0] = (struct haproxy_settings){ .name = "lb",
						  .socket = socket_path };
	set = (struct settings){ .node = "n1",
				 .services = services,
				 .service_count = 2,
				 .targets = targets,
				 .target_count = 2,
				 .haproxies = haproxies,
				 .haproxy_count = 1 };
	peer = 0;
	return 0;
}

static int tear_down(void **state)
{
	char path[200];

	(void)state;
	if (peer > 0) {
		kill(peer, SIGKILL);
		waitpid(peer, NULL, 0);
	}
	unlink(socket_path);
	snprintf(path, sizeof(path), "%s/routes", folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/told", folder);
	unlink(path);
	return rmdir(folder);
}

/* A HAProxy: hears one line, writes it to "told", answers and ends. */
static void play(int listener, const char *answer)
{
	char line[4096], path[200];
	int fd = accept(listener, NULL, NULL);
	ssize_t n = recv(fd, line, sizeof(line), 0);
	FILE *file;

	snprintf(path, sizeof(path), "%s/told", folder);
	file = fopen(path, "w");
	if (n > 0)
		fwrite(line, 1, (size_t)n, file);
	fclose(file);
	if (answer == NULL)
		pause();
	send(fd, answer, strlen(answer), MSG_NOSIGNAL);
	_exit(0);
}

static void haproxy(const char *answer)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(un.sun_path, socket_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(listen(fd, 8), 0);
	peer = fork();
	if (peer == 0)
		play(fd, answer);
	close(fd);
}

static int run(int64_t span_us, struct err *err)
{
	assert_int_equal(routes_file_write(folder, &set, err), 0);
	return routes_file_withdraw(folder, instant_add(loop_clock(), span_us),
				    err);
}

static void every_server_of_a_group_is_written(void **state)
{
	char text[4096], want[1024];

	(void)state;
	haproxies[1] = (struct haproxy_settings){ .name = "tcp",
						  .host = "127.0.0.1",
						  .port = 9999 };
	haproxies[2] = (struct haproxy_settings){ .name = "elsewhere",
						  .node = "n2",
						  .socket = "/x" };
	haproxies[0].master_socket = "/run/m";
	set.haproxy_count = 3;
	assert_true(routes_file_print(&set, text, sizeof(text)) > 0);
	snprintf(want, sizeof(want),
		 "# bascule routes 1\nunix %s\n" TOLD
		 "master /run/m\nsessions be_db/pg1 be_db/pg2\n"
		 "tcp 9999 127.0.0.1\n" TOLD "# end\n",
		 socket_path);
	assert_string_equal(text, want);
	assert_int_equal(routes_file_print(&set, text, 100), -EFBIG);
}

static void nothing_is_written_without_a_group(void **state)
{
	char text[100], path[200];
	struct err err;

	(void)state;
	assert_int_equal(routes_file_write(folder, &set, &err), 0);
	snprintf(path, sizeof(path), "%s/routes", folder);
	assert_int_equal(access(path, F_OK), 0);
	failover.mode = FAILOVER_OBSERVE;
	assert_int_equal(routes_file_print(&set, text, sizeof(text)), 0);
	assert_int_equal(routes_file_write(folder, &set, &err), 0);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(routes_file_withdraw(folder, loop_clock(), &err), 0);
}

static void a_haproxy_is_told(void **state)
{
	char path[200], told[4096] = "";
	struct err err;
	FILE *file;

	(void)state;
	haproxy("\n\n\n");
	assert_int_equal(run(MINUTE, &err), 0);
	snprintf(path, sizeof(path), "%s/told", folder);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_true(fread(told, 1, sizeof(told) - 1, file) > 0);
	fclose(file);
	assert_string_equal(told, TOLD);
}

static void write_file(const char *text)
{
	char path[200];
	FILE *file;

	snprintf(path, sizeof(path), "%s/routes", folder);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

#define MASTER                                                                 \
	"# bascule routes 1\nmaster %s\nsessions be_db/pg1 be_db/pg2\n# end\n"

static void a_master_that_hangs_has_not_done_it(void **state)
{
	char text[400];
	struct err err;

	(void)state;
	haproxy(NULL);
	snprintf(text, sizeof(text), MASTER, socket_path);
	write_file(text);
	assert_true(routes_file_withdraw(folder,
					 instant_add(loop_clock(), 200 * MS),
					 &err) < 0);
	assert_non_null(strstr(err.text, socket_path));
}

static void where_no_master_listens_nobody_leaves(void **state)
{
	char text[400];
	struct err err;

	(void)state;
	snprintf(text, sizeof(text), MASTER, socket_path);
	write_file(text);
	assert_int_equal(routes_file_withdraw(folder,
					      instant_add(loop_clock(), MINUTE),
					      &err),
			 0);
}

static void one_that_is_not_there_routes_nothing(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(run(SECOND, &err), 0);
}

static void a_server_that_it_does_not_know_is_not_routed(void **state)
{
	struct err err;

	(void)state;
	haproxy("No such server.\n\n\n");
	assert_int_equal(run(MINUTE, &err), 0);
}

static void a_refusal_is_an_error(void **state)
{
	struct err err;

	(void)state;
	haproxy("Permission denied\n\n");
	assert_int_equal(run(MINUTE, &err), -EIO);
	assert_non_null(strstr(err.text, "Permission denied"));
}

static void silence_is_waited_for_until_the_deadline(void **state)
{
	struct err err;

	(void)state;
	haproxy(NULL);
	assert_int_equal(run(20 * MS, &err), -ETIMEDOUT);
	assert_non_null(strstr(err.text, "does not answer"));
}

static void half_a_file_is_refused(void **state)
{
	char text[4096];
	struct err err;
	int size, i;

	(void)state;
	size = routes_file_print(&set, text, sizeof(text));
	for (i = 0; i < size; i++) {
		char cut[4096];

		snprintf(cut, sizeof(cut), "%.*s", i, text);
		assert_int_equal(routes_file_carry_out(cut, loop_clock(), &err),
				 -EBADMSG);
	}
}

static void somebody_elses_file_is_not_obeyed(void **state)
{
	char path[200];
	struct err err;

	(void)state;
	assert_int_equal(routes_file_write(folder, &set, &err), 0);
	snprintf(path, sizeof(path), "%s/routes", folder);
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(routes_file_withdraw(folder, loop_clock(), &err),
			 -EPERM);
}

static void a_name_is_refused(void **state)
{
	struct err err;

	(void)state;
	haproxies[0] = (struct haproxy_settings){ .name = "lb",
						  .host = "lb.example",
						  .port = 9999 };
	assert_int_equal(routes_file_write(folder, &set, &err), -EINVAL);
	assert_non_null(strstr(err.text, "its address is a name"));
}

#define CASE(NAME) cmocka_unit_test_setup_teardown(NAME, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(every_server_of_a_group_is_written),
		CASE(nothing_is_written_without_a_group),
		CASE(a_haproxy_is_told),
		CASE(a_master_that_hangs_has_not_done_it),
		CASE(where_no_master_listens_nobody_leaves),
		CASE(one_that_is_not_there_routes_nothing),
		CASE(a_server_that_it_does_not_know_is_not_routed),
		CASE(a_refusal_is_an_error),
		CASE(silence_is_waited_for_until_the_deadline),
		CASE(half_a_file_is_refused),
		CASE(somebody_elses_file_is_not_obeyed),
		CASE(a_name_is_refused),
	};

	return cmocka_run_group_tests_name("routes_file", tests, NULL, NULL);
}
