#include "controller/config/store.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "controller/config/value.h"

#define HOOK_UNIT       "unit:"
#define UNIT_NAME_MAX   255
#define PPM_OF_PERCENT  1e4
#define SOCKET_PATH_MAX (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

static void *field(const struct key *key, void *dest)
{
	return (char *)dest + key->offset;
}

static int store_string(struct arena *arena, const struct key *key,
			const char *text, void *dest)
{
	const char *copy = arena_strdup(arena, text);

	if (copy == NULL)
		return -ENOMEM;
	*(const char **)field(key, dest) = copy;
	return 0;
}

static int path_check(const struct key *key, const char *text, struct err *err)
{
	if (*text == '/')
		return 0;
	return err_set(err, -EINVAL,
		       "%s \"%.80s\" is not absolute: begin it with '/'",
		       key->name, text);
}

static int socket_check(const struct key *key, const char *text,
			struct err *err)
{
	int r = path_check(key, text, err);

	if (r < 0 || strlen(text) <= SOCKET_PATH_MAX)
		return r;
	return err_set(err, -EINVAL,
		       "%s is longer than %zu bytes: a socket needs a "
		       "shorter path",
		       key->name, SOCKET_PATH_MAX);
}

static int file_check(const struct key *key, const char *text, struct err *err)
{
	struct stat st;
	int r = path_check(key, text, err);

	if (r < 0)
		return r;
	if (stat(text, &st) < 0)
		return err_set(err, -EINVAL, "%s \"%.80s\": %s: check the path",
			       key->name, text, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, "%s \"%.80s\" is no file: name %s",
			       key->name, text,
			       key->type == KEY_SECRET ? "one with a password"
						       : "a PEM file");
	if (key->type == KEY_SECRET && st.st_mode & S_IROTH)
		return err_set(err, -EINVAL,
			       "%s \"%.80s\" can be read by everybody: take "
			       "that away with chmod o-r",
			       key->name, text);
	if (access(text, R_OK) < 0)
		return err_set(
			err, -EINVAL,
			"%s \"%.80s\": %s: let the daemon's user read it",
			key->name, text, strerror(errno));
	return 0;
}

/* Whether @text is a unit's full name, of a kind that @kinds has. */
static bool is_unit(const char *text, const char *const *kinds)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789:_.\\@-";
	const char *dot = strrchr(text, '.');

	if (dot == NULL || dot == text || strlen(text) > UNIT_NAME_MAX ||
	    strspn(text, allowed) != strlen(text))
		return false;
	while (*kinds != NULL && strcmp(dot, *kinds) != 0)
		kinds++;
	return *kinds != NULL;
}

/* A hook is a program, or a systemd unit with its suffix. */
static int hook_check(const struct key *key, const char *text, struct err *err)
{
	static const char *const kinds[] = { ".service", ".target", ".mount",
					     NULL };

	if (*text == '/')
		return 0;
	if (strncmp(text, HOOK_UNIT, strlen(HOOK_UNIT)) != 0)
		return err_set(err, -EINVAL,
			       "%s \"%.80s\" is neither an absolute path nor a "
			       "unit: begin it with '/' or \"" HOOK_UNIT "\"",
			       key->name, text);
	if (!is_unit(text + strlen(HOOK_UNIT), kinds))
		return err_set(err, -EINVAL,
			       "%s \"%.80s\" names no unit: write it like "
			       "\"" HOOK_UNIT "bascule-promote.service\"",
			       key->name, text);
	return 0;
}

static int unit_check(const struct key *key, const char *text, struct err *err)
{
	static const char *const kinds[] = { ".service", ".scope", ".target",
					     NULL };

	if (is_unit(text, kinds))
		return 0;
	return err_set(err, -EINVAL,
		       "%s \"%.80s\" names no unit: write it like "
		       "\"api.service\"",
		       key->name, text);
}

static int range_check(const struct key *key, int64_t value, struct err *err)
{
	char least[VALUE_TEXT_MAX], most[VALUE_TEXT_MAX];
	char given[VALUE_TEXT_MAX];

	if (value >= key->min && value <= key->max)
		return 0;
	if (key->type == KEY_DURATION)
		return err_set(
			err, -EINVAL,
			"%s = \"%.80s\" is out of range: give \"%.80s\" to "
			"\"%.80s\"",
			key->name, value_duration_text(value, given),
			value_duration_text(key->min, least),
			value_duration_text(key->max, most));
	return err_set(err, -EINVAL,
		       "%s = %lld is out of range: give %lld to %lld",
		       key->name, (long long)value, (long long)key->min,
		       (long long)key->max);
}

static int store_size(const struct key *key, const char *text, void *dest,
		      struct err *err)
{
	char most[VALUE_TEXT_MAX];
	uint64_t bytes;
	int r = value_size(text, &bytes, err);

	if (r < 0) {
		err_wrap(err, "%s", key->name);
		return r;
	}
	if (bytes > (uint64_t)key->max)
		return err_set(err, -EINVAL,
			       "%s = \"%.80s\" is out of range: give at most "
			       "\"%.80s\"",
			       key->name, text,
			       value_size_text((uint64_t)key->max, most));
	*(uint64_t *)field(key, dest) = bytes;
	return 0;
}

static int store_duration(const struct key *key, const char *text, void *dest,
			  struct err *err)
{
	int64_t us;
	int r = value_duration(text, &us, err);

	if (r < 0) {
		err_wrap(err, "%s", key->name);
		return r;
	}
	r = range_check(key, us, err);
	if (r < 0)
		return r;
	*(int64_t *)field(key, dest) = us;
	return 0;
}

/* The words a choice offers, as `"a", "b" or "c"`. */
static const char *choice_words(const struct key *key, char *buffer,
				size_t size)
{
	const struct choice *choice;
	const char *comma;
	size_t used = 0;

	for (choice = key->choices; choice->word != NULL; choice++) {
		if (choice->later != NULL)
			continue;
		comma = ", ";
		if (choice[1].word == NULL || choice[1].later != NULL)
			comma = " or ";
		used += (size_t)snprintf(buffer + used, size - used,
					 "%s\"%.80s\"", used ? comma : "",
					 choice->word);
		assert(used < size);
	}
	return buffer;
}

static int store_choice(const struct key *key, const char *text, void *dest,
			struct err *err)
{
	const struct choice *choice;
	char words[256];

	for (choice = key->choices; choice->word != NULL; choice++)
		if (strcmp(choice->word, text) == 0)
			break;
	if (choice->word == NULL)
		return err_set(err, -EINVAL,
			       "%s = \"%.80s\" is unknown: use %s", key->name,
			       text, choice_words(key, words, sizeof(words)));
	if (choice->later != NULL)
		return err_set(err, -EINVAL,
			       "%s = \"%.80s\" is not built yet: %s", key->name,
			       text, choice->later);
	memcpy(field(key, dest), &choice->value, sizeof(choice->value));
	return 0;
}

static int store_host(struct arena *arena, const struct key *key,
		      const struct address *address, void *dest)
{
	const char *host;

	host = arena_strndup(arena, address->host, address->host_length);
	if (host == NULL)
		return -ENOMEM;
	*(const char **)field(key, dest) = host;
	*(uint16_t *)((char *)dest + key->port_offset) = address->port;
	return 0;
}

static int store_address(struct arena *arena, const struct key *key,
			 const char *text, void *dest, struct err *err)
{
	struct address address;
	int r = value_address(text, &address, err);

	if (r < 0)
		return r;
	r = store_host(arena, key, &address, dest);
	if (r < 0 || key->text_offset == 0)
		return r;
	text = arena_strdup(arena, text);
	if (text == NULL)
		return -ENOMEM;
	*(const char **)((char *)dest + key->text_offset) = text;
	return 0;
}

int store_node_address(struct arena *arena, const struct key *key,
		       const char *text, struct node_address *ret_address,
		       struct err *err)
{
	struct node_address made;
	struct address address;
	int r = value_address(text, &address, err);

	if (r < 0)
		return r;
	if (address.port == 0)
		return err_set(err, -EINVAL,
			       "%s \"%.80s\" has no port: add one, such as "
			       "\"%.80s:7400\"",
			       key->name, text, text);
	made.port = address.port;
	made.text = arena_strdup(arena, text);
	made.host = arena_strndup(arena, address.host, address.host_length);
	if (made.text == NULL || made.host == NULL)
		return -ENOMEM;
	*ret_address = made;
	return 0;
}

void store_node_addresses(const struct key *key,
			  const struct node_address *addresses, size_t count,
			  void *dest)
{
	*(const struct node_address **)field(key, dest) = addresses;
	*(size_t *)((char *)dest + key->count_offset) = count;
}

/* A lone address. */
static int store_one_address(struct arena *arena, const struct key *key,
			     const char *text, void *dest, struct err *err)
{
	struct node_address *address = arena_alloc(arena, sizeof(*address));
	int r;

	if (address == NULL)
		return -ENOMEM;
	r = store_node_address(arena, key, text, address, err);
	if (r == 0)
		store_node_addresses(key, address, 1, dest);
	return r;
}

static int store_listen(struct arena *arena, const struct key *key,
			const char *text, void *dest, struct err *err)
{
	struct address address;
	int r;

	if (*text == '\0' || strcmp(text, "off") == 0) {
		*(const char **)field(key, dest) = NULL;
		return 0;
	}
	r = value_address(text, &address, err);
	if (r < 0)
		return r;
	if (!address.numeric)
		return err_set(err, -EINVAL,
			       "%s = \"%.80s\" names no IP address: write it "
			       "like \"127.0.0.1:7480\"",
			       key->name, text);
	if (address.port == 0)
		return err_set(err, -EINVAL,
			       "%s = \"%.80s\" has no port: write it like "
			       "\"127.0.0.1:7480\"",
			       key->name, text);
	return store_host(arena, key, &address, dest);
}

static int store_status(struct arena *arena, const struct key *key,
			const char *text, void *dest, struct err *err)
{
	struct status_range *ranges;
	size_t count;
	int r = value_status(text, NULL, &count, err);

	if (r < 0)
		return r;
	ranges = arena_array(arena, count, sizeof(*ranges));
	if (ranges == NULL)
		return -ENOMEM;
	value_status(text, ranges, &count, NULL);
	*(const struct status_range **)field(key, dest) = ranges;
	*(size_t *)((char *)dest + key->count_offset) = count;
	return 0;
}

int store_text(struct arena *arena, const struct key *key, const char *text,
	       void *dest, struct err *err)
{
	int r = 0;

	if (*text == '\0' && key->type != KEY_LISTEN)
		return err_set(err, -EINVAL,
			       "%s is empty: fill it in, or remove it",
			       key->name);
	switch (key->type) {
	case KEY_DURATION:
		return store_duration(key, text, dest, err);
	case KEY_SIZE:
		return store_size(key, text, dest, err);
	case KEY_CHOICE:
		return store_choice(key, text, dest, err);
	case KEY_ADDRESS:
		return store_address(arena, key, text, dest, err);
	case KEY_ADDRESSES:
		return store_one_address(arena, key, text, dest, err);
	case KEY_LISTEN:
		return store_listen(arena, key, text, dest, err);
	case KEY_STATUS:
		return store_status(arena, key, text, dest, err);
	case KEY_NAME:
		r = value_name(text, err);
		break;
	case KEY_PATH:
		r = path_check(key, text, err);
		break;
	case KEY_SOCKET:
		r = socket_check(key, text, err);
		break;
	case KEY_FILE:
	case KEY_SECRET:
		r = file_check(key, text, err);
		break;
	case KEY_HOOK:
		r = hook_check(key, text, err);
		break;
	case KEY_UNIT:
		r = unit_check(key, text, err);
		break;
	default:
		assert(key->type == KEY_STRING);
		break;
	}
	return r < 0 ? r : store_string(arena, key, text, dest);
}

int store_integer(struct arena *arena, const struct key *key, int64_t value,
		  void *dest, struct err *err)
{
	char text[VALUE_TEXT_MAX];
	int r;

	if (key->type == KEY_STATUS) {
		snprintf(text, sizeof(text), "%lld", (long long)value);
		return store_status(arena, key, text, dest, err);
	}
	if (key->type == KEY_PERCENT || key->type == KEY_PPM)
		return store_float(key, (double)value, dest, err);
	r = range_check(key, value, err);
	if (r < 0)
		return r;
	if (key->type == KEY_PORT)
		*(uint16_t *)field(key, dest) = (uint16_t)value;
	else
		*(unsigned *)field(key, dest) = (unsigned)value;
	return 0;
}

static int store_ppm(const struct key *key, double value, void *dest,
		     struct err *err)
{
	double least = (double)key->min / PPM_OF_PERCENT;
	double most = (double)key->max / PPM_OF_PERCENT;

	if (!(value >= least && value <= most))
		return err_set(err, -EINVAL,
			       "%s = %g is out of range: give a percentage "
			       "from %g to %g",
			       key->name, value, least, most);
	*(unsigned *)field(key, dest) =
		(unsigned)(value * PPM_OF_PERCENT + 0.5);
	return 0;
}

int store_float(const struct key *key, double value, void *dest,
		struct err *err)
{
	if (key->type == KEY_PPM)
		return store_ppm(key, value, dest, err);
	if (!(value > 0 && value < 100))
		return err_set(err, -EINVAL,
			       "%s = %g is out of range: give a percentage "
			       "above 0 and below 100, such as 99.95",
			       key->name, value);
	*(double *)field(key, dest) = value;
	return 0;
}

void store_boolean(const struct key *key, bool value, void *dest)
{
	*(bool *)field(key, dest) = value;
}

void store_strings(const struct key *key, const char *const *strings,
		   size_t count, void *dest)
{
	*(const char *const **)field(key, dest) = strings;
	if (key->count_offset != 0)
		*(size_t *)((char *)dest + key->count_offset) = count;
}

int store_default(struct arena *arena, const struct key *key, void *dest)
{
	int r = 0;

	if (key->dflt == NULL)
		return 0;
	if (key->type == KEY_COUNT || key->type == KEY_PPM)
		r = store_integer(arena, key, atoi(key->dflt), dest, NULL);
	else if (key->type == KEY_BOOLEAN)
		store_boolean(key, strcmp(key->dflt, "true") == 0, dest);
	else
		r = store_text(arena, key, key->dflt, dest, NULL);
	assert(r != -EINVAL);
	return r;
}
