/* A fuzz target without the fuzzer: every prefix of its valid input.
 *
 * Each file of tests/fuzz/corpus/X is one case of fuzz_X.  A prefix ends
 * where an unreadable page begins, so reading one byte too far is a crash.
 */
#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define INPUT_MAX ((size_t)1 << 20)

static uint8_t input[INPUT_MAX];

/* Memory of at least @size bytes that ends at an unreadable page. */
static uint8_t *edge_new(size_t size, uint8_t **ret_end)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t room = (size + page) / page * page;
	uint8_t *mem = mmap(NULL, room + page, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED || mprotect(mem + room, page, PROT_NONE) < 0)
		return NULL;
	*ret_end = mem + room;
	return mem;
}

static bool replay_file(const char *path, uint8_t *end)
{
	FILE *in = fopen(path, "rb");
	size_t size;

	if (in == NULL)
		return false;
	size = fread(input, 1, sizeof(input), in);
	fclose(in);
	for (size_t len = 0; len <= size; len++) {
		memcpy(end - len, input, len);
		LLVMFuzzerTestOneInput(end - len, len);
	}
	return true;
}

static int is_input(const struct dirent *file)
{
	return file->d_name[0] != '.';
}

int main(int argc, char **argv)
{
	const char *target = strstr(argv[0], "fuzz_");
	const char *top = getenv("top_srcdir");
	char folder[PATH_MAX], path[PATH_MAX + NAME_MAX + 2];
	struct dirent **files;
	uint8_t *end;
	int count;

	if (argc != 1 || target == NULL)
		return 2;
	snprintf(folder, sizeof(folder), "%s/tests/fuzz/corpus/%s",
		 top != NULL ? top : ".", target + strlen("fuzz_"));
	count = scandir(folder, &files, is_input, alphasort);
	if (count < 0 || edge_new(INPUT_MAX, &end) == NULL) {
		perror(folder);
		return 1;
	}
	printf("1..%d\n", count);
	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, files[i]->d_name);
		printf("%sok %d - every prefix of %s\n",
		       replay_file(path, end) ? "" : "not ", i + 1,
		       files[i]->d_name);
		free(files[i]);
	}
	free(files);
	return 0;
}
