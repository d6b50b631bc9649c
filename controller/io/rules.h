/* The kernel's rules for packets, changed by text for nftables. */
#ifndef BASCULE_IO_RULES_H
#define BASCULE_IO_RULES_H

#include "controller/core/err.h"

struct rules;

/* For one thread at a time.  Returns 0 or -errno: -EPERM when this process may
 * not change them. */
int rules_open(struct rules **ret_rules, struct err *err);

/* Accepts NULL. */
void rules_close(struct rules *rules);

/* All of @text is done, or nothing of it.  Returns 0, or -EIO with what
 * nftables says.  Waits while somebody else changes rules. */
int rules_run(struct rules *rules, const char *text, struct err *err);

#endif
