#include "controller/daemon/cluster_nodes.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/io/file.h"

/* Two sets: before each name of the second, which ran last and has seen no
 * primary yet, stands a mark; after each name the end of its line. */
#define MARK     '+'
#define TEXT_MAX (2 * SETTINGS_NODES_MAX * (SETTINGS_NAME_MAX + 2))

struct change {
	unsigned kept, gone, come;
};

static bool has(const struct cluster_settings *set, const char *name)
{
	unsigned i;

	for (i = 0; i < set->node_count; i++)
		if (strcmp(set->nodes[i].name, name) == 0)
			return true;
	return false;
}

static void finish(struct change *change, const struct cluster_settings *set)
{
	change->come = set->node_count - change->kept;
}

/* How the nodes differ from those of @text: from those that saw a primary last,
 * and from those that ran last. */
static void compare(char *text, const struct cluster_settings *set,
		    struct change *ret_settled, struct change *ret_last)
{
	struct change settled = { 0 }, last = { 0 };
	char *line, *rest = NULL;
	bool marked = false;

	for (line = strtok_r(text, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		struct change *of = *line == MARK ? &last : &settled;
		bool kept = has(set, *line == MARK ? line + 1 : line);

		marked = marked || *line == MARK;
		of->kept += kept;
		of->gone += !kept;
	}
	finish(&settled, set);
	finish(&last, set);
	*ret_settled = settled;
	*ret_last = marked ? last : settled;
}

static char *put_names(char *at, const struct cluster_settings *set,
		       const char *mark)
{
	unsigned i;

	for (i = 0; i < set->node_count; i++) {
		at = stpcpy(at, mark);
		at = stpcpy(at, set->nodes[i].name);
		*at++ = '\n';
	}
	return at;
}

/* @settled: lines of names without a mark, or NULL. */
static int write_names(const char *path, const char *settled,
		       const struct cluster_settings *set, struct err *err)
{
	static const char mark[] = { MARK, '\0' };
	char text[TEXT_MAX + 1] = "";
	char *end = text;

	if (settled == NULL)
		return file_write(path, text,
				  (size_t)(put_names(text, set, "") - text),
				  true, err);
	end = put_names(stpcpy(end, settled), set, mark);
	return file_write(path, text, (size_t)(end - text), true, err);
}

static bool differs(const struct change *change)
{
	return change->gone + change->come > 0;
}

static int refuse(const struct change *change, const char *path,
		  struct err *err)
{
	return err_set(err, -EPERM,
		       "nodes: %u new and %u gone since a primary was there, "
		       "and more than one at a time may make two primaries: "
		       "change one, on all nodes, wait for a primary, then the "
		       "next; or stop all nodes and remove %s on each",
		       change->come, change->gone, path);
}

/* Only what saw a primary. */
static void cut_marked(char *text)
{
	char *at = text;

	while (*at != '\0' && *at != MARK)
		at += strcspn(at, "\n") + 1;
	*at = '\0';
}

int cluster_nodes_check(const char *path, const struct cluster_settings *set,
			bool voter, bool *ret_settled, struct err *err)
{
	struct change settled, last;
	char *text, *copy;
	int r = file_read(path, TEXT_MAX, &text, NULL, err);

	*ret_settled = true;
	if (r == -ENOENT || (r == 0 && !voter)) {
		if (r == 0)
			free(text);
		*err = (struct err){ 0 };
		return write_names(path, NULL, set, err);
	}
	if (r < 0)
		return r;
	copy = strdup(text);
	if (copy == NULL) {
		free(text);
		return err_set(err, -ENOMEM, "out of memory");
	}
	compare(copy, set, &settled, &last);
	free(copy);
	cut_marked(text);
	*ret_settled = !differs(&settled);
	if (settled.gone + settled.come > 1)
		r = refuse(&settled, path, err);
	else if (last.gone + last.come > 1)
		r = refuse(&last, path, err);
	else if (differs(&last))
		r = write_names(path, *ret_settled ? NULL : text, set, err);
	free(text);
	return r;
}

int cluster_nodes_settle(const char *path, const struct cluster_settings *set)
{
	char text[TEXT_MAX + 1], fresh[PATH_MAX];
	size_t size = (size_t)(put_names(text, set, "") - text);

	snprintf(fresh, sizeof(fresh), "%s.new", path);
	return file_write_volatile(path, fresh, text, size);
}
