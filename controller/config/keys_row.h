/* How a row of the table of keys names the fields it fills. */
#ifndef BASCULE_CONFIG_KEYS_ROW_H
#define BASCULE_CONFIG_KEYS_ROW_H

#include <stddef.h>

#define FIELD(struct_, field_) .offset = offsetof(struct struct_, field_)
#define COUNT(struct_, field_) .count_offset = offsetof(struct struct_, field_)
#define PORT(struct_, field_)  .port_offset = offsetof(struct struct_, field_)
#define TEXT(struct_, field_)  .text_offset = offsetof(struct struct_, field_)

#endif
