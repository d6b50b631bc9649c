/* bascule check: one probe, once, in the Nagios plugin convention.
 *
 * The words become a small configuration, so that options have the names,
 * bounds and defaults that the settings of a check have there.
 */

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "checks/checks_io.h"
#include "cli/options.h"
#include "controller/config/keys.h"
#include "controller/config/load.h"
#include "controller/core/instant.h"

/* The plugin convention's exit codes. */
enum { NAGIOS_OK, NAGIOS_WARNING, NAGIOS_CRITICAL, NAGIOS_UNKNOWN };

/* Somebody waits at the terminal, or Nagios does for ten seconds. */
#define TIMEOUT "9s"

static const char *const exit_names[] = { "OK", "WARNING", "CRITICAL",
					  "UNKNOWN" };

/* One option that is a setting of a check. */
struct choice_option {
	const struct key *key;
	char name[32]; /* with '-' for '_' */
	struct option_list values;
};

struct probe_call {
	const struct command *cmd;
	struct choice_option options[OPTIONS_MAX];
	struct option_row rows[OPTIONS_MAX + 1];
	size_t count;
	char address[512], path[2048];
	char **argv; /* of an exec check */
	int argc;
};

/* Settings that say how often, not how, mean nothing here. */
static bool is_option(const struct key *key)
{
	if (key->type == KEY_LATER || strcmp(key->name, "command") == 0 ||
	    strcmp(key->name, "fresh_every") == 0)
		return false;
	return key->types != 0 || strcmp(key->name, "timeout") == 0 ||
	       strcmp(key->name, "slow_after") == 0;
}

static void add_option(struct probe_call *call, const struct key *key)
{
	struct choice_option *opt = &call->options[call->count];

	opt->key = key;
	snprintf(opt->name, sizeof(opt->name), "%s", key->name);
	for (char *p = opt->name; *p != '\0'; p++)
		if (*p == '_')
			*p = '-';
	call->rows[call->count] = (struct option_row){
		.name = opt->name,
		.type = OPTION_LIST,
		.value = &opt->values,
	};
	call->count++;
}

static void make_options(struct probe_call *call)
{
	for (const struct key *key = keys_check.keys; key->name != NULL; key++)
		if (is_option(key) && call->count < OPTIONS_MAX)
			add_option(call, key);
}

static void free_options(struct probe_call *call)
{
	for (size_t i = 0; i < call->count; i++)
		free(call->options[i].values.texts);
}

/* A string of the configuration. */
static void put_string(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text);
		else if (iscntrl((unsigned char)*text))
			fprintf(out, "\\x%02x", (unsigned char)*text);
		else
			fputc(*text, out);
	}
	fputc('"', out);
}

/* A list of strings. */
static void put_strings(FILE *out, const char *const *texts, size_t count)
{
	fputc('(', out);
	for (size_t i = 0; i < count; i++) {
		fputs(i > 0 ? ", " : " ", out);
		put_string(out, texts[i]);
	}
	fputs(" )", out);
}

/* Numbers and booleans stand bare where they look like such; what does not is
 * left to the configuration to refuse. */
static bool stands_bare(const struct key *key, const char *text)
{
	if (key->type == KEY_BOOLEAN)
		return strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
	if (key->type != KEY_PORT && key->type != KEY_COUNT)
		return false;
	return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

static void put_option(FILE *out, const struct choice_option *opt)
{
	const struct option_list *values = &opt->values;
	const char *last;

	if (values->count == 0)
		return;
	last = values->texts[values->count - 1];
	fprintf(out, "%s = ", opt->key->name);
	if (opt->key->type == KEY_STRINGS)
		put_strings(out, values->texts, values->count);
	else if (stands_bare(opt->key, last))
		fputs(last, out);
	else
		put_string(out, last);
	fputs("; ", out);
}

static bool given(const struct probe_call *call, const char *name)
{
	for (size_t i = 0; i < call->count; i++)
		if (strcmp(call->options[i].key->name, name) == 0)
			return call->options[i].values.count > 0;
	return false;
}

/* One line, so that the place of an error says nothing and can be cut off. */
static void put_config(const struct probe_call *call, const char *type,
		       FILE *out)
{
	fputs("haproxy = (); services = ( { name = \"check\"; check = { ", out);
	fprintf(out, "type = \"%s\"; interval = \"1h\"; ", type);
	if (!given(call, "timeout"))
		fputs("timeout = \"" TIMEOUT "\"; ", out);
	if (call->path[0] != '\0' && !given(call, "path")) {
		fputs("path = ", out);
		put_string(out, call->path);
		fputs("; ", out);
	}
	if (call->argc > 0) {
		fputs("command = ", out);
		put_strings(out, (const char *const *)call->argv,
			    (size_t)call->argc);
		fputs("; ", out);
	}
	for (size_t i = 0; i < call->count; i++)
		put_option(out, &call->options[i]);
	fputs("}; targets = ( { name = \"target\"; address = ", out);
	put_string(out, call->address);
	fputs("; } ); } );\n", out);
}

/* "http://HOST[:PORT][/PATH]" -> address and path. */
static void take_url(struct probe_call *call, const char *url, unsigned port)
{
	size_t host = strcspn(url, "/?#");
	const char *colon = memrchr(url, ':', host);
	bool numbered =
		colon != NULL &&
		memchr(colon, ']', host - (size_t)(colon - url)) == NULL;

	if (numbered)
		snprintf(call->address, sizeof(call->address), "%.*s",
			 (int)host, url);
	else
		snprintf(call->address, sizeof(call->address), "%.*s:%u",
			 (int)host, url, port);
	if (url[host] != '\0')
		snprintf(call->path, sizeof(call->path), "%s%s",
			 url[host] == '/' ? "" : "/", url + host);
}

/* What is asked: an address or a URL, or the program of an exec check. */
static int take_words(struct probe_call *call, const char *type, int count,
		      char **words)
{
	if (count == 0)
		return usage_wrong(call->cmd, strcmp(type, "exec") == 0
						      ? "which program?"
						      : "which address?");
	if (strcmp(type, "exec") == 0) {
		strcpy(call->address, "localhost");
		call->argv = words;
		call->argc = count;
		return OPTIONS_GO_ON;
	}
	if (count > 1)
		return usage_wrong(call->cmd, "%s is too much", words[1]);
	if (strncmp(words[0], "http://", 7) == 0)
		take_url(call, words[0] + 7, 80);
	else if (strncmp(words[0], "https://", 8) == 0)
		take_url(call, words[0] + 8, 443);
	else
		snprintf(call->address, sizeof(call->address), "%s", words[0]);
	return OPTIONS_GO_ON;
}

/* What the configuration says against it, without the place. */
static void print_errors(struct report *report)
{
	report_sort(report);
	for (size_t i = 0; i < report->count; i++) {
		const char *text = strstr(report->entries[i].text, ": ");

		if (!report->entries[i].warning)
			fprintf(stderr, "bascule check%s\n",
				text != NULL ? text : report->entries[i].text);
	}
}

static struct settings *make_settings(const struct probe_call *call,
				      const char *type)
{
	struct settings *set = NULL;
	struct report report;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		return NULL;
	put_config(call, type, out);
	fclose(out);
	report_init(&report);
	if (text == NULL ||
	    settings_load_text("check", text, size, &set, &report) < 0)
		print_errors(&report);
	report_done(&report);
	free(text);
	return set;
}

/* The one check under way. */
struct once {
	struct loop *loop;
	struct result result;
};

static void on_done(void *arg, unsigned target, uint64_t check_id,
		    const struct result *res)
{
	struct once *once = arg;

	(void)target;
	(void)check_id;
	once->result = *res;
	loop_stop(once->loop);
}

static int judge(const struct result *res, const struct check_settings *check)
{
	switch (result_verdict(res->code)) {
	case VERDICT_PASS:
		return res->latency_us > check->slow_after_us ? NAGIOS_WARNING
							      : NAGIOS_OK;
	case VERDICT_WARN:
		return NAGIOS_WARNING;
	case VERDICT_FAIL:
		return NAGIOS_CRITICAL;
	case VERDICT_NONE:
		break;
	}
	return NAGIOS_UNKNOWN;
}

/* A bar would begin the performance data too early. */
static void print_result(const struct result *res,
			 const struct check_settings *check, int code)
{
	char text[2 * RESULT_TEXT_MAX];

	result_text(res, text, sizeof(text));
	for (char *p = text; *p != '\0'; p++)
		if (*p == '|')
			*p = '/';
	printf("%s %s: %s | time=%.6fs;%.6f;%.6f;0",
	       check_type_name(check->type), exit_names[code], text,
	       (double)res->latency_us / (double)SECOND,
	       (double)check->slow_after_us / (double)SECOND,
	       (double)check->timeout_us / (double)SECOND);
	if (res->cert_days != RESULT_NO_CERT)
		printf(" cert_days=%d;%d:;0:", (int)res->cert_days,
		       (int)(check->expires_within_us / DAY));
	putchar('\n');
}

static int ask_once(const struct settings *set)
{
	const struct check_settings *check = &set->services[0].check;
	struct once once = { 0 };
	struct checks *checks = NULL;
	struct err err = { 0 };
	int code = NAGIOS_UNKNOWN;

	if (loop_new(&once.loop, &err) < 0 ||
	    checks_new(&checks, once.loop, set, on_done, &once, &err) < 0) {
		printf("%s UNKNOWN: %s\n", check_type_name(check->type),
		       err.text);
		goto end;
	}
	checks_start(checks, 0, 1, check->timeout_us, true);
	loop_run(once.loop);
	code = judge(&once.result, check);
	print_result(&once.result, check, code);
end:
	checks_free(checks);
	loop_free(once.loop);
	return code;
}

static bool is_type(const char *name)
{
	for (int type = CHECK_HTTP; type < CHECK_TYPES; type++)
		if (strcmp(check_type_name((enum check_type)type), name) == 0)
			return true;
	return false;
}

static int probe(struct probe_call *call, int argc, char **argv)
{
	struct settings *set;
	const char *type;
	int words, code;

	code = options_parse(call->cmd, argc, argv, call->rows, &words);
	if (code != OPTIONS_GO_ON)
		return code;
	if (words == argc)
		return usage_wrong(call->cmd, "which type of check?");
	type = argv[words];
	if (!is_type(type))
		return usage_wrong(call->cmd,
				   "%s is no type of check; there are http, "
				   "https, tcp, tls and exec",
				   type);
	code = take_words(call, type, argc - words - 1, argv + words + 1);
	if (code != OPTIONS_GO_ON)
		return code;
	set = make_settings(call, type);
	if (set == NULL)
		return NAGIOS_UNKNOWN;
	code = ask_once(set);
	settings_free(set);
	return code;
}

int check_run(const struct command *cmd, int argc, char **argv)
{
	struct probe_call call = { .cmd = cmd };
	int code;

	make_options(&call);
	code = probe(&call, argc, argv);
	free_options(&call);
	return code == EXIT_USAGE ? NAGIOS_UNKNOWN : code;
}
