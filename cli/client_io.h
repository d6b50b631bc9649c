/* What client.c and follow.c share: one libcurl handle and its answer. */
#ifndef BASCULE_CLI_CLIENT_IO_H
#define BASCULE_CLI_CLIENT_IO_H

#include <curl/curl.h>

#include "cli/client.h"

struct client {
	CURL *curl;
	char *socket; /* owned */
	char *text;   /* owned; the answer so far, NUL-terminated */
	size_t used, room;
	bool unreachable;
	long timeout_s; /* for one answer */
};

/* Set the handle up for one request; what stays is the connection. */
int client_prepare(struct client *client, const char *path, struct err *err);

/* Put @data at the end of the answer; false when it cannot be held. */
bool client_keep(struct client *client, const char *data, size_t size);

/* Say why libcurl failed; returns the negative errno. */
int client_failed(struct client *client, CURLcode code, struct err *err);

/* The document that came, or the refusal as an error. */
int client_answer(struct client *client, json_t **ret_json, struct err *err);

#endif
