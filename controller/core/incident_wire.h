/* Records of incidents as nodes tell them to each other.
 *
 * Services, targets and nodes are known by the hash of their name; points in
 * time travel as their age, so that each node has them on its own clock, and
 * for people as they were written down.  Each record has its size before it:
 * a newer program may append fields, which are passed over here.  A record
 * without a number is what the sender's checks found, for the recorder.
 */
#ifndef BASCULE_CORE_INCIDENT_WIRE_H
#define BASCULE_CORE_INCIDENT_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "controller/core/incident.h"

/* Room for the longest record. */
#define INCIDENT_WIRE_MAX 320

/* The names as hashes; 0: none.  The service of a node's incident is
 * INCIDENT_WIRE_NODE, which no hash is. */
struct incident_ids {
	uint32_t service, target;
};

#define INCIDENT_WIRE_NODE 0

/* Returns the bytes written, or 0 when @size is too small. */
size_t incident_encode(const struct incident *inc,
		       const struct incident_ids *ids, struct instant now,
		       uint8_t *buf, size_t size);

/* Read the first record; its service and target are the caller's to set.
 *
 * Returns how many bytes it took, or a negative errno when what follows is no
 * record. */
int incident_decode(const uint8_t *buf, size_t size, struct instant now,
		    struct incident *ret_inc, struct incident_ids *ret_ids);

#endif
