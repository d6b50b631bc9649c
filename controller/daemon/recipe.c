#include "controller/daemon/recipe.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "controller/core/instant.h"
#include "controller/io/file.h"

#define HEAD "# bascule release 1\n"
#define TAIL "# end\n"

enum kind { KIND_TEXT, KIND_NUMBER, KIND_MS };

struct key {
	const char *name;
	enum kind kind;
	size_t offset, size;
	bool needed;
};

#define FIELD(NAME)                                                            \
	offsetof(struct recipe, NAME), sizeof(((struct recipe *)0)->NAME)

static const struct key keys[] = {
	{ "BASCULE_NODE", KIND_TEXT, FIELD(node), true },
	{ "BASCULE_TERM", KIND_NUMBER, FIELD(term), true },
	{ "BASCULE_EPOCH", KIND_NUMBER, FIELD(epoch), true },
	{ "BASCULE_REASON", KIND_TEXT, FIELD(reason), true },
	{ "RELEASE_TIMEOUT_MS", KIND_MS, FIELD(timeout_us), true },
	{ "RELEASE_INTERFACE", KIND_TEXT, FIELD(interface), false },
	{ "RELEASE_ADDRESSES", KIND_TEXT, FIELD(addresses), false },
	{ "RELEASE_TRACK_FILE", KIND_TEXT, FIELD(track_file), false },
	{ "RELEASE_CANCEL", KIND_TEXT, FIELD(cancel), false },
	{ "RELEASE_DEMOTE", KIND_TEXT, FIELD(demote), false },
};

#define KEYS (sizeof(keys) / sizeof(keys[0]))

bool recipe_set(char *field, size_t size, const char *text)
{
	size_t i;

	for (i = 0; i < size - 1 && text[i] != '\0'; i++)
		field[i] = iscntrl((unsigned char)text[i]) ? '?' : text[i];
	field[i] = '\0';
	return text[i] == '\0';
}

static int print_key(const struct key *key, const struct recipe *recipe,
		     char *buf, size_t size)
{
	const void *field = (const char *)recipe + key->offset;
	int64_t number;

	if (key->kind == KIND_TEXT)
		return !key->needed && *(const char *)field == '\0'
			       ? 0
			       : snprintf(buf, size, "%s=%s\n", key->name,
					  (const char *)field);
	memcpy(&number, field, sizeof(number));
	if (key->kind == KIND_MS)
		number /= MS;
	return snprintf(buf, size, "%s=%llu\n", key->name,
			(unsigned long long)number);
}

int recipe_print(const struct recipe *recipe, char *buf, size_t size)
{
	size_t used = sizeof(HEAD) - 1, i;

	if (size < sizeof(HEAD))
		return -EFBIG;
	memcpy(buf, HEAD, sizeof(HEAD));
	for (i = 0; i < KEYS && used < size; i++)
		used += (size_t)print_key(&keys[i], recipe, buf + used,
					  size - used);
	if (used + sizeof(TAIL) > size)
		return -EFBIG;
	memcpy(buf + used, TAIL, sizeof(TAIL));
	return (int)(used + sizeof(TAIL) - 1);
}

static bool take_number(const char *text, size_t size, uint64_t *ret_number)
{
	char digits[21];
	char *end;

	if (size == 0 || size >= sizeof(digits) ||
	    !isdigit((unsigned char)*text))
		return false;
	memcpy(digits, text, size);
	digits[size] = '\0';
	errno = 0;
	*ret_number = strtoull(digits, &end, 10);
	return errno == 0 && *end == '\0';
}

static bool take_text(const char *text, size_t size, char *field, size_t room)
{
	size_t i;

	if (size >= room)
		return false;
	for (i = 0; i < size; i++)
		if (iscntrl((unsigned char)text[i]))
			return false;
	memcpy(field, text, size);
	field[size] = '\0';
	return true;
}

static bool take_value(const struct key *key, const char *text, size_t size,
		       struct recipe *recipe)
{
	void *field = (char *)recipe + key->offset;
	uint64_t number;

	if (key->kind == KIND_TEXT)
		return take_text(text, size, field, key->size);
	if (!take_number(text, size, &number))
		return false;
	if (key->kind == KIND_MS) {
		if (number > (uint64_t)(DAY / MS))
			return false;
		number *= (uint64_t)MS;
	}
	memcpy(field, &number, sizeof(number));
	return true;
}

/* A key that is not known is a later version's: the rest can be undone all the
 * same, but not all of it. */
static int take_line(const char *line, size_t size, struct recipe *recipe,
		     unsigned *seen, struct err *err)
{
	const char *equals = memchr(line, '=', size);
	size_t i, name;

	if (equals == NULL || equals == line)
		return err_set(err, -EBADMSG, "a line without a key");
	name = (size_t)(equals - line);
	for (i = 0; i < KEYS; i++)
		if (strlen(keys[i].name) == name &&
		    memcmp(keys[i].name, line, name) == 0)
			break;
	if (i == KEYS) {
		recipe->strange = true;
		return 0;
	}
	if (*seen & 1U << i)
		return err_set(err, -EBADMSG, "%s stands there twice",
			       keys[i].name);
	*seen |= 1U << i;
	if (!take_value(&keys[i], equals + 1, size - name - 1, recipe))
		return err_set(err, -EBADMSG, "%s has a value that is none",
			       keys[i].name);
	return 0;
}

static int check_seen(unsigned seen, struct err *err)
{
	size_t i;

	for (i = 0; i < KEYS; i++)
		if (keys[i].needed && !(seen & 1U << i))
			return err_set(err, -EBADMSG, "%s is missing",
				       keys[i].name);
	return 0;
}

int recipe_parse(const char *text, size_t size, struct recipe *ret_recipe,
		 struct err *err)
{
	const char *end = text + size, *newline;
	struct recipe recipe = { 0 };
	unsigned seen = 0;
	int r = 0;

	if (size < sizeof(HEAD) - 1 || memcmp(text, HEAD, sizeof(HEAD) - 1))
		return err_set(err, -EBADMSG, "not a recipe of version 1");
	text += sizeof(HEAD) - 1;
	if ((size_t)(end - text) < sizeof(TAIL) - 1 ||
	    memcmp(end - sizeof(TAIL) + 1, TAIL, sizeof(TAIL) - 1))
		return err_set(err, -EBADMSG, "its end is missing");
	end -= sizeof(TAIL) - 1;
	for (; r == 0 && text < end; text = newline + 1) {
		newline = memchr(text, '\n', (size_t)(end - text));
		if (newline == NULL)
			return err_set(err, -EBADMSG, "a line without end");
		r = take_line(text, (size_t)(newline - text), &recipe, &seen,
			      err);
	}
	if (r == 0)
		r = check_seen(seen, err);
	if (r == 0)
		*ret_recipe = recipe;
	return r;
}

static int file_path(char *buf, size_t size, const char *folder,
		     const char *suffix, struct err *err)
{
	if (snprintf(buf, size, "%s/" RECIPE_NAME "%s", folder, suffix) <
	    (int)size)
		return 0;
	return err_set(err, -ENAMETOOLONG, "%s: too long", folder);
}

int recipe_write(const char *folder, const struct recipe *recipe,
		 struct err *err)
{
	char path[RECIPE_PATH_MAX], fresh[RECIPE_PATH_MAX], text[RECIPE_MAX];
	int size = recipe_print(recipe, text, sizeof(text)), r;

	r = file_path(path, sizeof(path), folder, "", err);
	if (r == 0)
		r = file_path(fresh, sizeof(fresh), folder, ".new", err);
	if (r < 0)
		return r;
	r = size < 0 ? size
		     : file_write_volatile(path, fresh, text, (size_t)size);
	if (r < 0)
		return err_set(err, r, "%s: %s", fresh, strerror(-r));
	return 0;
}

int recipe_read(const char *folder, struct recipe *ret_recipe, struct err *err)
{
	char path[RECIPE_PATH_MAX], text[RECIPE_MAX];
	ssize_t n;
	int r;

	r = file_path(path, sizeof(path), folder, "", err);
	if (r < 0)
		return r;
	/* Its programs are run as ourselves. */
	n = file_read_own(path, text, sizeof(text));
	if (n == -ENOENT)
		return -ENOENT;
	if (n < 0)
		return err_set(err, (int)n, "%s: %s", path, strerror((int)-n));
	r = recipe_parse(text, (size_t)n, ret_recipe, err);
	if (r < 0)
		err_wrap(err, "%s", path);
	return r;
}

int recipe_remove(const char *folder, struct err *err)
{
	char path[RECIPE_PATH_MAX];
	int r = file_path(path, sizeof(path), folder, "", err);

	if (r < 0)
		return r;
	if (unlink(path) < 0 && errno != ENOENT)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	return 0;
}
