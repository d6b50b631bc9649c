/* The connection string of a replica: "keyword=value keyword='it''s value'". */

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "databases/postgresql.h"

struct text {
	char *buf;
	size_t size, used;
	bool full;
};

static void put(struct text *out, const char *bytes, size_t count)
{
	if (out->used + count >= out->size) {
		out->full = true;
		return;
	}
	memcpy(out->buf + out->used, bytes, count);
	out->used += count;
	out->buf[out->used] = '\0';
}

static void put_pair(struct text *out, const char *key, const char *value)
{
	if (out->used > 0)
		put(out, " ", 1);
	put(out, key, strlen(key));
	put(out, "='", 2);
	for (; *value != '\0'; value++) {
		if (*value == '\'' || *value == '\\')
			put(out, "\\", 1);
		put(out, value, 1);
	}
	put(out, "'", 1);
}

/* The end of the value at @at, which is quoted or not; NULL: none. */
static const char *value_end(const char *at)
{
	bool quoted = *at == '\'';

	for (at += quoted; *at != '\0'; at++) {
		if (*at == '\\' && at[1] != '\0')
			at++;
		else if (quoted && *at == '\'')
			return at + 1;
		else if (!quoted && isspace((unsigned char)*at))
			return at;
	}
	return quoted ? NULL : at;
}

static bool is_key(const char *key, size_t size, const char *word)
{
	return strlen(word) == size && strncmp(key, word, size) == 0;
}

static bool exchanged(const struct postgresql_terms *terms, const char *key,
		      size_t size)
{
	if (is_key(key, size, "host") || is_key(key, size, "hostaddr") ||
	    is_key(key, size, "port"))
		return true;
	return (terms->user != NULL && is_key(key, size, "user")) ||
	       (terms->password != NULL && (is_key(key, size, "password") ||
					    is_key(key, size, "passfile")));
}

/* Copy the pairs that stay.  False: not of this form. */
static bool copy_pairs(struct text *out, const char *at,
		       const struct postgresql_terms *terms, bool *ret_named)
{
	const char *key, *value, *end;
	size_t size;

	for (at += strspn(at, " \t\n"); *at != '\0';
	     at = end + strspn(end, " \t\n")) {
		key = at;
		size = strcspn(at, " \t\n=");
		value = key + size + strspn(key + size, " \t\n");
		if (*value != '=')
			return false;
		value++;
		value += strspn(value, " \t\n");
		end = value_end(value);
		if (end == NULL)
			return false;
		if (exchanged(terms, key, size))
			continue;
		if (is_key(key, size, "application_name"))
			*ret_named = true;
		if (out->used > 0)
			put(out, " ", 1);
		put(out, key, size);
		put(out, "=", 1);
		put(out, value, (size_t)(end - value));
	}
	return true;
}

bool postgresql_conninfo(const char *old, const struct postgresql_terms *terms,
			 char *buf, size_t size)
{
	struct text out = { .buf = buf, .size = size };
	bool named = false;
	char port[8];

	buf[0] = '\0';
	if (!copy_pairs(&out, old, terms, &named))
		return false;
	snprintf(port, sizeof(port), "%u", terms->source_port);
	put_pair(&out, "host", terms->source_host);
	put_pair(&out, "port", port);
	if (terms->user != NULL)
		put_pair(&out, "user", terms->user);
	if (terms->password != NULL)
		put_pair(&out, "password", terms->password);
	if (!named)
		put_pair(&out, "application_name", terms->name);
	return !out.full;
}
