#include "controller/daemon/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/core/instant.h"

#define BUFFER_FIRST_SIZE 1024

void buffer_done(struct buffer *to)
{
	free(to->buf);
	*to = (struct buffer){ 0 };
}

void buffer_reset(struct buffer *to)
{
	to->used = 0;
	to->failed = false;
}

/* Room for @count more bytes and a NUL. */
static bool buffer_grow(struct buffer *to, size_t count)
{
	size_t size = to->size != 0 ? to->size : BUFFER_FIRST_SIZE;
	char *buf;

	if (to->failed)
		return false;
	if (to->used + count < to->size)
		return true;
	while (to->used + count >= size)
		size *= 2;
	buf = realloc(to->buf, size);
	if (buf == NULL) {
		to->failed = true;
		return false;
	}
	to->buf = buf;
	to->size = size;
	return true;
}

void buffer_put(struct buffer *to, const char *bytes, size_t count)
{
	if (!buffer_grow(to, count))
		return;
	memcpy(to->buf + to->used, bytes, count);
	to->used += count;
	to->buf[to->used] = '\0';
}

void buffer_add(struct buffer *to, const char *string)
{
	buffer_put(to, string, strlen(string));
}

void buffer_number(struct buffer *to, int64_t value)
{
	char digits[24], *at = digits + sizeof(digits);
	uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;

	do {
		*--at = (char)('0' + left % 10);
		left /= 10;
	} while (left != 0);
	if (value < 0)
		*--at = '-';
	buffer_put(to, at, (size_t)(digits + sizeof(digits) - at));
}

void buffer_seconds(struct buffer *to, int64_t span_us)
{
	uint64_t us = span_us < 0 ? -(uint64_t)span_us : (uint64_t)span_us;
	uint64_t rest = us % (uint64_t)SECOND;
	char digits[7] = ".000000";
	size_t n;

	if (span_us < 0)
		buffer_put(to, "-", 1);
	buffer_number(to, (int64_t)(us / (uint64_t)SECOND));
	for (n = 6; n > 0; n--, rest /= 10)
		digits[n] = (char)('0' + rest % 10);
	for (n = 7; n > 1 && digits[n - 1] == '0'; n--)
		;
	if (n > 1)
		buffer_put(to, digits, n);
}

void buffer_printf(struct buffer *to, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || !buffer_grow(to, (size_t)n))
		return;
	va_start(ap, fmt);
	vsnprintf(to->buf + to->used, (size_t)n + 1, fmt, ap);
	va_end(ap);
	to->used += (size_t)n;
}
