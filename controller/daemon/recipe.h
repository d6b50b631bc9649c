/* The release recipe: what being primary did on this machine, and how it is
 * undone.
 *
 * Written into the runtime folder before the first promote work starts and
 * removed when all is undone.  Daemon, guard and `basculed --release` undo by
 * it, and not by a configuration that may be half edited.  One KEY=VALUE a
 * line, so that a unit can have it as EnvironmentFile=:
 *
 *	# bascule release 1
 *	BASCULE_NODE=node1
 *	BASCULE_TERM=7
 *	BASCULE_EPOCH=3
 *	BASCULE_REASON=elected
 *	RELEASE_TIMEOUT_MS=5000
 *	RELEASE_INTERFACE=eth0			addresses to remove from it
 *	RELEASE_ADDRESSES=192.168.1.100/24 fd00::100/64
 *	RELEASE_TRACK_FILE=/run/bascule/keepalived.weight	first of all
 *	RELEASE_CANCEL=bascule-promote.service	a unit that is being started
 *	RELEASE_DEMOTE=/etc/bascule/demote	or unit:NAME
 *	# end
 *
 * Nothing here allocates.
 */
#ifndef BASCULE_DAEMON_RECIPE_H
#define BASCULE_DAEMON_RECIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/core/err.h"
#include "controller/core/vip.h"

#define RECIPE_NAME     "release"
#define RECIPE_MAX      8192 /* bytes of the file */
#define RECIPE_WORD_MAX 63
#define RECIPE_UNIT_MAX 255
#define RECIPE_HOOK_MAX 1023
#define RECIPE_PATH_MAX 256 /* of the file itself */

struct recipe {
	char node[RECIPE_WORD_MAX + 1];
	char reason[RECIPE_WORD_MAX + 1];
	uint64_t term, epoch;
	int64_t timeout_us;                  /* of the demote hook */
	char interface[RECIPE_WORD_MAX + 1]; /* "": none, as below */
	char addresses[VIP_ADDRESSES_MAX * VIP_TEXT_MAX]; /* one space apart */
	char track_file[RECIPE_PATH_MAX];
	char cancel[RECIPE_UNIT_MAX + 1];
	char demote[RECIPE_HOOK_MAX + 1];
	bool strange; /* it holds keys of a later version */
};

/* Copy @text; bytes that would break the file become '?'.  Returns false when
 * it is too long, and then it is cut. */
bool recipe_set(char *field, size_t size, const char *text);

/* Write @recipe as text.  Returns its size, which is below @size, or -EFBIG. */
int recipe_print(const struct recipe *recipe, char *buf, size_t size);

/* Returns 0 or -EBADMSG and what is wrong; @text ends with a NUL. */
int recipe_parse(const char *text, size_t size, struct recipe *ret_recipe,
		 struct err *err);

/* Put it into @folder, whole or not at all. */
int recipe_write(const char *folder, const struct recipe *recipe,
		 struct err *err);

/* Returns 0, -ENOENT when there is nothing to release (@err is untouched),
 * -EPERM when the file is somebody else's, or another -errno. */
int recipe_read(const char *folder, struct recipe *ret_recipe, struct err *err);

/* It need not be there. */
int recipe_remove(const char *folder, struct err *err);

#endif
