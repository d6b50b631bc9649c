/* Reading and writing bytes within bounds, numbers with the low byte first.
 *
 * Nothing is read or written past the end: the cursor turns bad instead, and
 * stays so; what is read from a bad one is 0.  Look at bad once, at the end.
 */
#ifndef BASCULE_CORE_WIRE_H
#define BASCULE_CORE_WIRE_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct wire_out {
	uint8_t *at, *end; /* borrowed */
	bool bad;
};

struct wire_in {
	const uint8_t *at, *end; /* borrowed */
	bool bad;
};

/* The low @size bytes of @value; at most 8. */
static inline void wire_put(struct wire_out *out, uint64_t value, size_t size)
{
	uint64_t bytes = htole64(value);

	if (out->bad || (size_t)(out->end - out->at) < size) {
		out->bad = true;
		return;
	}
	memcpy(out->at, &bytes, size);
	out->at += size;
}

static inline void wire_put_bytes(struct wire_out *out, const void *bytes,
				  size_t size)
{
	if (out->bad || (size_t)(out->end - out->at) < size) {
		out->bad = true;
		return;
	}
	if (size > 0)
		memcpy(out->at, bytes, size);
	out->at += size;
}

/* @text with its length in one byte before it; bad when it has 256 or more. */
static inline void wire_put_text(struct wire_out *out, const char *text)
{
	size_t size = strlen(text);

	if (size > UINT8_MAX)
		out->bad = true;
	wire_put(out, size, 1);
	wire_put_bytes(out, text, size);
}

static inline uint64_t wire_get(struct wire_in *in, size_t size)
{
	uint64_t bytes = 0;

	if (in->bad || (size_t)(in->end - in->at) < size) {
		in->bad = true;
		return 0;
	}
	memcpy(&bytes, in->at, size);
	in->at += size;
	return le64toh(bytes);
}

/* @size bytes, borrowed; NULL when there are not so many. */
static inline const uint8_t *wire_get_bytes(struct wire_in *in, size_t size)
{
	const uint8_t *bytes = in->at;

	if (in->bad || (size_t)(in->end - in->at) < size) {
		in->bad = true;
		return NULL;
	}
	in->at += size;
	return bytes;
}

/* A text as wire_put_text() writes it, which must fit @ret_text of @room
 * bytes with its NUL and hold none itself. */
static inline void wire_get_text(struct wire_in *in, char *ret_text,
				 size_t room)
{
	size_t size = (size_t)wire_get(in, 1);
	const uint8_t *bytes = wire_get_bytes(in, size);

	ret_text[0] = '\0';
	if (bytes == NULL)
		return;
	if (size >= room || memchr(bytes, '\0', size) != NULL) {
		in->bad = true;
		return;
	}
	memcpy(ret_text, bytes, size);
	ret_text[size] = '\0';
}

#endif
