#include "controller/io/key.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controller/io/file.h"

#define FILE_MAX 4096
#define BASE64   sodium_base64_VARIANT_ORIGINAL

static int check_access(const char *path, int fd, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EBADMSG, "%s: not a file", path);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return err_set(err, -EPERM,
			       "%s: belongs to another user (%u), who can "
			       "read and change it: chown it to root or to "
			       "the daemon's user",
			       path, (unsigned)st.st_uid);
	if ((st.st_mode & 077) != 0)
		return err_set(err, -EPERM,
			       "%s: others than its owner can use it (mode "
			       "%04o): chmod 600 %s",
			       path, (unsigned)st.st_mode & 07777, path);
	return 0;
}

/* Returns the bytes read, at most @size, or -errno. */
static ssize_t read_some(int fd, unsigned char *buf, size_t size)
{
	size_t used = 0;
	ssize_t n = 1;

	while (used < size && n != 0) {
		n = read(fd, buf + used, size - used);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			used += (size_t)n;
	}
	return (ssize_t)used;
}

static int read_file(const char *path, struct secret *text, size_t *ret_size,
		     struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t n;
	int r;

	if (fd < 0)
		return err_set(err, -errno, "%s: %s%s", path, strerror(errno),
			       errno == ENOENT ? ": bascule keygen makes one"
					       : "");
	r = check_access(path, fd, err);
	if (r == 0) {
		n = read_some(fd, text->bytes, text->size);
		if (n < 0)
			r = err_set(err, (int)n, "%s: %s", path,
				    strerror((int)-n));
		else
			*ret_size = (size_t)n;
	}
	close(fd);
	return r;
}

/* The one line of @text that is no comment, without the space around it. */
static int find_line(char *text, char **ret_line, struct err *err)
{
	char *rest = text, *line, *found = NULL;
	size_t len;

	while ((line = strsep(&rest, "\n")) != NULL) {
		line += strspn(line, " \t\r");
		if (*line == '\0' || *line == '#')
			continue;
		if (found != NULL)
			return err_set(err, -EBADMSG,
				       "more than one line that is no comment");
		len = strcspn(line, " \t\r");
		if (line[len + strspn(line + len, " \t\r")] != '\0')
			return err_set(err, -EBADMSG,
				       "more than one word in the key's line");
		line[len] = '\0';
		found = line;
	}
	if (found == NULL)
		return err_set(err, -EBADMSG, "no key in it");
	*ret_line = found;
	return 0;
}

static int decode(struct secret *text, size_t size, struct secret *key,
		  struct err *err)
{
	unsigned char *bytes = text->bytes;
	char *line = NULL;
	size_t got = 0;
	int r;

	if (size == text->size)
		return err_set(err, -EBADMSG, "longer than any key");
	if (memchr(bytes, '\0', size) != NULL)
		return err_set(err, -EBADMSG, "not a text");
	bytes[size] = '\0';
	r = find_line((char *)bytes, &line, err);
	if (r < 0)
		return r;
	/* In place: the bytes are never more than their text. */
	if (sodium_base642bin((unsigned char *)line, strlen(line), line,
			      strlen(line), NULL, &got, NULL, BASE64) != 0)
		return err_set(err, -EBADMSG, "the key is not base64");
	if (got != KEY_BYTES)
		return err_set(err, -EBADMSG,
			       "the key has %zu bytes and must have %d", got,
			       KEY_BYTES);
	memcpy(key->bytes, line, KEY_BYTES);
	return 0;
}

int key_read(const char *path, struct secret **ret_key, struct err *err)
{
	struct secret *text = secret_new(FILE_MAX);
	struct secret *key = secret_new(KEY_BYTES);
	size_t size = 0;
	int r;

	if (text == NULL || key == NULL)
		r = err_set(err, -ENOMEM, "%s: out of memory", path);
	else
		r = read_file(path, text, &size, err);
	if (r == 0) {
		r = decode(text, size, key, err);
		if (r < 0)
			err_wrap(err, "%s", path);
	}
	secret_free(text);
	if (r < 0)
		secret_free(key);
	else
		*ret_key = key;
	return r;
}

int key_generate(char ret_text[KEY_TEXT_MAX], struct err *err)
{
	char base64[sodium_base64_ENCODED_LEN(KEY_BYTES, BASE64)];
	struct secret *key = secret_new(KEY_BYTES);

	if (key == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	randombytes_buf(key->bytes, KEY_BYTES);
	sodium_bin2base64(base64, sizeof(base64), key->bytes, KEY_BYTES,
			  BASE64);
	secret_free(key);
	snprintf(ret_text, KEY_TEXT_MAX,
		 "# A cluster key of bascule: the same on every node, and "
		 "nobody else's.\n%s\n",
		 base64);
	sodium_memzero(base64, sizeof(base64));
	return 0;
}

/* A pipe or a device must not be replaced by a file. */
static bool may_replace(const char *path)
{
	struct stat st;

	return lstat(path, &st) < 0 || S_ISREG(st.st_mode);
}

int key_write(const char *path, const char *text, bool replace, struct err *err)
{
	if (replace && !may_replace(path))
		return err_set(err, -EEXIST, "%s: not a file", path);
	return file_write(path, text, strlen(text), replace, err);
}
