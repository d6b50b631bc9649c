/* Pages that only read the view. */
#include "controller/daemon/web_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "controller/daemon/api.h"
#include "controller/daemon/metrics.h"

static const char index_text[] =
	"bascule\n"
	"\n"
	"/metrics            Prometheus text, or OpenMetrics\n"
	"/livez              200 or 503: the loop turns\n"
	"/readyz             200 or 503: it can do its work\n"
	"/startupz           200 or 503: every target was judged once\n"
	"/api/v1/status      the whole state\n"
	"/api/v1/target      one target: ?name=api1 or ?name=api/api1\n"
	"/api/v1/plan        a switchover: ?group=db&to=pg2\n"
	"/api/v1/incidents   ?since=7d&limit=1000&service=api\n"
	"/api/v1/events      ?since=1h&limit=1000&after=ID&follow=1\n"
	"/route/GROUP/TARGET 200 or 503: writes may go to this database\n"
	"/primary, /replica  200 or 503: the same of the one that this node\n"
	"                    hosts; ?group=db&lag=1MB\n"
	"/api/v1/maintenance POST, on the control socket alone\n"
	"/api/v1/reset POST, on the control socket alone\n"
	"/api/v1/switchover  POST, on the control socket alone\n";

void web_index(struct web_request *req)
{
	web_answer_text(req, MHD_HTTP_OK, "text/plain; charset=utf-8",
			index_text, sizeof(index_text) - 1);
}

static void answer_health(struct web_request *req, enum api_probe probe)
{
	bool started = web_started(req->web), ok = false;
	json_t *doc = api_health(web_view(req->web), probe, started, &ok);

	web_answer_json(req, ok ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE,
			doc);
}

void web_live(struct web_request *req)
{
	answer_health(req, API_LIVE);
}

void web_ready(struct web_request *req)
{
	answer_health(req, API_READY);
}

void web_startup(struct web_request *req)
{
	answer_health(req, API_STARTED);
}

void web_metrics(struct web_request *req)
{
	struct metrics_page *page = calloc(1, sizeof(*page));
	struct web_document doc = { .state = page, .piece = metrics_piece };

	if (page == NULL)
		return;
	page->log_dropped = req->web->doors.log_dropped(req->web->doors.arg);
	page->openmetrics =
		web_header_has(req, "Accept", "application/openmetrics-text");
	doc.type = page->openmetrics
			   ? "application/openmetrics-text; version=1.0.0;"
			     " charset=utf-8"
			   : "text/plain; version=0.0.4; charset=utf-8";
	web_answer_document(req, doc);
}

void web_status(struct web_request *req)
{
	struct api_status *status = calloc(1, sizeof(*status));
	struct web_document doc = { .state = status,
				    .piece = api_status_piece,
				    .type = "application/json" };

	if (status == NULL)
		return;
	status->started = web_started(req->web);
	web_answer_document(req, doc);
}

void web_target(struct web_request *req)
{
	const struct daemon_view *view = web_view(req->web);
	const char *name = web_argument(req, "name");
	json_t *candidates = NULL, *doc;
	unsigned target;
	int r;

	if (name == NULL) {
		web_answer_error(req, MHD_HTTP_BAD_REQUEST,
				 "name is missing: ?name=SERVICE/TARGET");
		return;
	}
	r = api_find_target(view->set, name, &target, &candidates);
	if (r == 0) {
		web_answer_json(req, MHD_HTTP_OK, api_target(view, target));
	} else if (r == -ENOENT) {
		web_answer_error(req, MHD_HTTP_NOT_FOUND, "no target %s", name);
	} else {
		doc = json_object();
		json_object_set_new(doc, "error",
				    json_string("several targets are called"
						" so"));
		json_object_set_new(doc, "candidates", candidates);
		web_answer_json(req, MHD_HTTP_CONFLICT, doc);
	}
}
