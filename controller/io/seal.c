#include "controller/io/seal.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "controller/io/key.h"

#define NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_BYTES   crypto_aead_xchacha20poly1305_ietf_ABYTES
#define NONCE_AT    SEAL_HEADER_BYTES
#define CIPHER_AT   (NONCE_AT + NONCE_BYTES)

enum {
	MAGIC_BYTES = 3,
	VERSION_AT = MAGIC_BYTES,
	CLUSTER_AT = 4,
	CLUSTER_BYTES = 8,
	LENGTH_AT = 12
};

static const uint8_t magic[MAGIC_BYTES] = { 'b', 's', 'c' };

_Static_assert(CIPHER_AT + TAG_BYTES == SEAL_OVERHEAD, "SEAL_OVERHEAD");
_Static_assert(KEY_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
	       "KEY_BYTES");
_Static_assert(SEAL_PLAIN_MAX <= UINT16_MAX, "the length has two bytes");

const char *seal_verdict_name(enum seal_verdict verdict)
{
	static const char *const names[SEAL_VERDICTS] = {
		[SEAL_FINE] = "fine",
		[SEAL_MALFORMED] = "malformed",
		[SEAL_OTHER] = "version",
		[SEAL_FOREIGN] = "foreign",
		[SEAL_OVERSIZED] = "oversized",
		[SEAL_TRUNCATED] = "truncated",
		[SEAL_UNAUTHENTIC] = "unauthentic",
	};

	return verdict < SEAL_VERDICTS ? names[verdict] : "?";
}

int seal_init(struct seal *seal, const char *cluster, const struct secret *key,
	      struct err *err)
{
	size_t size = strlen(cluster);
	uint8_t hash[crypto_generichash_BYTES];

	if (sodium_init() < 0)
		return err_set(err, -ENOSYS, "libsodium does not work here");
	if (key->size != KEY_BYTES || size > SEAL_CLUSTER_MAX)
		return err_set(err, -EINVAL,
			       "a key of %zu bytes, a cluster name of %zu",
			       key->size, size);
	seal->key = key;
	memcpy(seal->context, magic, MAGIC_BYTES);
	seal->context[VERSION_AT] = SEAL_VERSION;
	crypto_generichash(hash, sizeof(hash), (const uint8_t *)cluster, size,
			   NULL, 0);
	memcpy(seal->context + CLUSTER_AT, hash, CLUSTER_BYTES);
	memset(seal->context + LENGTH_AT, 0, SEAL_HEADER_BYTES - LENGTH_AT);
	memcpy(seal->context + SEAL_HEADER_BYTES, cluster, size);
	seal->context_size = SEAL_HEADER_BYTES + size;
	return 0;
}

/* The associated data of a datagram with @header. */
static void make_context(const struct seal *seal, const uint8_t *header,
			 uint8_t *ret_context)
{
	memcpy(ret_context, header, SEAL_HEADER_BYTES);
	memcpy(ret_context + SEAL_HEADER_BYTES,
	       seal->context + SEAL_HEADER_BYTES,
	       seal->context_size - SEAL_HEADER_BYTES);
}

size_t seal_close(const struct seal *seal, const void *bytes, size_t size,
		  uint8_t ret_sealed[SEAL_BYTES_MAX])
{
	uint8_t context[sizeof(seal->context)];

	memcpy(ret_sealed, seal->context, SEAL_HEADER_BYTES);
	ret_sealed[LENGTH_AT] = (uint8_t)(size >> 8);
	ret_sealed[LENGTH_AT + 1] = (uint8_t)size;
	make_context(seal, ret_sealed, context);
	randombytes_buf(ret_sealed + NONCE_AT, NONCE_BYTES);
	crypto_aead_xchacha20poly1305_ietf_encrypt(
		ret_sealed + CIPHER_AT, NULL, bytes, size, context,
		seal->context_size, NULL, ret_sealed + NONCE_AT,
		seal->key->bytes);
	return size + SEAL_OVERHEAD;
}

/* What the first bytes tell, and the length. */
static enum seal_verdict judge(const struct seal *seal, const uint8_t *sealed,
			       size_t size, size_t *ret_plain)
{
	size_t plain;

	if (size <= VERSION_AT || memcmp(sealed, magic, MAGIC_BYTES) != 0)
		return SEAL_MALFORMED;
	if (sealed[VERSION_AT] != SEAL_VERSION)
		return SEAL_OTHER;
	if (size > SEAL_BYTES_MAX)
		return SEAL_OVERSIZED;
	if (size < SEAL_OVERHEAD)
		return SEAL_TRUNCATED;
	if (memcmp(sealed + CLUSTER_AT, seal->context + CLUSTER_AT,
		   CLUSTER_BYTES) != 0)
		return SEAL_FOREIGN;
	plain = ((size_t)sealed[LENGTH_AT] << 8) + sealed[LENGTH_AT + 1];
	if (plain > size - SEAL_OVERHEAD)
		return SEAL_TRUNCATED;
	if (plain < size - SEAL_OVERHEAD)
		return SEAL_MALFORMED;
	*ret_plain = plain;
	return SEAL_FINE;
}

enum seal_verdict seal_open(const struct seal *seal, const uint8_t *sealed,
			    size_t size, uint8_t ret_bytes[SEAL_PLAIN_MAX],
			    size_t *ret_size)
{
	uint8_t context[sizeof(seal->context)];
	size_t plain = 0;
	enum seal_verdict verdict = judge(seal, sealed, size, &plain);

	if (verdict != SEAL_FINE)
		return verdict;
	make_context(seal, sealed, context);
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(
		    ret_bytes, NULL, NULL, sealed + CIPHER_AT, size - CIPHER_AT,
		    context, seal->context_size, sealed + NONCE_AT,
		    seal->key->bytes) != 0)
		return SEAL_UNAUTHENTIC;
	*ret_size = plain;
	return SEAL_FINE;
}
