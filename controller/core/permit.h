/* The permission to write that the machine of a database keeps for it: what is
 * to become of the door of an instance (controller/io/door.h) at this node,
 * which hosts it.
 *
 * Pure.  The lease is the routing lease of docs/protocol.md, given only for the
 * document that this node holds and its own routes obey; a door that is opened
 * closes by itself when it ends.  So of an instance that is kept nothing is
 * done, and what the lease of before permitted ends with that lease.
 *
 * Whom the document names is let be written to, and who takes no writes is let
 * be read, asked and told: replicas, and an old primary that was fenced.
 */
#ifndef BASCULE_CORE_PERMIT_H
#define BASCULE_CORE_PERMIT_H

#include <stdbool.h>

#include "controller/core/database.h"
#include "controller/core/document.h"
#include "controller/core/instant.h"

enum permit {
	PERMIT_KEEP, /* as it is: it ends by itself */
	PERMIT_OPEN, /* until the lease ends */
	PERMIT_SHUT  /* at once */
};

struct permit_question {
	/* Until when this node may act by the document; NONE: not now. */
	struct instant lease;
	const struct document_group *document; /* NULL: nothing is decided */
	const char *instance;
	const struct database_facts *facts; /* by its own checks; NULL: none
					       that are fresh */
	bool doubted;                       /* they fail now */
};

enum permit permit_judge(const struct permit_question *ask, struct instant now);

#endif
