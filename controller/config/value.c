#include "controller/config/value.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "controller/core/instant.h"

#define HOST_MAX 253

static const struct unit {
	const char *name;
	int64_t us;
} units[] = {
	{ "ms", MS },  { "s", SECOND }, { "m", MINUTE },
	{ "h", HOUR }, { "d", DAY },
};

#define UNITS (sizeof(units) / sizeof(units[0]))

static const struct unit *unit_find(const char *name)
{
	size_t i;

	for (i = 0; i < UNITS; i++)
		if (strcmp(units[i].name, name) == 0)
			return &units[i];
	return NULL;
}

int value_duration(const char *text, int64_t *ret_us, struct err *err)
{
	size_t digits = strspn(text, "0123456789");
	const struct unit *unit = unit_find(text + digits);
	int64_t us = 0;
	size_t i;

	if (digits > 0 && text[digits] == '\0')
		return err_set(
			err, -EINVAL,
			"\"%.80s\" has no unit: write \"%ss\" or \"%sms\"",
			text, text, text);
	if (digits == 0 || unit == NULL)
		return err_set(err, -EINVAL,
			       "\"%.80s\" is no duration: write a whole number "
			       "and ms, s, m, h or d, such as \"250ms\"",
			       text);
	for (i = 0; i < digits; i++)
		if (__builtin_mul_overflow(us, 10, &us) ||
		    __builtin_add_overflow(us, text[i] - '0', &us))
			break;
	if (i < digits || __builtin_mul_overflow(us, unit->us, &us))
		return err_set(err, -EINVAL,
			       "\"%.80s\" is longer than anything: write less",
			       text);
	*ret_us = us;
	return 0;
}

const char *value_duration_text(int64_t us, char buffer[static VALUE_TEXT_MAX])
{
	size_t i = UNITS - 1;

	if (us == 0)
		return strcpy(buffer, "0s");
	while (i > 0 && us % units[i].us != 0)
		i--;
	snprintf(buffer, VALUE_TEXT_MAX, "%lld%s",
		 (long long)(us / units[i].us), units[i].name);
	return buffer;
}

static const struct size_unit {
	const char *name;
	uint64_t bytes;
} size_units[] = {
	{ "B", 1 },
	{ "KiB", UINT64_C(1) << 10 },
	{ "MiB", UINT64_C(1) << 20 },
	{ "GiB", UINT64_C(1) << 30 },
	{ "TiB", UINT64_C(1) << 40 },
};

#define SIZE_UNITS (sizeof(size_units) / sizeof(size_units[0]))

int value_size(const char *text, uint64_t *ret_bytes, struct err *err)
{
	size_t digits = strspn(text, "0123456789"), unit, i;
	uint64_t bytes = 0;

	for (unit = 0; unit < SIZE_UNITS; unit++)
		if (strcmp(size_units[unit].name, text + digits) == 0)
			break;
	if (digits > 0 && text[digits] == '\0')
		return err_set(err, -EINVAL,
			       "\"%.80s\" has no unit: write \"%sMiB\" or "
			       "\"%sB\"",
			       text, text, text);
	if (digits == 0 || unit == SIZE_UNITS)
		return err_set(err, -EINVAL,
			       "\"%.80s\" is no size: write a whole number and "
			       "B, KiB, MiB, GiB or TiB, such as \"1MiB\"",
			       text);
	for (i = 0; i < digits; i++)
		if (__builtin_mul_overflow(bytes, 10, &bytes) ||
		    __builtin_add_overflow(bytes, (uint64_t)(text[i] - '0'),
					   &bytes))
			break;
	if (i < digits ||
	    __builtin_mul_overflow(bytes, size_units[unit].bytes, &bytes))
		return err_set(err, -EINVAL,
			       "\"%.80s\" is larger than anything: write less",
			       text);
	*ret_bytes = bytes;
	return 0;
}

const char *value_size_text(uint64_t bytes, char buffer[static VALUE_TEXT_MAX])
{
	size_t i = SIZE_UNITS - 1;

	while (i > 0 && (bytes == 0 || bytes % size_units[i].bytes != 0))
		i--;
	snprintf(buffer, VALUE_TEXT_MAX, "%llu%s",
		 (unsigned long long)(bytes / size_units[i].bytes),
		 size_units[i].name);
	return buffer;
}

static bool ascii_alnum(char c)
{
	return isalnum((unsigned char)c) && (unsigned char)c < 0x80;
}

int value_name(const char *text, struct err *err)
{
	const char *at;

	if (strlen(text) > SETTINGS_NAME_MAX)
		return err_set(err, -EINVAL,
			       "name \"%.20s...\" is longer than %d bytes: "
			       "shorten it",
			       text, SETTINGS_NAME_MAX);
	for (at = text; *at != '\0'; at++) {
		if (ascii_alnum(*at))
			continue;
		if (at == text || strchr("._-", *at) == NULL)
			break;
	}
	if (at == text || *at != '\0')
		return err_set(
			err, -EINVAL,
			"\"%.80s\" is no name: use letters, digits, '.', "
			"'_' and '-', and begin with a letter or digit",
			text);
	return 0;
}

static int status_wrong(const char *text, struct err *err)
{
	return err_set(err, -EINVAL,
		       "\"%.80s\" is no list of statuses: write it like "
		       "\"200-299,401\", each from 100 to 599",
		       text);
}

/* One status at @text; NULL if there is none. */
static const char *status_number(const char *text, int *ret_status)
{
	int status = 0, i;

	for (i = 0; i < 3; i++) {
		if (!isdigit((unsigned char)text[i]))
			return NULL;
		status = 10 * status + (text[i] - '0');
	}
	if (status < 100 || status > 599)
		return NULL;
	*ret_status = status;
	return text + 3;
}

int value_status(const char *text, struct status_range *ranges,
		 size_t *ret_count, struct err *err)
{
	struct status_range range = { 0 };
	const char *at = text;
	size_t count = 0;

	for (;;) {
		at += strspn(at, " ");
		at = status_number(at, &range.first);
		if (at == NULL)
			return status_wrong(text, err);
		range.last = range.first;
		if (*at == '-')
			at = status_number(at + 1, &range.last);
		if (at == NULL || range.last < range.first)
			return status_wrong(text, err);
		if (ranges != NULL)
			ranges[count] = range;
		count++;
		at += strspn(at, " ");
		if (*at == '\0')
			break;
		if (*at++ != ',')
			return status_wrong(text, err);
	}
	*ret_count = count;
	return 0;
}

static int port_parse(const char *text, const char *port, uint16_t *ret_port,
		      struct err *err)
{
	unsigned value = 0;
	size_t i;

	for (i = 0; i < 6 && isdigit((unsigned char)port[i]); i++)
		value = 10 * value + (unsigned)(port[i] - '0');
	if (i == 0 || port[i] != '\0' || value == 0 || value > 65535)
		return err_set(err, -EINVAL,
			       "address \"%.80s\" has no valid port: give one "
			       "from 1 to 65535",
			       text);
	*ret_port = (uint16_t)value;
	return 0;
}

static bool host_is_name(const char *host)
{
	const char *at;
	bool letters = false;

	if (!ascii_alnum(*host) && *host != '_')
		return false;
	for (at = host; *at != '\0'; at++) {
		if (!ascii_alnum(*at) && strchr("._-", *at) == NULL)
			return false;
		if (*at == '.' && at[1] == '.')
			return false;
		letters = letters || isalpha((unsigned char)*at);
	}
	/* 10.0.0.300 is a mistyped address, not a name */
	return letters;
}

static int host_check(const char *text, struct address *address, bool bracketed,
		      struct err *err)
{
	struct in6_addr bytes;
	char host[HOST_MAX + 1];

	if (address->host_length == 0)
		return err_set(err, -EINVAL,
			       "address \"%.80s\" has no host: write it like "
			       "\"10.0.0.1:5000\"",
			       text);
	if (address->host_length > HOST_MAX)
		return err_set(err, -EINVAL,
			       "the host of address \"%.20s...\" is longer "
			       "than %d bytes: shorten it",
			       text, HOST_MAX);
	memcpy(host, address->host, address->host_length);
	host[address->host_length] = '\0';
	address->numeric =
		inet_pton(bracketed ? AF_INET6 : AF_INET, host, &bytes) == 1;
	if (address->numeric || (!bracketed && host_is_name(host)))
		return 0;
	return err_set(
		err, -EINVAL,
		"\"%.80s\" is neither an IP address nor a name: write it "
		"like \"10.0.0.1:5000\", \"[2001:db8::1]:5000\" or "
		"\"api1.example:5000\"",
		text);
}

int value_address(const char *text, struct address *ret_address,
		  struct err *err)
{
	struct address address = { .host = text };
	bool bracketed = *text == '[';
	const char *end, *colon;
	int r;

	if (bracketed) {
		address.host++;
		end = strchr(text, ']');
		if (end == NULL)
			return err_set(err, -EINVAL,
				       "address \"%.80s\" has no ']': write it "
				       "like \"[2001:db8::1]:5000\"",
				       text);
		colon = end + 1;
	} else {
		colon = end = strchrnul(text, ':');
		if (*colon == ':' && strchr(colon + 1, ':') != NULL)
			return err_set(
				err, -EINVAL,
				"address \"%.80s\" has many colons: write "
				"IPv6 like \"[2001:db8::1]:5000\"",
				text);
	}
	address.host_length = (size_t)(end - address.host);
	r = host_check(text, &address, bracketed, err);
	if (r < 0)
		return r;
	if (*colon != '\0' && *colon != ':')
		return err_set(err, -EINVAL,
			       "address \"%.80s\" goes on after ']': write it "
			       "like \"[2001:db8::1]:5000\"",
			       text);
	if (*colon == ':')
		r = port_parse(text, colon + 1, &address.port, err);
	if (r < 0)
		return r;
	*ret_address = address;
	return 0;
}
