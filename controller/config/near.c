#include "controller/config/near.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>

#define WORD_MAX 32

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned least = a < b ? a : b;

	return least < c ? least : c;
}

/* How many letters must be put in, taken out, changed or swapped with their
 * neighbour to make @a of @b; both are at most WORD_MAX long.
 */
static unsigned distance(const char *a, const char *b)
{
	unsigned d[WORD_MAX + 1][WORD_MAX + 1];
	size_t la = strlen(a), lb = strlen(b), i, j;
	unsigned change;

	for (i = 0; i <= la; i++)
		d[i][0] = (unsigned)i;
	for (j = 0; j <= lb; j++)
		d[0][j] = (unsigned)j;
	for (i = 1; i <= la; i++) {
		for (j = 1; j <= lb; j++) {
			change = a[i - 1] != b[j - 1];
			d[i][j] = min3(d[i - 1][j] + 1, d[i][j - 1] + 1,
				       d[i - 1][j - 1] + change);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && d[i - 2][j - 2] < d[i][j])
				d[i][j] = d[i - 2][j - 2] + 1;
		}
	}
	return d[la][lb];
}

unsigned near_distance(const char *name, const char *known)
{
	char plain[WORD_MAX + 1];
	size_t i;

	if (strlen(name) > WORD_MAX || strlen(known) > WORD_MAX)
		return UINT_MAX;

	for (i = 0; name[i] != '\0'; i++) {
		plain[i] = name[i] == '-' ? '_' : name[i];
		if (plain[i] >= 'A' && plain[i] <= 'Z')
			plain[i] = (char)(plain[i] - 'A' + 'a');
	}
	plain[i] = '\0';
	return distance(plain, known);
}

unsigned near_bound(const char *name)
{
	size_t length = strlen(name);

	return 1 + (unsigned)(length < 3 ? 1 : 1 + length / 3);
}
