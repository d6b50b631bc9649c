/* The members of the daemon's JSON documents.
 *
 * A member that is absent, null or of another type reads as nothing known:
 * "", 0, false, SPAN_NONE.  Texts are borrowed from the document.
 */
#ifndef BASCULE_CLI_FIELDS_H
#define BASCULE_CLI_FIELDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

const char *field_text(const json_t *obj, const char *name);
bool field_bool(const json_t *obj, const char *name);
int64_t field_count(const json_t *obj, const char *name);

/* A number, or @unknown. */
double field_number(const json_t *obj, const char *name, double unknown);

/* Seconds -> microseconds, or SPAN_NONE. */
int64_t field_span_us(const json_t *obj, const char *name);

/* A point in time -> microseconds since 1970, or 0. */
int64_t field_wall_us(const json_t *obj, const char *name);

/* Print a document for programs. */
void json_print(const json_t *json, FILE *out);

#endif
