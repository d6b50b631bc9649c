#include "tests/unit/cluster_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char cluster_key_path[64];

int cluster_key_make(void **state)
{
	int fd;

	(void)state;
	strcpy(cluster_key_path, "/tmp/bascule-test-XXXXXX");
	fd = mkstemp(cluster_key_path);
	if (fd < 0)
		return -1;
	return close(fd);
}

int cluster_key_drop(void **state)
{
	(void)state;
	return unlink(cluster_key_path);
}

const char *cluster_text(const char *inside, const char *nodes,
			 const char *after)
{
	static char text[8192];

	snprintf(text, sizeof(text),
		 "node = \"n1\";\n"
		 "cluster = { name = \"c\"; key_file = \"%s\"; %s nodes = (\n"
		 "%s); };\n"
		 "%s" SERVICE(""),
		 cluster_key_path, inside, nodes, after);
	return text;
}

void cluster_wrong(const char *inside, const char *nodes, const char *after,
		   const char *wanted)
{
	config_wrong(cluster_text(inside, nodes, after), wanted);
}
