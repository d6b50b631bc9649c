#include "controller/io/password.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1024

static int check_access(const char *path, int fd, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EBADMSG, "%s: not a file", path);
	if ((st.st_mode & S_IROTH) != 0)
		return err_set(err, -EPERM,
			       "%s: everybody can read it: take that away with "
			       "chmod o-r",
			       path);
	return 0;
}

static int read_line(const char *path, int fd, struct secret *text,
		     struct err *err)
{
	ssize_t n = read(fd, text->bytes, text->size - 1);
	size_t length;

	if (n < 0)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	text->bytes[n] = '\0';
	length = strcspn((char *)text->bytes, "\r\n");
	if (length == 0)
		return err_set(err, -EBADMSG, "%s: its first line is empty",
			       path);
	if (length == text->size - 1)
		return err_set(err, -EBADMSG,
			       "%s: its first line is longer than %d bytes",
			       path, LINE_MAX_BYTES - 1);
	memset(text->bytes + length, 0, text->size - length);
	text->size = length;
	return 0;
}

int password_read(const char *path, struct secret **ret_password,
		  struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), r;
	struct secret *text;

	if (fd < 0)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	text = secret_new(LINE_MAX_BYTES);
	r = text != NULL ? check_access(path, fd, err)
			 : err_set(err, -ENOMEM, "%s: out of memory", path);
	if (r == 0)
		r = read_line(path, fd, text, err);
	close(fd);
	if (r < 0)
		secret_free(text);
	else
		*ret_password = text;
	return r;
}
