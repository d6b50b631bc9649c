/* Configurations of clusters, for tests of what is wrong in them. */
#ifndef BASCULE_TESTS_CLUSTER_TEXT_H
#define BASCULE_TESTS_CLUSTER_TEXT_H

#include "tests/unit/config_text.h"

#define CLUSTER_THREE                                                          \
	"{ name = \"n1\"; address = \"10.0.0.1:7400\"; },\n"                   \
	"{ name = \"n2\"; address = \"10.0.0.2:7400\"; },\n"                   \
	"{ name = \"n3\"; address = \"10.0.0.3:7400\"; witness = true; }\n"

/* An empty key file, from the first until the second of these, which are a
 * group's setup and teardown. */
extern char cluster_key_path[64];
int cluster_key_make(void **state);
int cluster_key_drop(void **state);

/* Node n1 and, on line 2, a cluster with @inside, from line 3 @nodes, then
 * @after and a service "s" of one target.  Valid until the next call.
 */
const char *cluster_text(const char *inside, const char *nodes,
			 const char *after);

/* As config_wrong() of that text. */
void cluster_wrong(const char *inside, const char *nodes, const char *after,
		   const char *wanted);

#endif
