#include "controller/daemon/release_main.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "controller/config/load.h"
#include "controller/daemon/doors.h"
#include "controller/daemon/guard_page.h"
#include "controller/daemon/recipe.h"
#include "controller/daemon/release.h"

#define FOLDER_USUAL "/run/bascule"
#define FOLDERS_MAX  3

struct folders {
	char list[FOLDERS_MAX][RECIPE_PATH_MAX];
	unsigned count;
};

/* The first @length bytes of @path, once. */
static void add(struct folders *folders, const char *path, size_t length)
{
	char *to = folders->list[folders->count];
	unsigned i;

	if (length == 0 || length >= RECIPE_PATH_MAX)
		return;
	memcpy(to, path, length);
	to[length] = '\0';
	for (i = 0; i < folders->count; i++)
		if (strcmp(folders->list[i], to) == 0)
			return;
	folders->count++;
}

/* A service manager calls after each end of the daemon, and soon starts it
 * again: then the doors stay as long as the lease, which whoever succeeds waits
 * for. */
static bool shut_doors(const struct settings *set)
{
	struct err err;

	if (getenv("SERVICE_RESULT") != NULL || doors_shut(set, &err) >= 0)
		return true;
	fprintf(stderr, "basculed: release: %s\n", err.text);
	return false;
}

static bool add_configured(struct folders *folders, const char *file,
			   bool *ret_shut)
{
	struct report report;
	struct settings *set;
	const char *slash;
	bool loaded;

	report_init(&report);
	loaded = settings_load(file, &set, &report) >= 0;
	report_done(&report);
	if (!loaded)
		return false;
	slash = strrchr(set->control_socket, '/');
	if (slash != NULL)
		add(folders, set->control_socket,
		    (size_t)(slash - set->control_socket));
	*ret_shut = shut_doors(set);
	settings_free(set);
	return true;
}

static bool has_page(const char *folder)
{
	char path[RECIPE_PATH_MAX + sizeof(GUARD_PAGE_NAME) + 1];
	struct stat st;

	snprintf(path, sizeof(path), "%s/" GUARD_PAGE_NAME, folder);
	return lstat(path, &st) == 0;
}

int release_main(const char *file)
{
	const char *given = getenv("RUNTIME_DIRECTORY");
	struct folders folders = { .count = 0 };
	bool shut = true, known = add_configured(&folders, file, &shut);
	int status = shut ? EXIT_SUCCESS : EXIT_FAILURE;
	struct err err;
	unsigned i;

	if (given != NULL)
		add(&folders, given, strcspn(given, ":"));
	add(&folders, FOLDER_USUAL, strlen(FOLDER_USUAL));
	for (i = 0; i < folders.count; i++) {
		known = known || has_page(folders.list[i]);
		if (release_command(folders.list[i], &err) >= 0)
			continue;
		fprintf(stderr, "basculed: release: %s\n", err.text);
		status = EXIT_FAILURE;
	}
	if (known)
		return status;
	fprintf(stderr,
		"basculed: release: %s cannot be read, and no daemon ran in "
		"%s: where did it run?\n",
		file, FOLDER_USUAL);
	return EXIT_FAILURE;
}
