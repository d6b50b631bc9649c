#include "controller/config/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controller/config/scan.h"
#include "controller/config/syntax.h"

void text_init(struct text *text)
{
	*text = (struct text){ 0 };
}

void text_done(struct text *text)
{
	size_t i;

	for (i = 0; i < text->kept_count; i++)
		free(text->kept[i]);
	free(text->kept);
	free(text->spans);
	free(text->bytes);
	text_init(text);
}

/* Room for one more element in an array of @size bytes each. */
static void *array_grow(void *array, size_t count, size_t *capacity,
			size_t size)
{
	size_t wanted = *capacity ? 2 * *capacity : 16;

	if (count < *capacity)
		return array;
	array = realloc(array, wanted * size);
	if (array != NULL)
		*capacity = wanted;
	return array;
}

int text_append(struct text *text, const char *bytes, size_t length)
{
	size_t capacity = text->capacity ? text->capacity : 4096, i;
	char *grown;

	if (length > TEXT_SIZE_MAX - text->length) {
		text->cut = true;
		return 0;
	}
	while (capacity <= text->length + length)
		capacity *= 2;
	if (capacity > text->capacity) {
		grown = realloc(text->bytes, capacity);
		if (grown == NULL)
			return -ENOMEM;
		text->bytes = grown;
		text->capacity = capacity;
	}
	memcpy(text->bytes + text->length, bytes, length);
	text->length += length;
	text->bytes[text->length] = '\0';
	for (i = 0; i < length; i++)
		text->lines += bytes[i] == '\n';
	return 0;
}

/* Let the text own @bytes, which are freed if it cannot.  0 or -ENOMEM. */
static int text_keep(struct text *text, char *bytes)
{
	char **kept;

	kept = array_grow(text->kept, text->kept_count, &text->kept_capacity,
			  sizeof(*kept));
	if (kept == NULL) {
		free(bytes);
		return -ENOMEM;
	}
	text->kept = kept;
	kept[text->kept_count++] = bytes;
	return 0;
}

/* The text's own copy of a file's name; NULL when out of memory. */
static const char *name_keep(struct text *text, const char *name)
{
	size_t i;
	char *copy;

	for (i = text->span_count; i > 0; i--)
		if (strcmp(text->spans[i - 1].file, name) == 0)
			return text->spans[i - 1].file;
	copy = strdup(name);
	if (copy == NULL || text_keep(text, copy) < 0)
		return NULL;
	return copy;
}

int text_mark(struct text *text, const char *file, unsigned line)
{
	unsigned first = text->lines + 1;
	struct text_span *spans = text->spans;
	size_t last = text->span_count - 1;

	file = name_keep(text, file);
	if (file == NULL)
		return -ENOMEM;
	if (text->span_count == 0 || spans[last].first != first) {
		spans = array_grow(spans, text->span_count,
				   &text->span_capacity, sizeof(*spans));
		if (spans == NULL)
			return -ENOMEM;
		text->spans = spans;
		last = text->span_count++;
	}
	spans[last] = (struct text_span){ first, line, file };
	return 0;
}

struct place text_place(const struct text *text, unsigned order)
{
	size_t low = 0, high = text->span_count, middle;
	const struct text_span *span;

	while (high - low > 1) {
		middle = low + (high - low) / 2;
		if (text->spans[middle].first <= order)
			low = middle;
		else
			high = middle;
	}
	span = &text->spans[low];
	if (order < span->first)
		return (struct place){ span->file, 0, order };
	return (struct place){
		span->file,
		span->line + (order - span->first),
		order,
	};
}

struct place text_here(const struct text *text)
{
	return text_place(text, text->lines + 1);
}

static const char *file_trouble(int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
		return "no such file: check the path";
	case EACCES:
	case EPERM:
		return "permission denied: let the daemon's user read it";
	case EISDIR:
		return "is a folder: name a file in it";
	case EINVAL:
		return "is not a regular file: name one";
	case EFBIG:
		return "is larger than 16 MiB: this is no configuration";
	default:
		return strerror(error);
	}
}

static int fd_read(int fd, char *bytes, size_t size, size_t *ret_length)
{
	size_t length = 0;
	ssize_t n;

	while (length < size) {
		n = read(fd, bytes + length, size - length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		length += (size_t)n;
	}
	*ret_length = length;
	return 0;
}

/* Whether @st is what a configuration may be: 0, or a negative errno. */
static int file_judge(const struct stat *st)
{
	if (S_ISDIR(st->st_mode))
		return -EISDIR;
	if (!S_ISREG(st->st_mode))
		return -EINVAL;
	if (st->st_size > (off_t)TEXT_SIZE_MAX)
		return -EFBIG;
	return 0;
}

/* Read the file @source->name, whose bytes the text keeps. */
static int file_read(struct text *text, struct source *source)
{
	char *bytes = NULL;
	struct stat st;
	int fd, r;

	/* A FIFO must not hold up the daemon. */
	fd = open(source->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	r = fstat(fd, &st) < 0 ? -errno : file_judge(&st);
	if (r < 0)
		goto out;
	bytes = malloc((size_t)st.st_size + 1);
	r = bytes == NULL ? -ENOMEM : text_keep(text, bytes);
	if (r < 0)
		goto out;
	r = fd_read(fd, bytes, (size_t)st.st_size, &source->length);
	source->bytes = bytes;
	source->device = st.st_dev;
	source->inode = st.st_ino;
out:
	close(fd);
	return r;
}

/* The name of what @parent includes as @path; NULL when out of memory. */
static char *include_name(const char *parent, const char *path)
{
	const char *slash = strrchr(parent, '/');
	size_t folder = slash == NULL ? 0 : (size_t)(slash - parent) + 1;
	char *name;

	if (*path == '/')
		folder = 0;
	name = malloc(folder + strlen(path) + 1);
	if (name == NULL)
		return NULL;
	memcpy(name, parent, folder);
	strcpy(name + folder, path);
	return name;
}

/* Why @source may not be included where it is; NULL if it may. */
static const char *include_refusal(struct text *text,
				   const struct source *source)
{
	const struct source *above;
	unsigned depth = 0;

	for (above = source->parent; above != NULL; above = above->parent) {
		if (above->inode == source->inode &&
		    above->device == source->device)
			return "includes itself: take one of the two out";
		depth++;
	}
	if (depth > TEXT_DEPTH_MAX)
		return "is included more than 10 deep: include less deeply";
	if (++text->includes > TEXT_INCLUDES_MAX)
		return "is one include too many: 10000 are the limit";
	return NULL;
}

int text_include(struct text *text, const struct source *parent,
		 struct place place, const char *path, struct report *report)
{
	struct source source = { .parent = parent, .syntax = parent->syntax };
	const char *refusal;
	char *name;
	int r;

	name = include_name(parent->name, path);
	if (name == NULL)
		return -ENOMEM;
	source.name = name;
	r = file_read(text, &source);
	if (r == -ENOMEM)
		goto out;
	refusal = r < 0 ? file_trouble(-r) : include_refusal(text, &source);
	r = 0;
	if (refusal != NULL) {
		report_error(report, place, "@include \"%s\" (%s): %s", path,
			     name, refusal);
		parent->syntax->faulty = true;
	} else {
		r = scan_source(text, &source, report);
	}
out:
	free(name);
	return r;
}

/* Scan the whole; -EINVAL when it is too wrong to go on with. */
static int text_scan(struct text *text, const struct source *source,
		     struct report *report)
{
	struct place whole = { source->name, 0, 0 };
	struct source first = *source;
	struct syntax syntax;
	int r;

	syntax_init(&syntax, text, report);
	first.syntax = &syntax;
	r = scan_source(text, &first, report);
	if (r < 0)
		return r;
	if (text->cut)
		report_error(report, whole,
			     "all files together are larger than 16 MiB: "
			     "include less");
	return text->cut || syntax.broken || syntax.faulty ? -EINVAL : 0;
}

int text_take(struct text *text, const char *name, const char *bytes,
	      size_t length, struct report *report)
{
	struct source source = {
		.name = name,
		.bytes = bytes,
		.length = length,
	};

	return text_scan(text, &source, report);
}

int text_load(struct text *text, const char *path, struct report *report)
{
	struct source source = { .name = path };
	struct place whole = { path, 0, 0 };
	int r;

	r = file_read(text, &source);
	if (r < 0) {
		if (r != -ENOMEM)
			report_error(report, whole, "%s", file_trouble(-r));
		return r;
	}
	return text_scan(text, &source, report);
}
