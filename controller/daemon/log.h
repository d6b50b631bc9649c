/* The log: notes to the journal with their fields, or lines to stderr.
 *
 * Never waits: what journald or the reader of a pipe does not take at once is
 * dropped and counted, and the count is told with the next line that goes
 * through.  sd_journal_sendv() is not used because it blocks while journald
 * stands still; the protocol is the documented one
 * (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/).
 */
#ifndef BASCULE_DAEMON_LOG_H
#define BASCULE_DAEMON_LOG_H

#include <stdint.h>

#include "controller/core/note.h"

struct log;

/* Open the journal when stderr leads there ($JOURNAL_STREAM, as systemd sets
 * it), stderr otherwise.  Returns NULL when memory is out. */
struct log *log_open(void);

/* The same with the places given: @journal is the path of the journal's
 * socket or NULL for lines to @fd, which is borrowed. */
struct log *log_open_at(const char *journal, int fd);

void log_close(struct log *log);

/* Write @note, unless it is for debugging; @text is note_text() of it, made
 * once by the caller. */
void log_note(struct log *log, const struct note *note,
	      const struct settings *set, const char *text);

/* Write a line that is no note: start-up, files, sockets. */
void log_line(struct log *log, enum note_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Lines dropped since the start. */
uint64_t log_dropped(const struct log *log);

/* "err", "warning", ...: journald's and our documents' word for a level. */
const char *log_level_name(enum note_level level);

#endif
