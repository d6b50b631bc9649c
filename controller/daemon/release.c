#include "controller/daemon/release.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "controller/daemon/guard_page.h"
#include "controller/daemon/recipe.h"
#include "controller/daemon/routes_file.h"
#include "controller/daemon/unit.h"
#include "controller/io/environment.h"
#include "controller/io/loop.h"
#include "vip/netlink_io.h"
#include "vip/track_io.h"

#define CANCEL_US    (2 * SECOND) /* for a unit's start to be given up */
#define KILL_WAIT_US (1 * SECOND) /* for what was killed to be gone */
#define LOCK_WAIT_US (5 * SECOND) /* for a guard to have finished */
#define ROUTES_US    (500 * MS)   /* for the HAProxies to answer */
/* For the demote hook, at the least: where nothing but it is left to do,
 * ending it early leaves more behind than it saves. */
#define DEMOTE_US (1 * SECOND)

/* One thing to do: a program, or a unit. */
struct task {
	enum unit_verb verb;
	const char *unit; /* NULL: a program */
	const char *program;
	char *const *env;
	struct instant until;
};

static void forget_signals(void)
{
	sigset_t none;
	int number;

	for (number = 1; number < NSIG; number++)
		signal(number, number == SIGTERM ? SIG_IGN : SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int do_unit(const struct task *task)
{
	struct unit *unit;
	struct err err;
	int r;

	r = unit_ask(&unit, task->verb, task->unit, &err);
	if (r == 0)
		r = unit_wait(unit, task->until, &err);
	if (r < 0)
		dprintf(2, "release: %s: %s\n", task->unit, err.text);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* In the child.  What was opened close-on-exec goes away by itself. */
static void do_task(const struct task *task)
{
	char *const argv[] = { (char *)task->program, NULL };

	setpgid(0, 0);
	forget_signals();
	dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), 0);
	dup2(2, 1);
	if (task->unit != NULL)
		_exit(do_unit(task));
	execvpe(task->program, argv, task->env);
	dprintf(2, "release: %s: %s\n", task->program, strerror(errno));
	_exit(127);
}

static int judge(int status, const char *name, struct err *err)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status))
		return err_set(err, -EIO, "%s: exit status %d", name,
			       WEXITSTATUS(status));
	return err_set(err, -EIO, "%s: killed by signal %d", name,
		       WTERMSIG(status));
}

/* Its whole group ends with it, at the deadline at the latest.  It is killed
 * before its leader is waited for, while their number is nobody else's; after
 * that the kernel tells whether anything is left, and /proc need not be read.
 */
static int await_task(pid_t pid, const struct task *task, struct err *err)
{
	const char *name = task->unit != NULL ? task->unit : task->program;
	const struct process_group group = group_of(pid);
	int fd = pidfd_open(pid, 0), status;
	bool in_time = fd >= 0 && group_await(fd, task->until), dead;
	struct instant until = instant_add(loop_clock(), KILL_WAIT_US);

	kill(-pid, SIGKILL);
	if (fd >= 0) {
		group_await(fd, until);
		close(fd);
	}
	dead = waitpid(pid, &status, WNOHANG) == pid;
	group_end(&group, until);
	if (!dead)
		return err_set(err, -EIO, "%s: cannot be killed", name);
	if (!in_time)
		return err_set(err, -ETIME, "%s: timed out and killed", name);
	return judge(status, name, err);
}

static int run_task(const struct task *task, struct err *err)
{
	pid_t pid = fork();

	if (pid == 0)
		do_task(task);
	if (pid < 0)
		return err_set(err, -errno, "fork: %s", strerror(errno));
	setpgid(pid, pid);
	return await_task(pid, task, err);
}

static int cancel(const struct recipe *recipe, struct err *err)
{
	const struct task task = {
		.verb = UNIT_STOP,
		.unit = recipe->cancel,
		.until = instant_add(loop_clock(), CANCEL_US),
	};

	return recipe->cancel[0] == '\0' ? 0 : run_task(&task, err);
}

static int demote(const struct recipe *recipe, const char *reason,
		  struct err *err)
{
	const size_t prefix = sizeof(UNIT_PREFIX) - 1;
	int64_t timeout_us =
		recipe->timeout_us > DEMOTE_US ? recipe->timeout_us : DEMOTE_US;
	struct environment env = { .used = 0 };
	struct task task = {
		.program = recipe->demote,
		.env = env.list,
		.until = instant_add(loop_clock(), timeout_us),
	};
	char term[24], epoch[24];

	if (recipe->demote[0] == '\0')
		return 0;
	if (strncmp(recipe->demote, UNIT_PREFIX, prefix) == 0)
		task.unit = recipe->demote + prefix;
	snprintf(term, sizeof(term), "%llu", (unsigned long long)recipe->term);
	snprintf(epoch, sizeof(epoch), "%llu",
		 (unsigned long long)recipe->epoch);
	environment_set(&env, "BASCULE_NODE", recipe->node);
	environment_set(&env, "BASCULE_TERM", term);
	environment_set(&env, "BASCULE_EPOCH", epoch);
	environment_set(&env, "BASCULE_REASON", reason);
	environment_finish(&env);
	return run_task(&task, err);
}

/* The addresses of the recipe, or -EINVAL. */
static int read_addresses(const struct recipe *recipe,
			  struct vip_address *addresses, unsigned *ret_count,
			  struct err *err)
{
	const char *next = recipe->addresses;
	char word[VIP_TEXT_MAX];
	unsigned count = 0;
	size_t length;
	int r;

	for (; *next != '\0'; next += length + strspn(next + length, " ")) {
		length = strcspn(next, " ");
		if (count == VIP_ADDRESSES_MAX || length >= sizeof(word))
			return err_set(err, -EINVAL,
				       "the recipe's addresses cannot be read");
		memcpy(word, next, length);
		word[length] = '\0';
		r = vip_parse(word, &addresses[count++], err);
		if (r < 0) {
			err_wrap(err, "the recipe's address %s", word);
			return r;
		}
	}
	*ret_count = count;
	return 0;
}

/* With its interface they are gone, too. */
static int remove_addresses(const struct recipe *recipe, struct err *err)
{
	struct vip_address addresses[VIP_ADDRESSES_MAX];
	struct netlink_interface interface;
	unsigned i, count = 0;
	struct err later;
	int fd, r, one;

	r = read_addresses(recipe, addresses, &count, err);
	if (r < 0 || count == 0 ||
	    netlink_interface(recipe->interface, &interface) == -ENODEV)
		return r;
	fd = netlink_open(err);
	if (fd < 0)
		return fd;
	for (i = 0; i < count; i++) {
		one = netlink_remove(fd, interface.index, &addresses[i],
				     r < 0 ? &later : err);
		if (r == 0 && one < 0)
			r = one;
	}
	close(fd);
	return r;
}

/* First of all, since clients go to the next primary from then on, and it takes
 * no time.  What keepalived puts back before it has read its file, it removes
 * once it has; the second time is for one that died in between. */
static int drop_addresses(const struct recipe *recipe, struct err *err)
{
	struct err later;
	int r = 0, next;

	if (recipe->track_file[0] != '\0')
		r = track_write(recipe->track_file, false, err);
	next = remove_addresses(recipe, r < 0 ? &later : err);
	return r < 0 ? r : next;
}

/* Each is tried, whatever became of the others; the first error is told. */
static int undo(const struct recipe *recipe, const char *reason,
		struct err *err)
{
	struct err later;
	int r, next;

	r = cancel(recipe, err);
	next = demote(recipe, reason, r < 0 ? &later : err);
	if (r == 0)
		r = next;
	next = remove_addresses(recipe, r < 0 ? &later : err);
	if (r == 0)
		r = next;
	if (r == 0 && recipe->strange)
		r = err_set(err, -ENOTSUP,
			    "the recipe names more than this version knows");
	return r;
}

/* Addresses and routes before hooks, which may take their time. */
int release_run(const char *folder, const char *reason, struct err *err)
{
	struct recipe recipe;
	struct err later;
	int r = recipe_read(folder, &recipe, err), routes, next;
	bool there = r == 0;

	if (there)
		r = drop_addresses(&recipe, err);
	else if (r == -ENOENT)
		r = 0;
	routes = routes_file_withdraw(folder,
				      instant_add(loop_clock(), ROUTES_US),
				      r < 0 ? &later : err);
	if (there) {
		next = undo(&recipe, reason,
			    r < 0 || routes < 0 ? &later : err);
		if (r == 0)
			r = next;
		/* It stays until all that it names is undone. */
		if (r == 0)
			r = recipe_remove(folder, routes < 0 ? &later : err);
	}
	if (r == 0)
		r = routes;
	return r < 0 ? r : there;
}

/* Of root's powers only the one that removes an address, which no hook gets:
 * it ends with the first program that is run.  Where root itself has it not,
 * there is nothing to keep. */
static void keep_net_admin(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	const uint32_t bit = 1U << CAP_NET_ADMIN;
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
		{ .effective = bit, .permitted = bit }
	};

	syscall(SYS_capset, &head, data);
}

static int become(uid_t uid, struct err *err)
{
	const struct passwd *user = getpwuid(uid);

	if (geteuid() != 0 || uid == 0)
		return 0;
	prctl(PR_SET_KEEPCAPS, 1);
	if (user == NULL || initgroups(user->pw_name, user->pw_gid) < 0 ||
	    setgid(user->pw_gid) < 0 || setuid(uid) < 0)
		return err_set(err, -EPERM, "cannot become user %u", uid);
	keep_net_admin();
	return 0;
}

static int end_leftovers(int page, struct err *err)
{
	struct guard_sheet sheet;
	int r = guard_page_load(page, &sheet);

	if (guard_page_lock(page, instant_add(loop_clock(), 0)) < 0 && r == 0 &&
	    group_leader_lives(&sheet.daemon))
		return err_set(err, -EBUSY,
			       "basculed runs (process %d): stop it, and it "
			       "releases by itself",
			       sheet.daemon.id);
	if (guard_page_lock(page, instant_add(loop_clock(), LOCK_WAIT_US)) < 0)
		return err_set(err, -EBUSY, "a guard is still releasing");
	if (guard_page_load(page, &sheet) < 0)
		return 0;
	if (!guard_page_end_groups(&sheet,
				   instant_add(loop_clock(), KILL_WAIT_US)))
		return err_set(err, -EIO, "a promote hook cannot be killed");
	return 0;
}

/* Whose files are in @folder?  Returns -ENOENT when no daemon ever ran. */
static int find_owner(const char *folder, uid_t *ret_uid, struct err *err)
{
	static const char *const names[] = { RECIPE_NAME, GUARD_PAGE_NAME };
	char path[RECIPE_PATH_MAX];
	struct stat st;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (snprintf(path, sizeof(path), "%s/%s", folder, names[i]) >=
		    (int)sizeof(path))
			return err_set(err, -ENAMETOOLONG, "%s: too long",
				       folder);
		if (lstat(path, &st) == 0) {
			*ret_uid = st.st_uid;
			return 0;
		}
	}
	return -ENOENT;
}

int release_command(const char *folder, struct err *err)
{
	int page, r;
	uid_t uid;

	r = find_owner(folder, &uid, err);
	if (r == 0)
		r = become(uid, err);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	page = guard_page_open(folder, err);
	if (page < 0)
		return page;
	r = end_leftovers(page, err);
	if (r == 0)
		r = release_run(folder, "release", err);
	if (r >= 0 && ftruncate(page, 0) < 0)
		r = err_set(err, -errno, "%s: %s", folder, strerror(errno));
	close(page);
	return r;
}
