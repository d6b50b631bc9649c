/* The rules of docs/protocol.md that a mutant breaks, by name. */
#ifndef BASCULE_DRILL_SIM_MUTANTS_H
#define BASCULE_DRILL_SIM_MUTANTS_H

#include <stdint.h>

struct mutant {
	const char *name;
	uint64_t rules; /* bits of enum rule */
	const char *what;
};

extern const struct mutant mutants[];
extern const unsigned mutant_count;

/* The mutant called @name, or NULL. */
const struct mutant *mutant_find(const char *name);

#endif
