/* How near a misspelt name is to a known one. */
#ifndef BASCULE_CONFIG_NEAR_H
#define BASCULE_CONFIG_NEAR_H

/* What tells @name from @known, in letters: case and '-' for '_' count little.
 * UINT_MAX for names that are too long to be compared. */
unsigned near_distance(const char *name, const char *known);

/* A known name as far as that, or farther, was not meant by @name. */
unsigned near_bound(const char *name);

#endif
