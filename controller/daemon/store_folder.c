#include "controller/daemon/store_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int store_folder_take(const char *path, int *ret_fd, struct err *err)
{
	char folder[PATH_MAX];
	char *slash;
	int fd;

	*ret_fd = -1;
	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (slash == NULL || slash == folder)
		return 0;
	*slash = '\0';
	/* It may be missing: systemd makes it, and so do we. */
	mkdir(folder, 0750);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		*ret_fd = fd;
		return 0;
	}
	close(fd);
	/* Some network file systems lock no folders. */
	if (errno != EWOULDBLOCK)
		return 0;
	return err_set(err, -EADDRINUSE, "another basculed uses %s", folder);
}
