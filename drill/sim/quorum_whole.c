#include <errno.h>
#include <stdio.h>

#include "drill/sim/quorum.h"

/* The shipped rules cannot be broken: that takes quorum-mutants. */

int quorum_hunt(struct cluster *cl, const struct quorum_options *opt)
{
	(void)cl;
	(void)opt;
	fputs("quorum: mutants are in the program quorum-mutants\n", stderr);
	return 64;
}

int quorum_break(const char *name)
{
	return name[0] == '\0' ? 0 : -ENOENT;
}
