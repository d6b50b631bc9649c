/* The drill report: faults that were planned, and how fast each was seen,
 * acted on and repaired.
 *
 * A report is a value: fill its head, add runs and aims, call
 * drill_report_conclude(), render.  JSON is authoritative, text and HTML are
 * projections of it.  Strings are copied and cut to fit.  Times of a run are
 * spans from the fault, in microseconds, SPAN_NONE for what did not happen.
 * Renderers write to a FILE and leave errors to ferror(); what returns int
 * returns 0 or -ENOMEM.
 */
#ifndef BASCULE_REPORT_DRILL_H
#define BASCULE_REPORT_DRILL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "report/span.h"
#include "report/stats.h"

#define DRILL_NAME_MAX     64
#define DRILL_TEXT_MAX     256
#define DRILL_EVIDENCE_MAX 8

enum drill_fault_type {
	DRILL_KILL,     /* SIGKILL */
	DRILL_KILL_ALL, /* every replica at once */
	DRILL_PAUSE,    /* SIGSTOP */
	DRILL_STOP,     /* a clean stop */
	DRILL_STATUS,   /* answers with an error status */
	DRILL_SLOW,
	DRILL_MUTE,
	DRILL_FLAP,
	DRILL_DROP,
	DRILL_REJECT,
	DRILL_LINK_DOWN,
	DRILL_PARTITION,
	DRILL_POWER,
	DRILL_DISK_FULL,
	DRILL_DISK_HANG,
	DRILL_FD,
	DRILL_RELOAD,
	DRILL_KILL_NODE, /* SIGKILL of the primary node's daemon */
	DRILL_FAULT_TYPES
};

enum drill_result { DRILL_PASS, DRILL_FAIL, DRILL_ERROR, DRILL_SKIPPED };

struct drill_fault {
	enum drill_fault_type type;
	char target[DRILL_NAME_MAX];
	char param[DRILL_NAME_MAX]; /* "status"; "" for none */
	int64_t value;              /* 503 */
};

/* What clients felt from the fault to the end of the run. */
struct drill_client {
	uint64_t ops, failed, slow;
	int64_t max_gap_us; /* longest time without a success */
	uint64_t acked_lost;
	int64_t dual_primary_us;
};

struct drill_evidence {
	int64_t at_us;
	char node[DRILL_NAME_MAX];
	char kind[DRILL_NAME_MAX];  /* "L4CON" */
	char class[DRILL_NAME_MAX]; /* "likely", "sure" */
};

struct drill_run {
	unsigned n; /* from 1; 0: drill_report_add() numbers it */
	enum drill_result result;
	char reason[DRILL_TEXT_MAX];
	char decision[DRILL_NAME_MAX]; /* its incident or decision */
	struct drill_fault fault;
	int64_t fault_wall_us;
	/* t1 to t9.  confirmed is "detected", routed "acted" (the last HAProxy
	 * has acknowledged), first_success the first client that succeeds
	 * again, redundant "recovered". */
	int64_t first_bad_us, suspect_us, confirmed_us, decision_us, fenced_us,
		promoted_us, routed_us, first_success_us, redundant_us;
	char held[DRILL_NAME_MAX]; /* the rule that held it back, or "" */
	struct drill_client client;
	struct drill_evidence evidence[DRILL_EVIDENCE_MAX];
	size_t evidence_count;
	char log_excerpt[1024];
};

/* A bound that the drill was to keep. */
struct drill_aim {
	char name[DRILL_NAME_MAX]; /* "kill: acted, median" */
	double value, limit;
	char unit[16]; /* "s" */
	bool met;
};

/* Figures over the runs that are neither errors nor skipped. */
struct drill_summary {
	size_t runs, pass, fail, error, skipped, held;
	unsigned false_positives;
	struct stats detected, acted, recovered, client; /* from the fault */
	struct stats react;        /* from detected to acted */
	struct drill_client total; /* sums; max_gap_us is the longest */
};

struct drill_environment {
	char node[DRILL_NAME_MAX];
	char os[DRILL_NAME_MAX], kernel[DRILL_NAME_MAX];
	unsigned cpus;
	char config_sha256[65];
};

struct drill_report {
	char id[DRILL_NAME_MAX];
	char tool_name[DRILL_NAME_MAX]; /* "bascule"; the baseline's "HAProxy"
					 */
	char tool_version[DRILL_NAME_MAX], commit[DRILL_NAME_MAX];
	char scenario[DRILL_NAME_MAX], title[DRILL_TEXT_MAX];
	char hypothesis[DRILL_TEXT_MAX], blast_radius[DRILL_NAME_MAX];
	uint64_t seed;
	struct drill_environment environment;
	int64_t started_wall_us, finished_wall_us;
	unsigned false_positives; /* targets called DOWN without a fault */
	struct drill_run *runs;   /* owned */
	size_t run_count;
	struct drill_aim *aims; /* owned */
	size_t aim_count;
	/* The same faults left to HAProxy's own checks; owned, or NULL. */
	struct drill_report *baseline;
	/* Filled by drill_report_conclude(). */
	struct drill_summary summary;
	struct drill_summary by_fault[DRILL_FAULT_TYPES];
	enum drill_result verdict;
};

/* "kill", "kill-all", ...: also in JSON. */
const char *drill_fault_name(enum drill_fault_type type);
const char *drill_result_name(enum drill_result result);

void drill_report_init(struct drill_report *rep);
void drill_report_done(struct drill_report *rep);

/* A run with nothing known yet: every time SPAN_NONE. */
void drill_run_init(struct drill_run *run, enum drill_fault_type type,
		    const char *target);

/* Append a copy of @run; pass or fail is the caller's word. */
int drill_report_add(struct drill_report *rep, const struct drill_run *run);

/* Append an aim; it is met when @value is known and not above @limit. */
int drill_report_aim(struct drill_report *rep, const char *name, double value,
		     double limit, const char *unit);

/* Compute the summaries and the verdict (fails when a run or an aim did),
 * those of the baseline first.  Call before aims are taken from a summary and
 * again when all is in.  May fail with -ENOMEM. */
int drill_report_conclude(struct drill_report *rep);

/* schema/drill-report/v1; a new reference, NULL when memory is out. */
json_t *drill_report_json(const struct drill_report *rep);

/* Text of at most 80 columns, ASCII. */
void drill_report_text(const struct drill_report *rep, FILE *out);

/* One self-contained page. */
void drill_report_html(const struct drill_report *rep, FILE *out);

/* Write JSON to @json_path and HTML to @html_path, each whole or not at all.
 * Returns 0 or a negative errno. */
int drill_report_write(const struct drill_report *rep, const char *json_path,
		       const char *html_path);

#endif
