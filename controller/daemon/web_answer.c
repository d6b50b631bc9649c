/* Answers: short ones whole, long ones while they are sent. */
#include "controller/daemon/web_state.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/daemon/api.h"
#include "controller/daemon/api_json.h"

#define AT_ONCE ((size_t)64 * 1024)

static void answer(struct web_request *req, unsigned status,
		   struct MHD_Response *response, const char *type)
{
	if (response == NULL)
		return;
	MHD_add_response_header(response, "Content-Type", type);
	MHD_add_response_header(response, "Cache-Control", "no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	req->response = response;
	req->status = status;
}

void web_answer_text(struct web_request *req, unsigned status, const char *type,
		     const char *text, size_t size)
{
	answer(req, status,
	       MHD_create_response_from_buffer(size, (void *)(uintptr_t)text,
					       MHD_RESPMEM_MUST_COPY),
	       type);
}

void web_answer_json(struct web_request *req, unsigned status, json_t *doc)
{
	char *text = json_dumps(doc, API_DUMP);

	json_decref(doc);
	if (text == NULL)
		return;
	answer(req, status,
	       MHD_create_response_from_buffer(strlen(text), text,
					       MHD_RESPMEM_MUST_FREE),
	       "application/json");
}

void web_answer_error(struct web_request *req, unsigned status, const char *fmt,
		      ...)
{
	json_t *doc = json_object();
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_object_set_new(doc, "error", api_string(text));
	web_answer_json(req, status, doc);
}

/* ---- documents ---- */

struct stream {
	struct web *web;
	struct web_document doc;
	unsigned generation; /* of the view that it began with */
	struct buffer text;
	size_t sent;
	bool more;
};

static void stream_free(void *arg)
{
	struct stream *stream = arg;

	buffer_done(&stream->text);
	free(stream->doc.state);
	free(stream);
}

/* Make the next pieces, @most bytes and a little; false when it cannot go on:
 * no memory, or a reload has changed what it speaks of. */
static bool stream_fill(struct stream *stream, size_t most)
{
	const struct daemon_view *view = web_view(stream->web);

	if (view->generation != stream->generation)
		return false;
	*(const struct daemon_view **)stream->doc.state = view;
	buffer_reset(&stream->text);
	stream->sent = 0;
	while (stream->more && stream->text.used < most && !stream->text.failed)
		stream->more =
			stream->doc.piece(stream->doc.state, &stream->text);
	return !stream->text.failed;
}

static ssize_t stream_read(void *arg, uint64_t at, char *buf, size_t size)
{
	struct stream *stream = arg;
	size_t left = stream->text.used - stream->sent;

	(void)at;
	if (left == 0 && stream->more) {
		if (!stream_fill(stream, size))
			return MHD_CONTENT_READER_END_WITH_ERROR;
		left = stream->text.used;
	}
	if (left == 0)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (left > size)
		left = size;
	memcpy(buf, stream->text.buf + stream->sent, left);
	stream->sent += left;
	return (ssize_t)left;
}

void web_answer_document(struct web_request *req, struct web_document doc)
{
	struct stream *stream = calloc(1, sizeof(*stream));

	if (stream == NULL || doc.state == NULL) {
		free(stream);
		free(doc.state);
		return;
	}
	stream->web = req->web;
	stream->doc = doc;
	stream->generation = web_view(req->web)->generation;
	stream->more = true;
	if (!stream_fill(stream, AT_ONCE)) {
		stream_free(stream);
		return;
	}
	if (!stream->more) {
		web_answer_text(req, MHD_HTTP_OK, doc.type, stream->text.buf,
				stream->text.used);
		stream_free(stream);
		return;
	}
	answer(req, MHD_HTTP_OK,
	       MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, AT_ONCE,
						 stream_read, stream,
						 stream_free),
	       doc.type);
}
