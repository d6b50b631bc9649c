#include "controller/config/block.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "controller/config/store.h"
#include "controller/config/syntax.h"
#include "controller/core/err.h"

#define WORDS_MAX 512

struct place reader_place(const struct reader *reader,
			  const config_setting_t *setting)
{
	return text_place(reader->text, setting->line);
}

void reader_error(const struct reader *reader, const config_setting_t *setting,
		  const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	report_error(reader->report, reader_place(reader, setting), "%s", text);
}

void reader_warning(const struct reader *reader,
		    const config_setting_t *setting, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	report_warning(reader->report, reader_place(reader, setting), "%s",
		       text);
}

const char *reader_where(const struct reader *reader, struct place here,
			 unsigned order, char buffer[static WHERE_MAX])
{
	struct place there = text_place(reader->text, order);

	if (here.file == there.file)
		snprintf(buffer, WHERE_MAX, "line %u", there.line);
	else
		snprintf(buffer, WHERE_MAX, "%s:%u", there.file, there.line);
	return buffer;
}

void block_defaults(const struct reader *reader, const struct block *block,
		    void *dest)
{
	const struct key *key;

	for (key = block->keys; key->name != NULL; key++) {
		if (key->type == KEY_BLOCK && key->size == 0)
			block_defaults(reader, key->block,
				       (char *)dest + key->offset);
		else if (key->type != KEY_BLOCK)
			store_default(reader->arena, key, dest);
	}
}

/* What @setting is, in words. */
static const char *setting_kind(const config_setting_t *setting)
{
	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_GROUP:
		return "a block { ... }";
	case CONFIG_TYPE_LIST:
		return "a list ( ... )";
	case CONFIG_TYPE_STRING:
		return "a string";
	case CONFIG_TYPE_BOOL:
		return "a boolean";
	case CONFIG_TYPE_FLOAT:
		return "a number with a fraction";
	default:
		return "a whole number";
	}
}

/* What would be right, as an example after "write NAME = ". */
static const char *key_example(const struct key *key)
{
	switch (key->type) {
	case KEY_DURATION:
		return "\"2s\"";
	case KEY_SIZE:
		return "\"1MiB\"";
	case KEY_COUNT:
	case KEY_PORT:
		return "a whole number";
	case KEY_BOOLEAN:
		return "true or false";
	case KEY_PERCENT:
		return "a number such as 99.95";
	case KEY_PPM:
		return "a number such as 0.5";
	case KEY_STATUS:
		return "\"200-299\"";
	case KEY_ADDRESSES:
		return "\"HOST:PORT\"";
	case KEY_STRINGS:
		return "( \"...\", \"...\" )";
	case KEY_BLOCK:
		return "{ ... }";
	case KEY_LIST:
		return "( { ... }, { ... } )";
	default:
		return "a string in quotes";
	}
}

static void wrong_kind(const struct reader *reader, const struct key *key,
		       const config_setting_t *setting)
{
	const char *kind = setting_kind(setting);

	if (key->type == KEY_DURATION &&
	    config_setting_type(setting) == CONFIG_TYPE_INT)
		reader_error(reader, setting,
			     "%s = %d has no unit: write %s = \"%ds\" or "
			     "\"%dms\"",
			     key->name, config_setting_get_int(setting),
			     key->name, config_setting_get_int(setting),
			     config_setting_get_int(setting));
	else if (key->type == KEY_SIZE &&
		 config_setting_type(setting) == CONFIG_TYPE_INT)
		reader_error(reader, setting,
			     "%s = %d has no unit: write %s = \"%dMiB\" or "
			     "\"%dB\"",
			     key->name, config_setting_get_int(setting),
			     key->name, config_setting_get_int(setting),
			     config_setting_get_int(setting));
	else
		reader_error(reader, setting, "%s is %s: write %s = %s",
			     key->name, kind, key->name, key_example(key));
}

/* A setting that is known but not built: fine only with the one value that
 * says what happens anyway.
 */
static void read_later(const struct reader *reader, const struct key *key,
		       const config_setting_t *setting)
{
	char value[32] = "";

	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_STRING:
		snprintf(value, sizeof(value), "%s",
			 config_setting_get_string(setting));
		break;
	case CONFIG_TYPE_BOOL:
		strcpy(value,
		       config_setting_get_bool(setting) ? "true" : "false");
		break;
	case CONFIG_TYPE_INT:
		snprintf(value, sizeof(value), "%d",
			 config_setting_get_int(setting));
		break;
	default:
		break;
	}
	if (key->only == NULL || strcmp(value, key->only) != 0)
		reader_error(reader, setting, "%s: %s", key->name, key->help);
}

/* The same for an element of a list. */
static void wrong_element(const struct reader *reader, const struct key *key,
			  const config_setting_t *element)
{
	reader_error(reader, element, "%s holds %s: write %s = %s", key->name,
		     setting_kind(element), key->name, key_example(key));
}

static bool length_right(const struct reader *reader, const struct key *key,
			 config_setting_t *setting, int count, const char *what)
{
	if (count >= key->min && count <= key->max)
		return true;
	reader_error(reader, setting, "%s has %d %s: give %lld to %lld",
		     key->name, count, what, (long long)key->min,
		     (long long)key->max);
	return false;
}

static void read_strings(const struct reader *reader, const struct key *key,
			 config_setting_t *setting, void *dest)
{
	int count = config_setting_length(setting), i;
	const char **strings, *string;

	if (!length_right(reader, key, setting, count, "strings"))
		return;
	strings =
		arena_array(reader->arena, (size_t)count + 1, sizeof(*strings));
	if (strings == NULL)
		return;
	for (i = 0; i < count; i++) {
		string = config_setting_get_string_elem(setting, i);
		if (string == NULL) {
			wrong_element(
				reader, key,
				config_setting_get_elem(setting, (unsigned)i));
			return;
		}
		strings[i] = arena_strdup(reader->arena, string);
	}
	store_strings(key, strings, (size_t)count, dest);
}

static void read_addresses(const struct reader *reader, const struct key *key,
			   config_setting_t *setting, void *dest)
{
	int count = config_setting_length(setting), i;
	struct node_address *addresses;
	config_setting_t *elem;
	struct err err = { 0 };
	const char *text;

	if (!length_right(reader, key, setting, count, "addresses"))
		return;
	addresses =
		arena_array(reader->arena, (size_t)count, sizeof(*addresses));
	if (addresses == NULL)
		return;
	for (i = 0; i < count; i++) {
		elem = config_setting_get_elem(setting, (unsigned)i);
		text = config_setting_get_string(elem);
		if (text == NULL)
			wrong_element(reader, key, elem);
		else if (store_node_address(reader->arena, key, text,
					    &addresses[i], &err) == -EINVAL)
			reader_error(reader, elem, "%s", err.text);
	}
	store_node_addresses(key, addresses, (size_t)count, dest);
}

static bool read_number(const struct reader *reader, const struct key *key,
			const config_setting_t *setting, void *dest,
			struct err *err, int *ret_r)
{
	int type = config_setting_type(setting);

	bool percent = key->type == KEY_PERCENT || key->type == KEY_PPM;

	if (percent && type == CONFIG_TYPE_FLOAT)
		*ret_r = store_float(key, config_setting_get_float(setting),
				     dest, err);
	else if (key->type != KEY_COUNT && key->type != KEY_PORT && !percent &&
		 key->type != KEY_STATUS)
		return false;
	else if (type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64)
		*ret_r = store_integer(reader->arena, key,
				       config_setting_get_int64(setting), dest,
				       err);
	else
		return false;
	return true;
}

static bool key_is_text(const struct key *key)
{
	switch (key->type) {
	case KEY_STRING:
	case KEY_NAME:
	case KEY_PATH:
	case KEY_SOCKET:
	case KEY_FILE:
	case KEY_SECRET:
	case KEY_HOOK:
	case KEY_UNIT:
	case KEY_DURATION:
	case KEY_SIZE:
	case KEY_CHOICE:
	case KEY_ADDRESS:
	case KEY_ADDRESSES:
	case KEY_LISTEN:
	case KEY_STATUS:
		return true;
	default:
		return false;
	}
}

static void read_scalar(const struct reader *reader, const struct key *key,
			const config_setting_t *setting, void *dest)
{
	int type = config_setting_type(setting), r = 0;
	struct err err = { 0 };

	if (type == CONFIG_TYPE_STRING && key_is_text(key))
		r = store_text(reader->arena, key,
			       config_setting_get_string(setting), dest, &err);
	else if (type == CONFIG_TYPE_BOOL && key->type == KEY_BOOLEAN)
		store_boolean(key, config_setting_get_bool(setting), dest);
	else if (!read_number(reader, key, setting, dest, &err, &r))
		wrong_kind(reader, key, setting);
	if (r == -EINVAL)
		reader_error(reader, setting, "%s", err.text);
}

/* A list of groups; the caller reads them. */
static void see_list(const struct reader *reader, const struct key *key,
		     config_setting_t *setting)
{
	int count = config_setting_length(setting), i;
	config_setting_t *elem;

	for (i = 0; i < count; i++) {
		elem = config_setting_get_elem(setting, (unsigned)i);
		if (!config_setting_is_group(elem))
			wrong_element(reader, key, elem);
	}
}

/* The group of a KEY_BLOCK, into its field or into a struct of its own. */
static void read_inner(const struct reader *reader, const struct key *key,
		       config_setting_t *group, void *dest)
{
	void *inner = (char *)dest + key->offset;

	if (key->size != 0) {
		inner = arena_alloc(reader->arena, key->size);
		if (inner == NULL)
			return;
		memcpy((char *)dest + key->offset, &inner, sizeof(inner));
		block_defaults(reader, key->block, inner);
	}
	block_read(reader, key->block, group, inner);
}

static void read_key(const struct reader *reader, const struct key *key,
		     config_setting_t *setting, void *dest)
{
	bool list = config_setting_is_list(setting);

	if (key->type == KEY_LATER)
		read_later(reader, key, setting);
	else if (key->type == KEY_BLOCK && config_setting_is_group(setting))
		read_inner(reader, key, setting, dest);
	else if (key->type == KEY_LIST && list)
		see_list(reader, key, setting);
	else if (key->type == KEY_STRINGS && list)
		read_strings(reader, key, setting, dest);
	else if (key->type == KEY_ADDRESSES && list)
		read_addresses(reader, key, setting, dest);
	else
		read_scalar(reader, key, setting, dest);
}

/* The block where @name would be right, or NULL. */
static const struct block *block_of(const char *name)
{
	const struct block *const *block;

	for (block = key_blocks; *block != NULL; block++)
		if (key_find(*block, name) != NULL)
			return *block;
	return NULL;
}

static const char *block_words(const struct block *block, char *buffer,
			       size_t size)
{
	const struct key *key;
	size_t used = 0;

	*buffer = '\0';
	for (key = block->keys; key->name != NULL; key++)
		if (key->type != KEY_LATER && used < size)
			used += (size_t)snprintf(buffer + used, size - used,
						 "%s%s", used ? ", " : "",
						 key->name);
	return buffer;
}

static void unknown_key(const struct reader *reader, const struct block *block,
			const config_setting_t *setting)
{
	const char *name = config_setting_name(setting);
	const char *nearest = key_nearest(block, name);
	const struct block *other = block_of(name);
	char words[WORDS_MAX];

	/* The scan replaced and reported it. */
	if (*name == SYNTAX_MENDED)
		return;
	if (other != NULL)
		reader_error(reader, setting,
			     "%s does not belong here: put it %s%s", name,
			     other->name[0] ? "into "
					    : "at the top of the file",
			     other->name);
	else if (nearest != NULL)
		reader_error(reader, setting,
			     "unknown setting %.40s: did you mean %s?", name,
			     nearest);
	else
		reader_error(reader, setting,
			     "unknown setting %.40s: known here are %s", name,
			     block_words(block, words, sizeof(words)));
}

void block_read(const struct reader *reader, const struct block *block,
		config_setting_t *group, void *dest)
{
	int count = config_setting_length(group), i;
	config_setting_t *setting;
	const struct key *key;

	for (i = 0; i < count; i++) {
		setting = config_setting_get_elem(group, (unsigned)i);
		key = key_find(block, config_setting_name(setting));
		if (key == NULL)
			unknown_key(reader, block, setting);
		else
			read_key(reader, key, setting, dest);
	}
	for (key = block->keys; key->name != NULL; key++)
		if (key->required && block_given(group, key->name) == NULL)
			reader_error(reader, group,
				     "%s is missing: add %s = %s", key->name,
				     key->name, key_example(key));
}

config_setting_t *block_given(config_setting_t *group, const char *name)
{
	if (group == NULL || !config_setting_is_group(group))
		return NULL;
	return config_setting_get_member(group, name);
}

config_setting_t *block_list(config_setting_t *group, const char *name)
{
	config_setting_t *list = block_given(group, name);

	return list != NULL && config_setting_is_list(list) ? list : NULL;
}
