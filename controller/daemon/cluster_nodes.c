#include "controller/daemon/cluster_nodes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "controller/io/file.h"

/* A name and its end of line for each. */
#define TEXT_MAX (SETTINGS_NODES_MAX * (SETTINGS_NAME_MAX + 1))

static bool has(const struct cluster_settings *set, const char *name)
{
	unsigned i;

	for (i = 0; i < set->node_count; i++)
		if (strcmp(set->nodes[i].name, name) == 0)
			return true;
	return false;
}

/* How many of @text's lines are no nodes, and how many nodes have none. */
static void compare(char *text, const struct cluster_settings *set,
		    unsigned *ret_gone, unsigned *ret_come)
{
	unsigned gone = 0, kept = 0;
	char *line, *rest = NULL;

	for (line = strtok_r(text, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		if (has(set, line))
			kept++;
		else
			gone++;
	}
	*ret_gone = gone;
	*ret_come = set->node_count - kept;
}

static int write_names(const char *path, const struct cluster_settings *set,
		       struct err *err)
{
	char text[TEXT_MAX + 1] = "";
	char *end = text;
	unsigned i;

	for (i = 0; i < set->node_count; i++) {
		end = stpcpy(end, set->nodes[i].name);
		*end++ = '\n';
	}
	return file_write(path, text, (size_t)(end - text), true, err);
}

int cluster_nodes_settle(const char *path, const struct cluster_settings *set,
			 bool voter, struct err *err)
{
	unsigned gone, come;
	char *text;
	int r = file_read(path, TEXT_MAX, &text, NULL, err);

	if (r == -ENOENT) {
		*err = (struct err){ 0 };
		return write_names(path, set, err);
	}
	if (r < 0)
		return r;
	compare(text, set, &gone, &come);
	free(text);
	if (gone + come == 0)
		return 0;
	if (voter && gone + come > 1)
		return err_set(err, -EPERM,
			       "nodes: %u new and %u gone since this node ran "
			       "last, and more than one at a time may make two "
			       "primaries: change one, on all nodes, then the "
			       "next; or stop all nodes and remove %s on each",
			       come, gone, path);
	return write_names(path, set, err);
}
