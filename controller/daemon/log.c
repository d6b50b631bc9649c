#include "controller/daemon/log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define LOG_RECORD_MAX 4096 /* PIPE_BUF: a line goes whole or not at all */
#define LOG_TEXT_MAX   1024

struct log {
	int fd;      /* borrowed when lines, owned when the journal's socket */
	bool native; /* fd is a socket for the journal's protocol */
	struct sockaddr_un addr;
	uint64_t dropped;
	uint64_t untold; /* of the dropped */
};

/* One record as it is built; what does not fit is left out. */
struct record {
	char text[LOG_RECORD_MAX];
	size_t used;
};

static void record_field(struct record *rec, const char *name,
			 const char *value)
{
	size_t left = sizeof(rec->text) - rec->used;
	size_t start = rec->used;
	int n = snprintf(rec->text + start, left, "%s=%s\n", name, value);
	size_t i, end;

	if (n < 0 || (size_t)n >= left)
		return;
	end = start + (size_t)n;
	/* A newline would begin another field. */
	for (i = start; i + 1 < end; i++)
		if (rec->text[i] == '\n')
			rec->text[i] = ' ';
	rec->used = end;
}

static void record_number(struct record *rec, const char *name, int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)value);
	record_field(rec, name, text);
}

const char *log_level_name(enum note_level level)
{
	switch (level) {
	case NOTE_ERR:
		return "err";
	case NOTE_WARNING:
		return "warning";
	case NOTE_NOTICE:
		return "notice";
	case NOTE_INFO:
		return "info";
	case NOTE_DEBUG:
		return "debug";
	}
	return "notice";
}

/* Whether stderr is the stream that systemd connected to the journal. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	return stream != NULL &&
	       sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device &&
	       st.st_ino == inode;
}

struct log *log_open(void)
{
	return log_open_at(stderr_is_journal() ? JOURNAL_SOCKET : NULL,
			   STDERR_FILENO);
}

struct log *log_open_at(const char *journal, int fd)
{
	struct log *log = calloc(1, sizeof(*log));

	if (log == NULL)
		return NULL;
	log->fd = fd;
	if (journal == NULL)
		return log;
	log->addr.sun_family = AF_UNIX;
	snprintf(log->addr.sun_path, sizeof(log->addr.sun_path), "%s", journal);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0) {
		log->fd = fd;
		log->native = true;
	}
	return log;
}

void log_close(struct log *log)
{
	if (log == NULL)
		return;
	if (log->native)
		close(log->fd);
	free(log);
}

uint64_t log_dropped(const struct log *log)
{
	return log->dropped;
}

/* The descriptor may be shared with a shell, so it is not made non-blocking;
 * a pipe that poll() calls writable takes PIPE_BUF bytes without waiting. */
static bool line_send(const struct log *log, const char *text, size_t size)
{
	struct pollfd pfd = { .fd = log->fd, .events = POLLOUT };

	if (poll(&pfd, 1, 0) != 1 || (pfd.revents & POLLOUT) == 0)
		return false;
	return write(log->fd, text, size) == (ssize_t)size;
}

static bool record_send(const struct log *log, const struct record *rec)
{
	ssize_t n = sendto(
		log->fd, rec->text, rec->used, MSG_DONTWAIT | MSG_NOSIGNAL,
		(const struct sockaddr *)&log->addr, sizeof(log->addr));

	return n == (ssize_t)rec->used;
}

static bool line_put(const struct log *log, enum note_level level,
		     const char *text)
{
	char line[LOG_RECORD_MAX], date[32];
	struct timespec ts;
	struct tm tm;
	int n;

	clock_gettime(CLOCK_REALTIME, &ts);
	localtime_r(&ts.tv_sec, &tm);
	strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &tm);
	n = snprintf(line, sizeof(line), "%s.%03ld %s: %s\n", date,
		     ts.tv_nsec / 1000000, log_level_name(level), text);
	if (n < 0 || (size_t)n >= sizeof(line))
		return false;
	return line_send(log, line, (size_t)n);
}

static void record_begin(struct record *rec, enum note_level level,
			 const char *text)
{
	rec->used = 0;
	record_field(rec, "MESSAGE", text);
	record_number(rec, "PRIORITY", level);
	record_field(rec, "SYSLOG_IDENTIFIER", "basculed");
}

/* Tell what was dropped; false while nothing goes through. */
static bool log_catch_up(struct log *log)
{
	char text[80];
	struct record rec;
	bool sent;

	if (log->untold == 0)
		return true;
	snprintf(text, sizeof(text),
		 "%llu lines were not taken by the log and are lost",
		 (unsigned long long)log->untold);
	if (log->native) {
		record_begin(&rec, NOTE_WARNING, text);
		sent = record_send(log, &rec);
	} else {
		sent = line_put(log, NOTE_WARNING, text);
	}
	if (sent)
		log->untold = 0;
	return sent;
}

/* @rec is NULL for plain lines. */
static void log_put(struct log *log, enum note_level level, const char *text,
		    const struct record *rec)
{
	bool sent = log_catch_up(log);

	if (sent)
		sent = rec != NULL ? record_send(log, rec)
				   : line_put(log, level, text);
	if (!sent) {
		log->dropped++;
		log->untold++;
	}
}

static void record_names(struct record *rec, const struct note *note,
			 const struct settings *set)
{
	if (note->service < set->service_count)
		record_field(rec, "BASCULE_SERVICE",
			     set->services[note->service].name);
	if (note->target < set->target_count)
		record_field(rec, "BASCULE_TARGET",
			     set->targets[note->target].name);
	if (note->haproxy < set->haproxy_count)
		record_field(rec, "BASCULE_HAPROXY",
			     set->haproxies[note->haproxy].name);
	if (note->incident != 0)
		record_number(rec, "BASCULE_INCIDENT", note->incident);
}

void log_note(struct log *log, const struct note *note,
	      const struct settings *set, const char *text)
{
	enum note_level level = note_level(note);
	struct record rec;

	if (level == NOTE_DEBUG)
		return;
	if (!log->native) {
		log_put(log, level, text, NULL);
		return;
	}
	record_begin(&rec, level, text);
	record_field(&rec, "BASCULE_EVENT", note_kind_name(note->kind));
	record_names(&rec, note, set);
	if (note->kind == NOTE_TARGET) {
		record_field(&rec, "BASCULE_FROM",
			     health_state_name(note->from));
		record_field(&rec, "BASCULE_TO", health_state_name(note->to));
	}
	if (note->text[0] != '\0')
		record_field(&rec, "BASCULE_REASON", note->text);
	log_put(log, level, text, &rec);
}

void log_line(struct log *log, enum note_level level, const char *fmt, ...)
{
	char text[LOG_TEXT_MAX];
	struct record rec;
	va_list ap;

	if (level == NOTE_DEBUG)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (log->native)
		record_begin(&rec, level, text);
	log_put(log, level, text, log->native ? &rec : NULL);
}
