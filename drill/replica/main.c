/* The replica: a small API on loopback whose faults can be switched. */

#include "controller/config/value.h"
#include "controller/io/loop.h"
#include "drill/options.h"
#include "drill/replica/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define PORTS_MAX 60000

struct options {
	struct endpoint listen;
	struct endpoint control;
	bool has_listen;
	bool has_control;
	unsigned ports;
	const char *name;
	const char *pidfile;
	struct fault fault;
	uint64_t seed;
	unsigned payment_errors;
};

static const char help[] =
	"Usage: replica --listen ADDRESS:PORT [OPTION]...\n"
	"A small API server whose faults can be switched while it runs.\n"
	"\n"
	"  --listen ADDRESS:PORT   127.0.0.1:5000 or [::1]:5000; port 0 takes "
	"a\n"
	"                          free one, told on stdout: listening "
	"ADDRESS:PORT\n"
	"  --ports N               listen on N ports, from PORT on\n"
	"  --control ADDRESS:PORT  a second listener that no fault reaches, "
	"told\n"
	"                          on stdout: control ADDRESS:PORT\n"
	"  --name NAME             in /health (default: replica)\n"
	"  --fault FORM            the fault to begin with (default: "
	"kind=none)\n"
	"  --payment-errors N      percent of payments that fail (default: 5)\n"
	"  --seed N                which ones (default: 1)\n"
	"  --pidfile FILE          written when it listens, removed at its "
	"end\n"
	"  --help, --version\n"
	"\n"
	"Paths: /health, /api/doctors, /api/consultations, /api/payment,\n"
	"/metrics, /fault.  GET /fault shows the present fault as JSON, with\n"
	"since_us, when it was switched on (the clock of load --trace);\n"
	"POST /fault, from loopback only, switches it:\n"
	"\n"
	"  curl -d 'kind=slow&ms=300' http://127.0.0.1:5000/fault\n"
	"\n"
	"  kind=none                          all is well\n"
	"  kind=status&code=503               that status\n"
	"  kind=slow&ms=300                   answers that much later\n"
	"  kind=mute                          no answer while the fault lasts\n"
	"  kind=flap&up_ms=500&down_ms=500    down first: status code=503\n"
	"  kind=unhealthy                     200, \"status\":\"unhealthy\"\n"
	"  kind=garbage                       not HTTP, then close\n"
	"  kind=half                          half an answer, then close\n"
	"  kind=endless-headers               headers without end\n"
	"  kind=huge                          a body of 2 GiB\n"
	"  kind=bytes&ms=10                   byte by byte, one each ms\n"
	"  kind=refuse                        closes listener and connections\n"
	"  kind=full                          no new connection: queue full\n"
	"\n"
	"scope=health hits /health only, scope=all (the default) everything "
	"but\n"
	"/fault; port=N one of several ports.  kind=refuse and kind=full are\n"
	"taken on the control listener only: no other way back would be "
	"left.\n";

enum option_id {
	OPT_LISTEN = 1000,
	OPT_PORTS,
	OPT_CONTROL,
	OPT_NAME,
	OPT_FAULT,
	OPT_PAYMENT_ERRORS,
	OPT_SEED,
	OPT_PIDFILE,
};

static const struct option long_options[] = {
	{ "listen", required_argument, NULL, OPT_LISTEN },
	{ "ports", required_argument, NULL, OPT_PORTS },
	{ "control", required_argument, NULL, OPT_CONTROL },
	{ "name", required_argument, NULL, OPT_NAME },
	{ "fault", required_argument, NULL, OPT_FAULT },
	{ "payment-errors", required_argument, NULL, OPT_PAYMENT_ERRORS },
	{ "seed", required_argument, NULL, OPT_SEED },
	{ "pidfile", required_argument, NULL, OPT_PIDFILE },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static int set_number(int id, struct options *options, struct err *err)
{
	const int64_t max = id == OPT_PORTS            ? PORTS_MAX
			    : id == OPT_PAYMENT_ERRORS ? 100
						       : INT64_MAX;
	int64_t value;
	int r;

	r = arg_number(optarg, id == OPT_PORTS, max, &value, err);
	if (r < 0)
		return r;
	if (id == OPT_PORTS)
		options->ports = (unsigned)value;
	else if (id == OPT_PAYMENT_ERRORS)
		options->payment_errors = (unsigned)value;
	else
		options->seed = (uint64_t)value;
	return 0;
}

static int set_option(int id, void *arg, struct err *err)
{
	struct options *options = arg;

	switch (id) {
	case OPT_LISTEN:
		options->has_listen = true;
		return arg_endpoint(optarg, &options->listen, err);
	case OPT_CONTROL:
		options->has_control = true;
		return arg_endpoint(optarg, &options->control, err);
	case OPT_NAME:
		options->name = optarg;
		return value_name(optarg, err);
	case OPT_FAULT:
		return fault_parse(optarg, &options->fault, err);
	case OPT_PIDFILE:
		options->pidfile = optarg;
		return 0;
	default:
		return set_number(id, options, err);
	}
}

static const struct options_program program = {
	.name = "replica",
	.help = help,
	.list = long_options,
	.set = set_option,
};

/* Returns -1 to go on, or the exit status. */
static int read_options(int argc, char **argv, struct options *options)
{
	int r = options_read(&program, argc, argv, options);

	if (r < 0 && !options->has_listen)
		return options_usage(&program,
				     "--listen ADDRESS:PORT is missing");
	return r;
}

static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int write_pidfile(const char *path, struct err *err)
{
	FILE *file = fopen(path, "we");

	if (file == NULL)
		return err_set(err, -errno, "cannot write %s: %s", path,
			       strerror(errno));
	fprintf(file, "%ld\n", (long)getpid());
	if (fclose(file) == 0)
		return 0;
	return err_set(err, -errno, "cannot write %s: %s", path,
		       strerror(errno));
}

static void tell_endpoints(const struct server *server)
{
	char text[ENDPOINT_TEXT_MAX];

	endpoint_print(&server->listeners[0].endpoint, text);
	printf("listening %s\n", text);
	if (server->control.fd >= 0) {
		endpoint_print(&server->control.endpoint, text);
		printf("control %s\n", text);
	}
	fflush(stdout);
}

static int start(struct server *server, const struct options *options,
		 struct err *err)
{
	int r = 0;

	rng_init(&server->rng, options->seed);
	server->payment_errors = options->payment_errors;
	if (options->has_control)
		r = server_listen_control(server, &options->control, err);
	if (r == 0)
		r = server_listen(server, &options->listen, options->ports,
				  err);
	if (r == 0)
		r = server_set_fault(server, &options->fault, NULL, err);
	if (r == 0 && options->pidfile != NULL)
		r = write_pidfile(options->pidfile, err);
	return r;
}

static void on_signal(struct ev_loop *loop, ev_signal *signal, int revents)
{
	(void)signal;
	(void)revents;
	ev_break(loop, EVBREAK_ALL);
}

static void run(struct server *server)
{
	ev_signal term, interrupt;

	ev_signal_init(&term, on_signal, SIGTERM);
	ev_signal_init(&interrupt, on_signal, SIGINT);
	ev_signal_start(server->ev, &term);
	ev_signal_start(server->ev, &interrupt);
	tell_endpoints(server);
	loop_run(server->loop);
	ev_signal_stop(server->ev, &term);
	ev_signal_stop(server->ev, &interrupt);
}

static int serve(struct loop *loop, const struct options *options,
		 struct err *err)
{
	struct server server;
	int r;

	if (server_init(&server, loop, options->name, PACKAGE_VERSION) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	r = start(&server, options, err);
	if (r == 0)
		run(&server);
	server_done(&server);
	if (r == 0 && options->pidfile != NULL)
		unlink(options->pidfile);
	return r;
}

int main(int argc, char **argv)
{
	struct options options = {
		.ports = 1,
		.name = "replica",
		.seed = 1,
		.payment_errors = 5,
	};
	struct loop *loop = NULL;
	struct err err = { 0 };
	int r;

	r = read_options(argc, argv, &options);
	if (r >= 0)
		return r;
	raise_descriptor_limit();
	r = loop_new(&loop, &err);
	if (r == 0)
		r = serve(loop, &options, &err);
	loop_free(loop);
	if (r == 0)
		return EXIT_SUCCESS;
	fprintf(stderr, "replica: %s\n", err.text);
	return EXIT_FAILURE;
}
