/* How many trips to a target and back are lost with nobody being dead.
 *
 * A trip is counted as lost only when an answer to a later one has proved that
 * the target was there all the while: a dead one teaches nothing.  From the
 * share of lost trips follows how many in a row say that it is not the network
 * (Wald's sequential test, with independent trips: p^n <= LOSS_ERROR).
 */
#ifndef BASCULE_CORE_LOSS_H
#define BASCULE_CORE_LOSS_H

#include <stdbool.h>

#define LOSS_ONE       65536 /* all trips */
#define LOSS_TRIPS_MAX 64

/* A share of trips as it was, after one more: of a new connection, or of one
 * that stood already. */
unsigned loss_add(unsigned share, bool lost, bool fresh);

/* How many trips in a row are lost by chance, at that share, once in ten
 * million times: 1 to LOSS_TRIPS_MAX. */
unsigned loss_trips(unsigned share);

#endif
