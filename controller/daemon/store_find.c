/* The answers to questions about what is stored. */
#include "controller/daemon/store_queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "controller/daemon/api.h"
#include "controller/daemon/api_json.h"

/* Rows become documents here, where they hold up nobody. */
static int find_incidents(struct db *db, const char *boot,
			  const struct store_question *q, struct reply *reply,
			  struct err *err)
{
	struct row_incident *rows = NULL;
	struct buffer to = { 0 };
	json_t *doc;
	size_t count, i;
	int r;

	r = db_incidents(db, q->since_wall_us, q->service, q->limit, &rows,
			 &count, &reply->more, err);
	if (r < 0)
		return r;
	buffer_add(&to, "");
	for (i = 0; i < count; i++) {
		/* How long it is out already is known to this boot alone. */
		if (strcmp(rows[i].boot, boot) != 0)
			rows[i].inc.outage_since = INSTANT_NONE;
		doc = api_incident(&rows[i].inc, rows[i].service,
				   rows[i].target, rows[i].nodes, loop_clock());
		if (i > 0)
			buffer_add(&to, ",\n");
		api_dump(doc, &to);
	}
	free(rows);
	reply->json = to.buf;
	return to.failed ? err_set(err, -ENOMEM, "out of memory") : 0;
}

int store_find(struct db *db, const char *boot, const struct store_question *q,
	       struct reply *reply, struct err *err)
{
	if (q->kind == STORE_EVENTS)
		return db_events(db, q->since_wall_us, q->after, q->limit,
				 &reply->json, &reply->last, &reply->more, err);
	return find_incidents(db, boot, q, reply, err);
}
