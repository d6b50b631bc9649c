/* Server-Sent Events from the daemon. */

#include <errno.h>
#include <string.h>

#include "cli/client_io.h"

#define WAIT_MS 1000

/* A stream that is being read. */
struct follow {
	struct client *client;
	const struct client_stream *stream;
	CURLM *multi;
	bool ended; /* by a callback */
};

/* One line of the stream; only "data:" lines matter, one for each event. */
static void take_line(struct follow *fol, const char *line, size_t size)
{
	static const char mark[] = "data:";
	size_t skip = sizeof(mark) - 1;
	json_t *event;

	if (size < skip || memcmp(line, mark, skip) != 0)
		return;
	event = json_loadb(line + skip, size - skip, 0, NULL);
	if (event != NULL && !fol->ended)
		fol->ended = !fol->stream->event(event, fol->stream->arg);
	json_decref(event);
}

/* Take the whole lines out of what has come. */
static void take_lines(struct follow *fol)
{
	struct client *client = fol->client;
	char *line = client->text, *end;
	size_t left = client->used;

	while ((end = memchr(line, '\n', left)) != NULL) {
		take_line(fol, line, (size_t)(end - line));
		left -= (size_t)(end + 1 - line);
		line = end + 1;
	}
	memmove(client->text, line, left);
	client->used = left;
	client->text[left] = '\0';
}

static size_t on_data(char *data, size_t one, size_t size, void *arg)
{
	struct follow *fol = arg;
	long status = 0;

	if (!client_keep(fol->client, data, one * size))
		return 0;
	curl_easy_getinfo(fol->client->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status == 200)
		take_lines(fol);
	return size;
}

/* Whether the transfer is over, and how. */
static bool is_over(struct follow *fol, CURLcode *ret_code)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(fol->multi, &left)) != NULL) {
		if (msg->msg == CURLMSG_DONE) {
			*ret_code = msg->data.result;
			return true;
		}
	}
	return false;
}

static void wait(const struct follow *fol)
{
	struct curl_waitfd fd = { .fd = fol->stream->wake_fd,
				  .events = CURL_WAIT_POLLIN };

	curl_multi_poll(fol->multi, &fd, fd.fd >= 0, WAIT_MS, NULL);
}

/* Run until a callback or the daemon ends it; CURLE_OK for either. */
static CURLcode run(struct follow *fol)
{
	CURLcode code = CURLE_OK;
	int running;

	for (;;) {
		if (curl_multi_perform(fol->multi, &running) != CURLM_OK)
			return CURLE_OUT_OF_MEMORY;
		if (fol->ended || is_over(fol, &code))
			return code;
		if (fol->stream->idle != NULL &&
		    !fol->stream->idle(fol->stream->arg)) {
			fol->ended = true;
			return CURLE_OK;
		}
		wait(fol);
	}
}

/* The stream is over: because somebody wanted it, or what went wrong. */
static int conclude(struct follow *fol, CURLcode code, struct err *err)
{
	struct client *client = fol->client;
	json_t *json = NULL;
	long status = 0;
	int r;

	if (fol->ended)
		return 0;
	curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status == 0)
		return client_failed(client, code, err);
	if (status != 200) {
		r = client_answer(client, &json, err);
		json_decref(json);
		return r < 0 ? r : -EPROTO;
	}
	client->unreachable = true;
	return err_set(err, -EPIPE, "basculed has ended the connection");
}

int client_follow(struct client *client, const char *path,
		  const struct client_stream *stream, struct err *err)
{
	struct follow fol = { .client = client, .stream = stream };
	CURLcode code;
	int r = client_prepare(client, path, err);

	if (r < 0)
		return r;
	fol.multi = curl_multi_init();
	if (fol.multi == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, &fol);
	curl_easy_setopt(client->curl, CURLOPT_CONNECTTIMEOUT,
			 (long)CLIENT_TIMEOUT);
	curl_multi_add_handle(fol.multi, client->curl);
	code = run(&fol);
	r = conclude(&fol, code, err);
	curl_multi_remove_handle(fol.multi, client->curl);
	curl_multi_cleanup(fol.multi);
	return r;
}
