/*
 * A table of SHA-256 digests over (issuer's key, certificate), one slot for each value of their
 * first octets; a newer entry takes the place of an older. Only signatures that hold are kept.
 */
#include "certs/remember.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <mbedtls/sha256.h>

#include "certs/path.h"

#define SLOTS  1024
#define DIGEST 32

struct remembered {
	pthread_mutex_t lock;
	unsigned char digests[SLOTS][DIGEST]; /* all zero: empty */
};

struct remembered *remembered_create(void)
{
	struct remembered *r = calloc(1, sizeof(*r));

	if (r != NULL) {
		pthread_mutex_init(&r->lock, NULL);
	}
	return r;
}

void remembered_destroy(struct remembered *r)
{
	if (r == NULL) {
		return;
	}
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* Both parts are whole DER elements and tell their own length, so their joint is unambiguous. */
static bool digest_of(
	const struct cert *child, const struct cert *issuer, unsigned char ret_digest[DIGEST])
{
	mbedtls_sha256_context sha;
	bool ok;

	mbedtls_sha256_init(&sha);
	ok = mbedtls_sha256_starts(&sha, 0) == 0 &&
	     mbedtls_sha256_update(&sha, issuer->spki.p, issuer->spki.n) == 0 &&
	     mbedtls_sha256_update(&sha, child->raw.p, child->raw.n) == 0 &&
	     mbedtls_sha256_finish(&sha, ret_digest) == 0;
	mbedtls_sha256_free(&sha);
	return ok;
}

bool remembered_signature_holds(
	struct remembered *r, const struct cert *child, const struct cert *issuer)
{
	unsigned char digest[DIGEST];
	unsigned char *slot;
	bool holds;

	if (!digest_of(child, issuer, digest)) {
		return false;
	}
	slot = r->digests[(digest[0] << 8 | digest[1]) % SLOTS];
	pthread_mutex_lock(&r->lock);
	holds = memcmp(slot, digest, DIGEST) == 0;
	pthread_mutex_unlock(&r->lock);
	if (holds) {
		return true;
	}
	holds = signature_holds(child, issuer);
	if (holds) {
		pthread_mutex_lock(&r->lock);
		memcpy(slot, digest, DIGEST);
		pthread_mutex_unlock(&r->lock);
	}
	return holds;
}
