#include "drill/live/stage.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define START_MS 30000 /* machines stand still */
#define RATE     "200" /* client requests a second */

const char *const stage_names[STAGE_REPLICAS] = { "api1", "api2", "api3" };

/* The clients' HAProxy repeats nothing, so that they feel every fault. */
static const char haproxy_config[] =
	"global\n"
	"    stats socket %s mode 600 level admin\n"
	"    stats timeout 1h\n"
	"    nbthread 1\n"
	"defaults\n"
	"    mode http\n"
	"    retries 0\n"
	"    timeout connect 1s\n"
	"    timeout client 10s\n"
	"    timeout server 2s\n"
	"frontend fe_api\n"
	"    bind 127.0.0.1:%u\n"
	"    default_backend be_api\n"
	"backend be_api\n"
	"    balance roundrobin\n"
	"%s"
	"    server api1 127.0.0.1:%u%s\n"
	"    server api2 127.0.0.1:%u%s\n"
	"    server api3 127.0.0.1:%u%s\n";

/* Three nodes; the first drives HAProxy. */
static const char daemon_config[] =
	"node = \"node%u\";\n"
	"state_dir = \"%s/node%u\";\n"
	"control = { socket = \"%s/node%u/control.sock\"; };\n"
	"http = { listen = \"off\"; };\n"
	"cluster = { name = \"demo\"; key_file = \"%s/key\"; nodes = (\n"
	"  { name = \"node1\"; address = \"127.0.0.1:%u\"; },\n"
	"  { name = \"node2\"; address = \"127.0.0.1:%u\"; },\n"
	"  { name = \"node3\"; address = \"127.0.0.1:%u\"; } ); };\n"
	"primary = { on_promote = \"%s/promote\"; on_demote = \"/bin/true\";\n"
	"  demote_timeout = \"100ms\"; };\n"
	"haproxy = ( { name = \"local\"; node = \"node1\"; socket = \"%s\"; } "
	");\n"
	"services = (\n"
	"  { name = \"api\";\n"
	"    check = { type = \"http\"; path = \"/health\"; status = \"200\";\n"
	"              interval = \"100ms\"; fast_interval = \"20ms\";\n"
	/* A shorter pause would be a habit to bear, and be learned. */
	"              timeout = \"250ms\"; };\n"
	"    backend = \"be_api\"; min_up = 1;\n"
	/* The same are killed over and over. */
	"    flap_limit = 0;\n"
	"    targets = (\n"
	"      { name = \"api1\"; address = \"127.0.0.1:%u\"; },\n"
	"      { name = \"api2\"; address = \"127.0.0.1:%u\"; },\n"
	"      { name = \"api3\"; address = \"127.0.0.1:%u\"; } );\n"
	"  }\n"
	");\n";

/* What being primary means here: one's name in a file, whole at once.  The
 * next one overwrites it: there is nothing to undo. */
static const char promote_hook[] = "#!/bin/sh\n"
				   "echo \"$BASCULE_NODE\" >%s/primary.$$ &&\n"
				   "exec mv %s/primary.$$ %s/primary\n";

static int free_port(unsigned *ret_port, struct err *err)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t length = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, length) < 0 ||
	    getsockname(fd, (struct sockaddr *)&addr, &length) < 0) {
		int r = err_set(err, -errno, "no free port: %s",
				strerror(errno));

		if (fd >= 0)
			close(fd);
		return r;
	}
	*ret_port = ntohs(addr.sin_port);
	close(fd);
	return 0;
}

static int write_file(const char *path, const char *text, struct err *err)
{
	FILE *f = fopen(path, "w");

	if (f == NULL)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	fputs(text, f);
	if (fclose(f) != 0)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	return 0;
}

static void path_log(const struct stage *stage, const char *what, char *path)
{
	snprintf(path, PATH_MAX, "%s/%s-%s.log", stage->settings.logs,
		 stage->settings.daemon ? "bascule" : "baseline", what);
}

/* "listening 127.0.0.1:4711" or "control 127.0.0.1:4712". */
static int read_port(struct proc *proc, const char *word, unsigned *ret_port,
		     struct err *err)
{
	char line[128], format[32];
	int r = proc_line(proc, START_MS, line, sizeof(line), err);

	if (r < 0)
		return r;
	snprintf(format, sizeof(format), "%s 127.0.0.1:%%u", word);
	if (sscanf(line, format, ret_port) != 1)
		return err_set(err, -EPROTO, "replica said '%s'", line);
	return 0;
}

int stage_replica(struct stage *stage, unsigned i, struct err *err)
{
	char program[PATH_MAX], listen[32], control[32], log[PATH_MAX];
	const char *argv[] = { program, "--listen", listen,         "--control",
			       control, "--name",   stage_names[i], NULL };
	int r;

	snprintf(program, sizeof(program), "%s/drill/replica/replica",
		 stage->settings.build);
	snprintf(listen, sizeof(listen), "127.0.0.1:%u", stage->port[i]);
	snprintf(control, sizeof(control), "127.0.0.1:%u",
		 stage->fault_port[i]);
	path_log(stage, stage_names[i], log);
	r = proc_start(argv, log, true, &stage->replica[i], err);
	if (r >= 0)
		r = read_port(&stage->replica[i], "listening", &stage->port[i],
			      err);
	if (r >= 0)
		r = read_port(&stage->replica[i], "control",
			      &stage->fault_port[i], err);
	return r;
}

static int start_haproxy(struct stage *stage, struct err *err)
{
	const char *check =
		stage->settings.daemon ? "" : " check inter 2s fall 2 rise 2";
	char path[STAGE_PATH_MAX], text[2048], log[PATH_MAX];
	const char *argv[] = { stage->settings.haproxy, "-db", "-f", path,
			       NULL };
	int r;

	r = free_port(&stage->frontend, err);
	if (r < 0)
		return r;
	snprintf(stage->socket, sizeof(stage->socket), "%s/haproxy.sock",
		 stage->dir);
	snprintf(path, sizeof(path), "%s/haproxy.cfg", stage->dir);
	snprintf(text, sizeof(text), haproxy_config, stage->socket,
		 stage->frontend,
		 stage->settings.daemon ? ""
					: "    option httpchk GET /health\n"
					  "    http-check expect status 200\n",
		 stage->port[0], check, stage->port[1], check, stage->port[2],
		 check);
	r = write_file(path, text, err);
	if (r < 0)
		return r;
	path_log(stage, "haproxy", log);
	r = proc_start(argv, log, false, &stage->haproxy, err);
	if (r < 0)
		return r;
	return ruler_open(&stage->ruler, stage->socket, "be_api", START_MS,
			  err);
}

int stage_node(struct stage *stage, unsigned i, struct err *err)
{
	char program[PATH_MAX], path[STAGE_PATH_MAX], log[PATH_MAX], what[32];
	const char *argv[] = { program, "-c", path, NULL };

	snprintf(program, sizeof(program), "%s/controller/daemon/basculed",
		 stage->settings.build);
	snprintf(path, sizeof(path), "%s/node%u.conf", stage->dir, i + 1);
	snprintf(what, sizeof(what), "node%u", i + 1);
	path_log(stage, what, log);
	return proc_start(argv, log, false, &stage->node[i], err);
}

static int write_node(const struct stage *stage, unsigned i, struct err *err)
{
	char path[STAGE_PATH_MAX], text[4096];
	const char *dir = stage->dir;
	const unsigned *n = stage->node_port;

	snprintf(path, sizeof(path), "%s/node%u", dir, i + 1);
	if (mkdir(path, 0755) < 0)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	snprintf(path, sizeof(path), "%s/node%u.conf", dir, i + 1);
	snprintf(text, sizeof(text), daemon_config, i + 1, dir, i + 1, dir,
		 i + 1, dir, n[0], n[1], n[2], dir, stage->socket,
		 stage->port[0], stage->port[1], stage->port[2]);
	return write_file(path, text, err);
}

static int write_key(const struct stage *stage, struct err *err)
{
	char program[PATH_MAX], path[STAGE_PATH_MAX];
	const char *argv[] = { program, "keygen", path, NULL };
	struct proc keygen = { .out = -1 };
	int r;

	snprintf(program, sizeof(program), "%s/cli/bascule",
		 stage->settings.build);
	snprintf(path, sizeof(path), "%s/key", stage->dir);
	r = proc_start(argv, "/dev/null", false, &keygen, err);
	if (r >= 0)
		proc_end(&keygen, 0, START_MS);
	return r;
}

static int start_nodes(struct stage *stage, struct err *err)
{
	char path[STAGE_PATH_MAX], text[400];
	unsigned i;
	int r;

	snprintf(stage->control, sizeof(stage->control),
		 "%s/node1/control.sock", stage->dir);
	snprintf(stage->primary, sizeof(stage->primary), "%s/primary",
		 stage->dir);
	snprintf(path, sizeof(path), "%s/promote", stage->dir);
	snprintf(text, sizeof(text), promote_hook, stage->dir, stage->dir,
		 stage->dir);
	r = write_key(stage, err);
	if (r >= 0)
		r = write_file(path, text, err);
	if (r >= 0 && chmod(path, 0755) < 0)
		r = err_set(err, -errno, "%s: %s", path, strerror(errno));
	for (i = 0; r >= 0 && i < STAGE_NODES; i++)
		r = free_port(&stage->node_port[i], err);
	for (i = 0; r >= 0 && i < STAGE_NODES; i++)
		r = write_node(stage, i, err);
	for (i = 0; r >= 0 && i < STAGE_NODES; i++)
		r = stage_node(stage, i, err);
	return r;
}

int stage_primary(const struct stage *stage)
{
	FILE *f = fopen(stage->primary, "r");
	int number = 0;

	if (f == NULL)
		return -1;
	if (fscanf(f, "node%d", &number) != 1)
		number = 0;
	fclose(f);
	return number - 1;
}

static int start_load(struct stage *stage, struct err *err)
{
	char program[PATH_MAX], url[64], log[PATH_MAX];
	const char *argv[] = { program,  "--url",   url,
			       "--rate", RATE,      "--connections",
			       "new",    "--trace", stage->trace,
			       NULL };

	snprintf(program, sizeof(program), "%s/drill/load/load",
		 stage->settings.build);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/api/doctors",
		 stage->frontend);
	path_log(stage, "load", log);
	return proc_start(argv, log, false, &stage->load, err);
}

static int start_all(struct stage *stage, struct err *err)
{
	unsigned i;
	int r;

	for (i = 0; i < STAGE_REPLICAS; i++) {
		r = stage_replica(stage, i, err);
		if (r < 0)
			return r;
	}
	r = start_haproxy(stage, err);
	if (r >= 0 && stage->settings.daemon)
		r = start_nodes(stage, err);
	return r < 0 ? r : start_load(stage, err);
}

int stage_start(struct stage *stage, const struct stage_settings *settings,
		const char *name, struct err *err)
{
	unsigned i;
	int r;

	memset(stage, 0, sizeof(*stage));
	stage->settings = *settings;
	stage->ruler.fd = -1;
	for (i = 0; i < STAGE_REPLICAS; i++)
		stage->replica[i].out = -1;
	for (i = 0; i < STAGE_NODES; i++)
		stage->node[i].out = -1;
	stage->haproxy.out = stage->load.out = -1;
	snprintf(stage->trace, sizeof(stage->trace), "%s/%s-clients.trace",
		 settings->logs, name);
	snprintf(stage->dir, sizeof(stage->dir), "/tmp/bascule-%s.XXXXXX",
		 name);
	if (mkdtemp(stage->dir) == NULL)
		return err_set(err, -errno, "%s: %s", stage->dir,
			       strerror(errno));
	r = start_all(stage, err);
	if (r < 0)
		stage_end(stage);
	return r;
}

static void remove_dir(const char *dir)
{
	const char *const argv[] = { "/bin/rm", "-rf", dir, NULL };
	struct proc rm = { .out = -1 };

	if (proc_start(argv, "/dev/null", false, &rm, NULL) == 0)
		proc_end(&rm, 0, 5000);
}

void stage_end(struct stage *stage)
{
	unsigned i;

	proc_end(&stage->load, SIGTERM, 3000);
	for (i = 0; i < STAGE_NODES; i++)
		proc_end(&stage->node[i], SIGTERM, 5000);
	ruler_close(&stage->ruler);
	proc_end(&stage->haproxy, SIGTERM, 1000);
	for (i = 0; i < STAGE_REPLICAS; i++)
		proc_end(&stage->replica[i], SIGTERM, 1000);
	remove_dir(stage->dir);
}

static size_t swallow(char *data, size_t size, size_t count, void *arg)
{
	(void)data;
	(void)arg;
	return size * count;
}

int stage_fault(struct stage *stage, unsigned i, const char *form,
		struct err *err)
{
	CURL *curl = curl_easy_init();
	char url[64];
	CURLcode code;

	if (curl == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/fault",
		 stage->fault_port[i]);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, form);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, swallow);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 30000L);
	code = curl_easy_perform(curl);
	curl_easy_cleanup(curl);
	if (code != CURLE_OK)
		return err_set(err, -EIO, "%s: %s", url,
			       curl_easy_strerror(code));
	return 0;
}
