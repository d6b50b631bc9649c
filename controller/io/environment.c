#include "controller/io/environment.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

extern char **environ;

void environment_set(struct environment *env, const char *name,
		     const char *value)
{
	size_t room = sizeof(env->text) - env->used;
	int n;

	n = snprintf(env->text + env->used, room, "%s=%s", name, value);
	if (n < 0 || (size_t)n >= room || env->count >= ENVIRONMENT_OWN_MAX)
		return;
	env->list[env->count++] = env->text + env->used;
	env->used += (size_t)n + 1;
}

static bool is_inherited(const char *variable)
{
	static const char *const kept[] = { "PATH=", "HOME=", "LANG=",
					    "LC_",   "TZ=",   "TMPDIR=" };
	size_t i;

	for (i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (strncmp(variable, kept[i], strlen(kept[i])) == 0)
			return true;
	return false;
}

void environment_finish(struct environment *env)
{
	char **at;

	for (at = environ; *at != NULL; at++)
		if (env->count < ENVIRONMENT_ALL_MAX - 1 && is_inherited(*at))
			env->list[env->count++] = *at;
	env->list[env->count] = NULL;
}
