/* The rules of a check block. */

#include <ctype.h>
#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controller/config/check.h"
#include "controller/config/value.h"

#define WORDS_MAX 128

/* The types of check that @key is for, as `"http" or "https"`. */
static const char *type_words(const struct key *key, char *buffer, size_t size)
{
	const struct key *type = key_find(&keys_check, "type");
	size_t used = 0;
	int value;

	*buffer = '\0';
	for (value = CHECK_HTTP; value < CHECK_TYPES && used < size; value++)
		if (key->types & (1 << value))
			used += (size_t)snprintf(
				buffer + used, size - used, "%s\"%.80s\"",
				used ? " or " : "", key_word(type, value));
	return buffer;
}

/* Whether the type is what the file says; if not, that is reported already,
 * and what the others should be is not known.
 */
static bool type_known(const struct check_settings *check,
		       config_setting_t *given)
{
	const char *word =
		key_word(key_find(&keys_check, "type"), (int)check->type);
	config_setting_t *setting = block_given(given, "type");
	const char *text;

	if (setting == NULL)
		return true;
	text = config_setting_get_string(setting);
	return text != NULL && strcmp(text, word) == 0;
}

/* Settings that mean nothing to this type of check. */
static void check_types(const struct reader *reader,
			const struct check_settings *check,
			config_setting_t *given)
{
	const struct key *type = key_find(&keys_check, "type"), *key;
	config_setting_t *setting;
	char words[WORDS_MAX];

	for (key = keys_check.keys; key->name != NULL; key++) {
		setting = block_given(given, key->name);
		if (setting == NULL || key->types == 0 ||
		    key->types & (1 << check->type))
			continue;
		reader_error(reader, setting,
			     "%s means nothing to a check of type \"%.80s\": "
			     "remove it, or use type %s",
			     key->name, key_word(type, (int)check->type),
			     type_words(key, words, sizeof(words)));
	}
}

/* @name, given as @us, must not be longer than @limit_name. */
static void check_order(const struct reader *reader, config_setting_t *given,
			const char *name, int64_t us, const char *limit_name,
			int64_t limit_us)
{
	config_setting_t *setting = block_given(given, name);
	char text[VALUE_TEXT_MAX], limit[VALUE_TEXT_MAX];

	if (setting != NULL && us > limit_us)
		reader_error(
			reader, setting,
			"%s = \"%.80s\" is longer than %s = \"%.80s\": give "
			"at most that",
			name, value_duration_text(us, text), limit_name,
			value_duration_text(limit_us, limit));
}

static void check_lost(const struct reader *reader,
		       const struct check_settings *check,
		       config_setting_t *given)
{
	config_setting_t *setting = block_given(given, "lost");

	if (setting == NULL)
		setting = block_given(given, "lost_max");
	if (setting != NULL && check->lost > check->lost_max)
		reader_error(reader, setting,
			     "lost = %u is more than lost_max = %u: give at "
			     "most that",
			     check->lost, check->lost_max);
}

static bool has_blank(const char *text)
{
	for (; *text != '\0'; text++)
		if (isspace((unsigned char)*text) ||
		    iscntrl((unsigned char)*text))
			return true;
	return false;
}

/* What RFC 9110 calls a token: a method, the name of a header. */
static bool is_token(const char *text, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++)
		if (!isalnum((unsigned char)text[i]) &&
		    strchr("!#$%&'*+-.^_`|~", text[i]) == NULL)
			return false;
	return length > 0;
}

static void check_headers(const struct reader *reader,
			  const struct check_settings *check,
			  config_setting_t *given)
{
	config_setting_t *list = block_given(given, "headers");
	const char *header, *colon;
	size_t i;

	for (i = 0; i < check->headers_count; i++) {
		header = check->headers[i];
		colon = strchr(header, ':');
		if (colon == NULL ||
		    !is_token(header, (size_t)(colon - header)))
			reader_error(reader,
				     config_setting_get_elem(list, (unsigned)i),
				     "header \"%.80s\" is none: write it like "
				     "\"Name: value\"",
				     header);
		else if (strpbrk(header, "\r\n") != NULL)
			reader_error(
				reader,
				config_setting_get_elem(list, (unsigned)i),
				"header \"%.80s\" runs over lines: keep it "
				"on one",
				header);
	}
}

static void check_regex(const struct reader *reader,
			const struct check_settings *check,
			config_setting_t *setting)
{
	char why[128];
	regex_t regex;
	int r;

	if (check->body_regex == NULL)
		return;
	r = regcomp(&regex, check->body_regex, REG_EXTENDED | REG_NOSUB);
	if (r == 0) {
		regfree(&regex);
		return;
	}
	regerror(r, &regex, why, sizeof(why));
	reader_error(
		reader, setting,
		"body_regex \"%.80s\" does not compile (%s): write a POSIX "
		"extended regular expression",
		check->body_regex, why);
}

static void check_http(const struct reader *reader,
		       const struct check_settings *check,
		       config_setting_t *given)
{
	config_setting_t *regex = block_given(given, "body_regex");

	if (*check->path != '/' || has_blank(check->path))
		reader_error(reader, block_given(given, "path"),
			     "path \"%.80s\" is none: begin it with '/', and "
			     "write blanks as %%20",
			     check->path);
	if (!is_token(check->method, strlen(check->method)))
		reader_error(
			reader, block_given(given, "method"),
			"method \"%.80s\" is none: use one such as \"GET\"",
			check->method);
	if (check->host != NULL && has_blank(check->host))
		reader_error(
			reader, block_given(given, "host"),
			"host \"%.80s\" holds blanks: write a name such as "
			"\"api.example\"",
			check->host);
	check_headers(reader, check, given);
	check_regex(reader, check, regex);
	if (check->body != NULL && check->body_regex != NULL)
		reader_error(reader, regex,
			     "body and body_regex are both given: keep one");
	if (strcmp(check->method, "HEAD") == 0 &&
	    (check->body != NULL || check->body_regex != NULL))
		reader_error(reader, block_given(given, "method"),
			     "method \"HEAD\" brings no body to match: use "
			     "\"GET\", or remove body");
}

/* A private key that everybody can read is none. */
static void check_secret(const struct reader *reader, const char *path,
			 config_setting_t *setting)
{
	struct stat st;

	if (path != NULL && stat(path, &st) == 0 && st.st_mode & S_IROTH)
		reader_error(reader, setting,
			     "key_file \"%.80s\" can be read by everybody: "
			     "take that away with chmod o-r",
			     path);
}

static void check_tls(const struct reader *reader,
		      const struct check_settings *check,
		      config_setting_t *given)
{
	config_setting_t *cert = block_given(given, "cert_file");
	config_setting_t *key = block_given(given, "key_file");
	config_setting_t *ca = block_given(given, "ca_file");

	if (cert != NULL && key == NULL)
		reader_error(reader, cert, "cert_file has no key_file: add it");
	if (key != NULL && cert == NULL)
		reader_error(reader, key, "key_file has no cert_file: add it");
	check_secret(reader, check->key_file, key);
	if (!check->verify && ca != NULL)
		reader_warning(reader, ca,
			       "ca_file is not looked at with verify = false: "
			       "remove one of the two");
	if (check->server_name != NULL && has_blank(check->server_name))
		reader_error(reader, block_given(given, "server_name"),
			     "server_name \"%.80s\" holds blanks: write a name "
			     "such as \"api.example\"",
			     check->server_name);
}

static void check_command(const struct reader *reader, const char *program,
			  config_setting_t *setting)
{
	struct stat st;

	if (*program != '/')
		reader_error(reader, setting,
			     "command \"%.80s\" is not absolute: begin it with "
			     "'/'",
			     program);
	else if (stat(program, &st) < 0)
		reader_error(reader, setting,
			     "command \"%.80s\": %s: check the path", program,
			     strerror(errno));
	else if (!S_ISREG(st.st_mode) || access(program, X_OK) < 0)
		reader_error(reader, setting,
			     "command \"%.80s\" cannot be run: name a program, "
			     "and let the daemon's user execute it",
			     program);
}

static void check_exec(const struct reader *reader,
		       const struct check_settings *check,
		       config_setting_t *given)
{
	config_setting_t *command = block_given(given, "command");

	if (command == NULL)
		reader_error(reader, given,
			     "a check of type \"exec\" has no command: add "
			     "command = ( \"/path/to/program\" )");
	else if (check->command != NULL && check->command[0] != NULL)
		check_command(reader, check->command[0], command);
}

void check_probe(const struct reader *reader,
		 const struct service_settings *service,
		 config_setting_t *given)
{
	const struct check_settings *check = &service->check;

	if (given == NULL || !type_known(check, given))
		return;
	check_types(reader, check, given);
	check_order(reader, given, "fast_interval", check->fast_interval_us,
		    "interval", check->interval_us);
	check_order(reader, given, "timeout_min", check->timeout_min_us,
		    "timeout", check->timeout_us);
	check_order(reader, given, "slow_after", check->slow_after_us,
		    "timeout", check->timeout_us);
	check_order(reader, given, "lost_interval", check->lost_interval_us,
		    "timeout", check->timeout_us);
	check_lost(reader, check, given);
	switch (check->type) {
	case CHECK_HTTPS:
		check_tls(reader, check, given);
		check_http(reader, check, given);
		break;
	case CHECK_HTTP:
		check_http(reader, check, given);
		break;
	case CHECK_TLS:
		check_tls(reader, check, given);
		break;
	case CHECK_EXEC:
		check_exec(reader, check, given);
		break;
	case CHECK_POSTGRESQL:
	case CHECK_MYSQL:
	case CHECK_REDIS:
		check_tls(reader, check, given);
		check_database(reader, check, given);
		break;
	case CHECK_TCP:
	case CHECK_TYPES:
		break;
	}
}
