/* Stands in for systemd on D-Bus: units_fake SOCKET [STATES] listens there as
 * if it were the system bus, and prints each StartUnit and StopUnit.
 *
 * STATES is a file of lines "UNIT STATE": ActiveState, which whoever asks is
 * told, and whoever is connected is told of each change.
 *
 * What becomes of a unit is in its name: *ok* ends well after 20 ms, *fail*
 * badly, *hang* when it is stopped, *stuck* not even then, *denied* is not
 * permitted; others are not there.  Give clients
 * DBUS_SYSTEM_BUS_ADDRESS=unix:path=SOCKET.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

#define MANAGER "org.freedesktop.systemd1"
#define WORK_MS 20

#define UNITS_PATH "/org/freedesktop/systemd1/unit"
#define UNIT_FACE  MANAGER ".Unit"
#define PROPERTIES "org.freedesktop.DBus.Properties"
#define LOOK_US    5000
#define UNITS_MAX  8

struct state {
	char unit[64], state[32];
};

static unsigned last_job, hanging_job;
static const char *states_file;
static struct state states[UNITS_MAX];
static unsigned states_count;

static unsigned read_states(struct state *list)
{
	FILE *in = fopen(states_file, "r");
	unsigned count = 0;

	while (in != NULL && count < UNITS_MAX &&
	       fscanf(in, "%63s %31s", list[count].unit, list[count].state) ==
		       2)
		count++;
	if (in != NULL)
		fclose(in);
	return count;
}

static const char *state_of(const char *unit)
{
	unsigned i;

	for (i = 0; i < states_count; i++)
		if (strcmp(states[i].unit, unit) == 0)
			return states[i].state;
	return "inactive";
}

static void say_changed(sd_bus *bus, const char *unit, const char *state)
{
	sd_bus_message *m = NULL;
	char *path = NULL;

	if (sd_bus_path_encode(UNITS_PATH, unit, &path) >= 0 &&
	    sd_bus_message_new_signal(bus, &m, path, PROPERTIES,
				      "PropertiesChanged") >= 0 &&
	    sd_bus_message_append(m, "sa{sv}as", UNIT_FACE, 2, "InvocationID",
				  "s", "any", "ActiveState", "s", state,
				  0) >= 0 &&
	    sd_bus_message_set_sender(m, ":1.0") >= 0)
		sd_bus_send(bus, m, NULL);
	sd_bus_message_unref(m);
	free(path);
}

static void look_at_states(sd_bus *bus)
{
	struct state now[UNITS_MAX];
	unsigned count = read_states(now), i;

	for (i = 0; i < count; i++)
		if (strcmp(state_of(now[i].unit), now[i].state) != 0)
			say_changed(bus, now[i].unit, now[i].state);
	memcpy(states, now, sizeof(now));
	states_count = count;
}

static int answer_state(sd_bus_message *m)
{
	char *unit = NULL;
	int r;

	r = sd_bus_path_decode(sd_bus_message_get_path(m), UNITS_PATH, &unit);
	if (r > 0)
		r = sd_bus_reply_method_return(m, "v", "s", state_of(unit));
	free(unit);
	return r;
}

static int say_removed(sd_bus *bus, unsigned job, const char *unit,
		       const char *result)
{
	const struct timespec work = { .tv_nsec = WORK_MS * 1000000L };
	sd_bus_message *m = NULL;
	char path[64];
	int r;

	nanosleep(&work, NULL);
	snprintf(path, sizeof(path), "/org/freedesktop/systemd1/job/%u", job);
	r = sd_bus_message_new_signal(bus, &m, "/org/freedesktop/systemd1",
				      MANAGER ".Manager", "JobRemoved");
	if (r >= 0)
		r = sd_bus_message_append(m, "uoss", job, path, unit, result);
	if (r >= 0)
		r = sd_bus_message_set_sender(m, ":1.0");
	if (r >= 0)
		r = sd_bus_send(bus, m, NULL);
	sd_bus_message_unref(m);
	return r;
}

static int answer_job(sd_bus_message *m, unsigned job)
{
	char path[64];

	snprintf(path, sizeof(path), "/org/freedesktop/systemd1/job/%u", job);
	return sd_bus_reply_method_return(m, "o", path);
}

static int start_unit(sd_bus *bus, sd_bus_message *m, const char *unit)
{
	unsigned job = ++last_job;

	answer_job(m, job);
	if (strstr(unit, "ok") != NULL)
		return say_removed(bus, job, unit, "done");
	if (strstr(unit, "fail") != NULL)
		return say_removed(bus, job, unit, "failed");
	hanging_job = job;
	return 1;
}

static int stop_unit(sd_bus *bus, sd_bus_message *m, const char *unit)
{
	unsigned job = ++last_job;

	answer_job(m, job);
	if (strstr(unit, "stuck") != NULL)
		return 1;
	if (hanging_job != 0)
		say_removed(bus, hanging_job, unit, "canceled");
	hanging_job = 0;
	return say_removed(bus, job, unit, "done");
}

static int on_unit(sd_bus *bus, sd_bus_message *m, const char *verb)
{
	const char *unit, *mode;

	if (sd_bus_message_read(m, "ss", &unit, &mode) < 0)
		return -EBADMSG;
	printf("%s %s %s\n", verb, unit, mode);
	if (strstr(unit, "denied") != NULL)
		return sd_bus_reply_method_errorf(
			m,
			"org.freedesktop.DBus.Error.InteractiveAuthorization"
			"Required",
			"Interactive authentication required.");
	if (strstr(unit, "ok") == NULL && strstr(unit, "fail") == NULL &&
	    strstr(unit, "hang") == NULL && strstr(unit, "stuck") == NULL)
		return sd_bus_reply_method_errorf(m, MANAGER ".NoSuchUnit",
						  "Unit %s not found.", unit);
	return strcmp(verb, "StartUnit") == 0 ? start_unit(bus, m, unit)
					      : stop_unit(bus, m, unit);
}

static int on_message(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	const char *member = sd_bus_message_get_member(m);

	(void)error;
	if (sd_bus_message_is_method_call(m, "org.freedesktop.DBus", "Hello"))
		return sd_bus_reply_method_return(m, "s", ":1.1");
	if (sd_bus_message_is_method_call(m, "org.freedesktop.DBus", NULL))
		return sd_bus_reply_method_return(m, NULL);
	if (sd_bus_message_is_method_call(m, MANAGER ".Manager", "Subscribe"))
		return sd_bus_reply_method_return(m, NULL);
	if (sd_bus_message_is_method_call(m, PROPERTIES, "Get"))
		return answer_state(m);
	if (sd_bus_message_is_method_call(m, MANAGER ".Manager", NULL))
		return on_unit(arg, m, member);
	return 0;
}

/* One client after the other. */
static void serve(int fd)
{
	sd_bus *bus = NULL;
	sd_id128_t id;
	int r;

	sd_id128_randomize(&id);
	r = sd_bus_new(&bus);
	if (r >= 0)
		r = sd_bus_set_fd(bus, fd, fd);
	if (r >= 0)
		r = sd_bus_set_server(bus, 1, id);
	if (r >= 0)
		r = sd_bus_add_filter(bus, NULL, on_message, bus);
	if (r >= 0)
		r = sd_bus_start(bus);
	while (r >= 0) {
		r = sd_bus_process(bus, NULL);
		if (r == 0 && states_file != NULL)
			look_at_states(bus);
		if (r == 0)
			r = sd_bus_wait(bus, states_file != NULL ? LOOK_US
								 : UINT64_MAX);
	}
	sd_bus_close_unref(bus);
}

int main(int argc, char **argv)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int listener, fd;

	setvbuf(stdout, NULL, _IOLBF, 0);
	states_file = argc > 2 ? argv[2] : NULL;
	if (states_file != NULL)
		states_count = read_states(states);
	if (argc < 2 || argc > 3 || strlen(argv[1]) >= sizeof(at.sun_path))
		return 64;
	strcpy(at.sun_path, argv[1]);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(listener, 8) < 0) {
		perror(argv[1]);
		return EXIT_FAILURE;
	}
	puts("ready");
	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		serve(fd);
	return EXIT_FAILURE;
}
