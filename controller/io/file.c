#include "controller/io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

static int write_all(int fd, const char *bytes, size_t size)
{
	ssize_t n;

	while (size > 0) {
		n = write(fd, bytes, size);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			bytes += n;
			size -= (size_t)n;
		}
	}
	return 0;
}

/* What stands there is of a writer that was killed, or somebody's trap. */
static int write_new(const char *path, const void *bytes, size_t size)
{
	int fd, r;

	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = write_all(fd, bytes, size);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	return r;
}

static int sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];
	int fd, r;

	snprintf(folder, sizeof(folder), "%.*s",
		 slash != NULL ? (int)(slash - path) + 1 : 1,
		 slash != NULL ? path : ".");
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = fsync(fd) < 0 ? -errno : 0;
	close(fd);
	return r;
}

static int replace_file(const char *path, const char *temp, const void *bytes,
			size_t size, bool replace)
{
	int r = write_new(temp, bytes, size);

	if (r == 0 && renameat2(AT_FDCWD, temp, AT_FDCWD, path,
				replace ? 0 : RENAME_NOREPLACE) < 0)
		r = -errno;
	if (r < 0)
		unlink(temp); /* it would only take room */
	else
		r = sync_folder(path);
	return r;
}

int file_write(const char *path, const void *bytes, size_t size, bool replace,
	       struct err *err)
{
	char temp[PATH_MAX];
	int r = -ENAMETOOLONG;

	if ((size_t)snprintf(temp, sizeof(temp), "%s.new", path) < sizeof(temp))
		r = replace_file(path, temp, bytes, size, replace);
	if (r < 0)
		err_set(err, r, "%s: %s", path, strerror(-r));
	return r;
}

int file_write_volatile(const char *path, const char *fresh, const void *bytes,
			size_t size)
{
	int fd = open(fresh,
		      O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		      0640);
	int r;

	if (fd < 0)
		return -errno;
	r = write_all(fd, bytes, size);
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && rename(fresh, path) < 0)
		r = -errno;
	return r;
}

ssize_t file_read_own(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		n = -errno;
	else if (st.st_uid != geteuid() || !S_ISREG(st.st_mode) ||
		 (st.st_mode & S_IWOTH) != 0)
		n = -EPERM;
	else if (st.st_size >= (off_t)size)
		n = -EFBIG;
	else
		n = read_all(fd, text, size - 1);
	close(fd);
	if (n >= 0)
		text[n] = '\0';
	return n;
}
