/* Values as they stand in a configuration: text to number, and back.
 *
 * Every parser returns 0, or -EINVAL with "what is wrong: what would be
 * right" in @err (-ENOMEM where it says so); outputs are untouched then.
 */
#ifndef BASCULE_CONFIG_VALUE_H
#define BASCULE_CONFIG_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/core/err.h"
#include "controller/core/settings.h"

#define VALUE_TEXT_MAX 32

/* "250ms", "2s", "5m", "1h", "7d" -> microseconds. */
int value_duration(const char *text, int64_t *ret_us, struct err *err);

/* "1MiB", "64KiB", "0B" -> bytes. */
int value_size(const char *text, uint64_t *ret_bytes, struct err *err);

/* The shortest way to write @bytes; returns @buffer. */
const char *value_size_text(uint64_t bytes, char buffer[static VALUE_TEXT_MAX]);

/* The shortest way to write @us; returns @buffer. */
const char *value_duration_text(int64_t us, char buffer[static VALUE_TEXT_MAX]);

/* Letters, digits, '.', '_' and '-', the first a letter or digit; at most
 * SETTINGS_NAME_MAX.
 */
int value_name(const char *text, struct err *err);

/* "200", "200-299,401" -> ranges.  Call with @ranges NULL to count them. */
int value_status(const char *text, struct status_range *ranges,
		 size_t *ret_count, struct err *err);

struct address {
	const char *host; /* in the text parsed; without brackets */
	size_t host_length;
	uint16_t port; /* 0: none given */
	bool numeric;  /* an IP address, not a name */
};

/* "10.0.0.1:5000", "[::1]:5000", "name:5000"; the port may be missing. */
int value_address(const char *text, struct address *ret_address,
		  struct err *err);

#endif
