/* The file that keepalived tracks: what it says decides whether VRRP may have
 * the addresses on this node.
 *
 * keepalived adds the number in it to its priority: 0 lets it run, -254 puts it
 * into FAULT.  It fails open (a file that is empty or not there counts as 0),
 * so this one is replaced whole and never removed.  Nothing here allocates.
 */
#ifndef BASCULE_VIP_TRACK_IO_H
#define BASCULE_VIP_TRACK_IO_H

#include <stdbool.h>

#include "controller/core/err.h"

#define TRACK_PATH_MAX 256

/* Let keepalived have the addresses, or not.  Returns 0 or -errno with @err. */
int track_write(const char *path, bool may, struct err *err);

#endif
