/* An HTTP answer from anybody.
 *
 * The first byte says how the rest is cut in pieces and whether it answers a
 * HEAD.  However it is cut, the outcome is the same, and the wanted text is
 * found in the body when memmem() finds it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "checks/http_answer.h"

#define WANTED "aab"

static const struct status_range all[] = { { 100, 999 } };

struct outcome {
	struct http_answer answer;
	enum http_progress progress;
	bool reusable;
	size_t used;
};

static void expect(bool held)
{
	if (!held)
		abort();
}

static void read_pieces(struct outcome *out, const struct http_question *ask,
			char *kept, const char *buf, size_t size, size_t piece)
{
	size_t n, used;

	*out = (struct outcome){ .progress = HTTP_MORE };
	http_answer_init(&out->answer, kept);
	while (out->used < size && out->progress == HTTP_MORE) {
		n = size - out->used < piece ? size - out->used : piece;
		out->progress = http_answer_feed(&out->answer, ask,
						 buf + out->used, n, &used);
		expect(used <= n);
		expect(used == n || out->progress != HTTP_MORE);
		out->used += used;
	}
	out->reusable = http_answer_reusable(&out->answer);
	expect(!out->reusable || out->progress == HTTP_DONE);
	if (out->progress == HTTP_MORE)
		out->progress = http_answer_end(&out->answer);
	expect(out->progress != HTTP_MORE);
	expect((out->progress == HTTP_BAD) == (out->answer.why != NULL));
}

static void compare(const struct outcome *a, const struct outcome *b)
{
	expect(a->progress == b->progress);
	if (a->progress == HTTP_BAD) {
		expect(strcmp(a->answer.why, b->answer.why) == 0);
		return;
	}
	expect(a->answer.status == b->answer.status);
	expect(a->answer.body.seen == b->answer.body.seen);
	expect(a->answer.body.found == b->answer.body.found);
	expect(a->reusable == b->reusable);
	expect(a->used == b->used);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char kept[HTTP_REGEX_MAX];
	const char *buf = (const char *)data + 1;
	struct check_settings check = { .method = "GET",
					.path = "/",
					.status = all,
					.status_count = 1,
					.body = WANTED };
	struct outcome whole, pieces;
	struct http_question *ask;
	struct http_body *body = &whole.answer.body;

	if (size < 1)
		return 0;
	if ((data[0] & 1) != 0)
		check.method = "HEAD";
	expect(http_question_new(&ask, &check, NULL) == 0);
	read_pieces(&pieces, ask, kept, buf, size - 1, (data[0] >> 1) + 1U);
	read_pieces(&whole, ask, kept, buf, size - 1, size);
	compare(&whole, &pieces);
	if (whole.progress == HTTP_DONE && body->seen <= sizeof(kept))
		expect(body->found == (memmem(kept, body->seen, WANTED,
					      strlen(WANTED)) != NULL));
	http_judge(ask, whole.answer.status, body, 0);
	http_question_free(ask);
	return 0;
}
