/* The daemon, asked over its control socket: HTTP over a UNIX socket.
 *
 * What goes wrong is said in the words of a person who can mend it.  Errors:
 * -ENOENT no daemon (or, for a name, none of that name), -EACCES, -ETIMEDOUT,
 * -EBUSY refused, -EPROTO not our daemon, others as errno.  Documents are the
 * caller's to json_decref().
 */
#ifndef BASCULE_CLI_CLIENT_H
#define BASCULE_CLI_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "controller/core/err.h"

#define CLIENT_SOCKET  "/run/bascule/control.sock"
#define CLIENT_TIMEOUT 8 /* seconds for one answer */

struct client;

/* @socket: NULL means $BASCULE_SOCKET, or else CLIENT_SOCKET. */
int client_new(const char *socket, struct client **ret_client, struct err *err);
void client_free(struct client *client);

/* Whether the last call failed because the daemon could not be reached, or
 * did not answer. */
bool client_unreachable(const struct client *client);

/* Wait that many seconds for an answer, instead of CLIENT_TIMEOUT. */
void client_wait(struct client *client, long seconds);

int client_get(struct client *client, const char *path, json_t **ret_json,
	       struct err *err);

/* @body is borrowed. */
int client_post(struct client *client, const char *path, const json_t *body,
		json_t **ret_json, struct err *err);

/* One event of a stream; returns false to end the stream. */
typedef bool (*client_event_fn)(const json_t *event, void *arg);

/* Called at least once a second while a stream waits, and after each event;
 * returns false to end the stream. */
typedef bool (*client_idle_fn)(void *arg);

struct client_stream {
	client_event_fn event;
	client_idle_fn idle; /* may be NULL */
	void *arg;
	int wake_fd; /* readable: call idle at once; -1: none */
};

/* Follow Server-Sent Events until a callback says no (0), or the stream ends
 * (-EPIPE) or fails. */
int client_follow(struct client *client, const char *path,
		  const struct client_stream *stream, struct err *err);

/* Put "&name=value", escaped, at the end of @path; the first one gets the
 * '?'.  A NULL @value adds nothing.  Returns 0 or -ENAMETOOLONG. */
int client_query(char *path, size_t size, const char *name, const char *value);

#endif
