#include "controller/io/secret.h"

#include <sodium.h>
#include <stdlib.h>

struct secret *secret_new(size_t size)
{
	struct secret *secret = malloc(sizeof(*secret));

	if (secret == NULL || sodium_init() < 0) {
		free(secret);
		return NULL;
	}
	secret->size = size;
	secret->bytes = sodium_malloc(size);
	if (secret->bytes == NULL) {
		free(secret);
		return NULL;
	}
	sodium_memzero(secret->bytes, size);
	return secret;
}

void secret_free(struct secret *secret)
{
	if (secret == NULL)
		return;
	sodium_free(secret->bytes);
	free(secret);
}
