/* A stage: one HAProxy, its replicas, its clients and, on one of the two, the
 * daemon; all on loopback, in a folder of its own. */
#ifndef BASCULE_DRILL_LIVE_STAGE_H
#define BASCULE_DRILL_LIVE_STAGE_H

#include <limits.h>
#include <stdbool.h>

#include "controller/core/err.h"
#include "drill/live/proc.h"
#include "drill/live/ruler.h"

#define STAGE_REPLICAS 3
#define STAGE_NODES    3
#define STAGE_PATH_MAX 100 /* a socket's path is short */

/* Where the programs are and where logs go. */
struct stage_settings {
	const char *build;   /* the build folder */
	const char *haproxy; /* the program */
	const char *logs;
	bool daemon; /* else HAProxy checks by itself */
};

struct stage {
	struct stage_settings settings;
	char dir[STAGE_PATH_MAX / 2]; /* for sockets and configurations */
	char socket[STAGE_PATH_MAX];  /* HAProxy's runtime socket */
	char control[STAGE_PATH_MAX]; /* of the node that drives HAProxy */
	char primary[STAGE_PATH_MAX]; /* a file: who became primary last */
	char trace[PATH_MAX];         /* of the clients */
	unsigned frontend;            /* port */
	unsigned port[STAGE_REPLICAS], fault_port[STAGE_REPLICAS];
	unsigned node_port[STAGE_NODES];
	struct proc replica[STAGE_REPLICAS], node[STAGE_NODES], haproxy, load;
	struct ruler ruler;
};

extern const char *const stage_names[STAGE_REPLICAS];

/* Build and start everything; on failure what was started is ended.
 *
 * @name: of its logs and folder. */
int stage_start(struct stage *stage, const struct stage_settings *settings,
		const char *name, struct err *err);

/* End everything and remove the folder. */
void stage_end(struct stage *stage);

/* Start replica @i again on the port that it had. */
int stage_replica(struct stage *stage, unsigned i, struct err *err);

/* Start node @i's daemon, again. */
int stage_node(struct stage *stage, unsigned i, struct err *err);

/* The node that became primary last, or -1: its promote hook says so. */
int stage_primary(const struct stage *stage);

/* Switch replica @i's fault: "kind=status&code=503". */
int stage_fault(struct stage *stage, unsigned i, const char *form,
		struct err *err);

#endif
