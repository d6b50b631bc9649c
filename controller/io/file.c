#include "controller/io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Returns the bytes read, @size when there may be more, or -errno. */
static ssize_t read_all(int fd, char *buf, size_t size)
{
	size_t used = 0;
	ssize_t n;

	while (used < size) {
		n = read(fd, buf + used, size - used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		used += (size_t)n;
	}
	return (ssize_t)used;
}

int file_read(const char *path, size_t max, char **ret_text, size_t *ret_size,
	      struct err *err)
{
	char *text = malloc(max + 1);
	ssize_t n;
	int fd;

	if (text == NULL)
		return err_set(err, -ENOMEM, "%s: out of memory", path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -errno : read_all(fd, text, max + 1);
	if (fd >= 0)
		close(fd);
	if (n > (ssize_t)max)
		n = -EFBIG;
	if (n < 0) {
		free(text);
		return err_set(err, (int)n, "%s: %s", path, strerror((int)-n));
	}
	text[n] = '\0';
	*ret_text = text;
	if (ret_size != NULL)
		*ret_size = (size_t)n;
	return 0;
}
