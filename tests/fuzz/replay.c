/* The corpus of a fuzz target once more, without libFuzzer: every prefix of
 * every file, at the end of an unreadable page.
 *
 * fuzz_X reads tests/fuzz/corpus/X below $top_srcdir.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/io/file.h"
#include "tests/unit/edge.h"

#define INPUT_MAX (256 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path, struct edge *edge)
{
	struct err err;
	size_t size, n;
	char *text;

	if (file_read(path, INPUT_MAX, &text, &size, &err) < 0) {
		printf("# %s\n", err.text);
		return -1;
	}
	for (n = 0; n <= size; n++)
		LLVMFuzzerTestOneInput((const void *)edge_put(edge, text, n),
				       n);
	free(text);
	return 0;
}

/* Returns how many files were read, or -1. */
static int replay_folder(const char *folder, struct edge *edge)
{
	DIR *dir = opendir(folder);
	char path[4096];
	struct dirent *entry;
	int count = 0;

	if (dir == NULL) {
		perror(folder);
		return -1;
	}
	while (count >= 0 && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		count = replay_file(path, edge) < 0 ? -1 : count + 1;
	}
	closedir(dir);
	return count;
}

int main(int argc, char **argv)
{
	const char *top = getenv("top_srcdir"), *name = strrchr(argv[0], '_');
	struct edge edge;
	char folder[2048];
	int count;

	(void)argc;
	if (name == NULL || edge_open(&edge, INPUT_MAX) < 0)
		return 1;
	snprintf(folder, sizeof(folder), "%s/tests/fuzz/corpus/%s",
		 top != NULL ? top : ".", name + 1);
	count = replay_folder(folder, &edge);
	printf("%sok 1 - bears every prefix of %d files\n1..1\n",
	       count > 0 ? "" : "not ", count);
	edge_close(&edge);
	return count > 0 ? 0 : 1;
}
