#include "drill/sim/database_world.h"

#include <assert.h>

/* The tree of rows. */

uint32_t row_add(uint32_t parent, uint32_t timeline)
{
	uint32_t row = db.row_count++;

	assert(db.row_count <= ROWS_MAX);
	db.rows[row] = (struct row){ .parent = parent,
				     .depth = db.rows[parent].depth + 1,
				     .timeline = timeline };
	return row;
}

/* Whether who is at @head has @row. */
bool row_leads_to(uint32_t row, uint32_t head)
{
	while (db.rows[head].depth > db.rows[row].depth)
		head = db.rows[head].parent;
	return head == row;
}

uint32_t row_common(uint32_t a, uint32_t b)
{
	while (a != b)
		if (db.rows[a].depth >= db.rows[b].depth)
			a = db.rows[a].parent;
		else
			b = db.rows[b].parent;
	return a;
}
