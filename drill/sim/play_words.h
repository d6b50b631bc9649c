/* The words of scenarios: faults that can be made and states that can be
 * asked for.  Shared by play.c and play_*.c alone. */
#ifndef BASCULE_DRILL_SIM_PLAY_WORDS_H
#define BASCULE_DRILL_SIM_PLAY_WORDS_H

#include "drill/scenario.h"
#include "drill/sim/stage.h"
#include "drill/sim/world.h"

#define PLAY_SETTINGS_MAX 64

struct play;

/* A statement and where it is played. */
struct cue {
	struct play *play;
	const struct scenario_line *line;
	bool met, over; /* WITHIN */
};

struct play {
	const struct scenario *sc;
	struct world *world;
	struct stage stage;                       /* as `reload` will have it */
	struct settings *sets[PLAY_SETTINGS_MAX]; /* owned */
	unsigned set_count;
	struct cue *cues; /* owned, one for each line */
};

/* Carry out what an `at` statement says; a word that means nothing breaks
 * the world. */
void play_fault(struct world *world, void *cue);
bool play_fault_known(const char *verb);

/* Whether what the words say is so now. */
bool play_is(struct play *play, const struct scenario_line *line);
bool play_state_known(const char *word);

#endif
