#include "cli/client_io.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

/* A document of 20,000 targets is about 20 MB. */
#define ANSWER_MAX ((size_t)256 << 20)

static const char *socket_path(const char *given)
{
	const char *path = given != NULL ? given : getenv("BASCULE_SOCKET");

	return path != NULL && path[0] != '\0' ? path : CLIENT_SOCKET;
}

int client_new(const char *socket, struct client **ret_client, struct err *err)
{
	const char *path = socket_path(socket);
	struct client *client;

	if (strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return err_set(err, -ENAMETOOLONG,
			       "%s: too long for a socket's path", path);
	client = calloc(1, sizeof(*client));
	if (client == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	client->timeout_s = CLIENT_TIMEOUT;
	client->socket = strdup(path);
	client->curl = curl_easy_init();
	if (client->socket == NULL || client->curl == NULL) {
		client_free(client);
		return err_set(err, -ENOMEM, "out of memory");
	}
	*ret_client = client;
	return 0;
}

void client_free(struct client *client)
{
	if (client == NULL)
		return;
	curl_easy_cleanup(client->curl);
	free(client->socket);
	free(client->text);
	free(client);
}

void client_wait(struct client *client, long seconds)
{
	client->timeout_s = seconds;
}

bool client_unreachable(const struct client *client)
{
	return client->unreachable;
}

bool client_keep(struct client *client, const char *data, size_t size)
{
	size_t room = client->room == 0 ? 16384 : client->room;
	char *text;

	if (size >= ANSWER_MAX - client->used)
		return false;
	while (room <= client->used + size)
		room *= 2;
	if (room > client->room) {
		text = realloc(client->text, room);
		if (text == NULL)
			return false;
		client->text = text;
		client->room = room;
	}
	memcpy(client->text + client->used, data, size);
	client->used += size;
	client->text[client->used] = '\0';
	return true;
}

static size_t on_data(char *data, size_t one, size_t size, void *arg)
{
	return client_keep(arg, data, one * size) ? size : 0;
}

/* Who may use the socket, for the sentence about permission. */
static void socket_group(const char *path, char *group, size_t size)
{
	const struct group *gr = NULL;
	struct stat st;

	if (stat(path, &st) == 0)
		gr = getgrgid(st.st_gid);
	snprintf(group, size, "%s", gr != NULL ? gr->gr_name : "bascule");
}

static int say_denied(const struct client *client, struct err *err)
{
	char group[64];

	socket_group(client->socket, group, sizeof(group));
	return err_set(err, -EACCES,
		       "%s: permission denied: only root and the group %s may "
		       "use it (adduser USER %s, then log in again)",
		       client->socket, group, group);
}

static int say_no_connection(const struct client *client, struct err *err)
{
	long os = 0;

	curl_easy_getinfo(client->curl, CURLINFO_OS_ERRNO, &os);
	switch (os) {
	case ENOENT:
	case ENOTDIR:
		return err_set(err, -ENOENT,
			       "no socket at %s: is basculed running? "
			       "(systemctl status basculed)",
			       client->socket);
	case EACCES:
	case EPERM:
		return say_denied(client, err);
	case ECONNREFUSED:
		return err_set(err, -ECONNREFUSED,
			       "nobody answers at %s: basculed has gone "
			       "(journalctl -u basculed)",
			       client->socket);
	case EAGAIN:
		return err_set(err, -ETIMEDOUT,
			       "%s is full: basculed takes no more questions "
			       "(journalctl -u basculed)",
			       client->socket);
	default:
		return err_set(err, -ECONNREFUSED, "%s: %s", client->socket,
			       os != 0 ? strerror((int)os) : "cannot connect");
	}
}

int client_failed(struct client *client, CURLcode code, struct err *err)
{
	client->unreachable = true;
	switch (code) {
	case CURLE_COULDNT_CONNECT:
		return say_no_connection(client, err);
	case CURLE_OPERATION_TIMEDOUT:
		return err_set(err, -ETIMEDOUT,
			       "basculed does not answer at %s: waited %d s "
			       "(systemctl status basculed)",
			       client->socket, (int)client->timeout_s);
	case CURLE_OUT_OF_MEMORY:
	case CURLE_WRITE_ERROR:
		return err_set(err, -ENOMEM, "out of memory");
	default:
		return err_set(err, -EPROTO, "%s: %s", client->socket,
			       curl_easy_strerror(code));
	}
}

/* "api1: no such target" and, where a name is not enough, what would be. */
static int say_refused(const json_t *json, long status, struct err *err)
{
	const char *text = json_string_value(json_object_get(json, "error"));
	const json_t *names = json_object_get(json, "candidates"), *name;
	size_t used, i;

	if (text == NULL)
		return err_set(err, -EPROTO, "the daemon answered %ld", status);
	err_set(err, status == 404 ? -ENOENT : -EBUSY, "%s", text);
	json_array_foreach(names, i, name)
	{
		used = strlen(err->text);
		snprintf(err->text + used, sizeof(err->text) - used, "%s%s",
			 i == 0 ? ": " : ", ", json_string_value(name));
	}
	return status == 404 ? -ENOENT : -EBUSY;
}

int client_answer(struct client *client, json_t **ret_json, struct err *err)
{
	struct err own = { 0 };
	json_error_t bad;
	long status = 0;
	json_t *json;
	int r;

	curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
	json = json_loadb(client->text != NULL ? client->text : "",
			  client->used, 0, &bad);
	if (status >= 200 && status < 300 && json != NULL) {
		*ret_json = json;
		return 0;
	}
	if (json == NULL)
		return err_set(err, -EPROTO,
			       "%s: the answer is not basculed's (%ld, %s)",
			       client->socket, status, bad.text);
	r = say_refused(json, status, &own);
	json_decref(json);
	return err_set(err, r, "%s", own.text);
}

int client_prepare(struct client *client, const char *path, struct err *err)
{
	CURL *curl = client->curl;
	char url[4096];

	if (snprintf(url, sizeof(url), "http://bascule%s", path) >=
	    (int)sizeof(url))
		return err_set(err, -ENAMETOOLONG, "the question is too long");
	client->used = 0;
	client->unreachable = false;
	if (client->text != NULL)
		client->text[0] = '\0';
	curl_easy_reset(curl);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, client->socket);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, client);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	return 0;
}

static int perform(struct client *client, const char *path, json_t **ret_json,
		   struct curl_slist *headers, const char *body,
		   struct err *err)
{
	CURLcode code;
	int r = client_prepare(client, path, err);

	if (r < 0)
		return r;
	curl_easy_setopt(client->curl, CURLOPT_TIMEOUT, client->timeout_s);
	if (body != NULL) {
		curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, body);
		curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, headers);
	}
	code = curl_easy_perform(client->curl);
	if (code != CURLE_OK)
		return client_failed(client, code, err);
	return client_answer(client, ret_json, err);
}

int client_get(struct client *client, const char *path, json_t **ret_json,
	       struct err *err)
{
	return perform(client, path, ret_json, NULL, NULL, err);
}

int client_post(struct client *client, const char *path, const json_t *body,
		json_t **ret_json, struct err *err)
{
	struct curl_slist *headers;
	char *text = json_dumps(body, JSON_COMPACT);
	int r = -ENOMEM;

	headers = curl_slist_append(NULL, "Content-Type: application/json");
	if (text != NULL && headers != NULL)
		r = perform(client, path, ret_json, headers, text, err);
	else
		err_set(err, -ENOMEM, "out of memory");
	curl_slist_free_all(headers);
	free(text);
	return r;
}

int client_query(char *path, size_t size, const char *name, const char *value)
{
	size_t used = strlen(path);
	char *escaped;
	int n;

	if (value == NULL)
		return 0;
	escaped = curl_easy_escape(NULL, value, 0);
	if (escaped == NULL)
		return -ENOMEM;
	n = snprintf(path + used, size - used, "%c%s=%s",
		     strchr(path, '?') == NULL ? '?' : '&', name, escaped);
	curl_free(escaped);
	return n < (int)(size - used) ? 0 : -ENAMETOOLONG;
}
