#include "vip/track_io.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "controller/io/file.h"

#define MAY     "0\n"
#define MAY_NOT "-254\n"

int track_write(const char *path, bool may, struct err *err)
{
	const char *text = may ? MAY : MAY_NOT;
	char fresh[TRACK_PATH_MAX];
	int r = -ENAMETOOLONG;

	if (snprintf(fresh, sizeof(fresh), "%s.new", path) < (int)sizeof(fresh))
		r = file_write_volatile(path, fresh, text, strlen(text));
	if (r < 0)
		return err_set(err, r, "%s: %s", path, strerror(-r));
	return 0;
}
