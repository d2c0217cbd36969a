/*
 * Foreign octets as a host, a chain and the root it might lead to. Input: the host up to a line
 * feed, then certificates, each behind its length in two octets; the first is the leaf, the last
 * also serves as root. Beside the whole check, names and constraints are asked for without the
 * signatures that would keep made-up ones from getting there.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mbedtls/pem.h>

#include "certs/certs.h"
#include "certs/names.h"
#include "certs/x509.h"

#define CHAIN_MAX 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t cut(const uint8_t *data, size_t size, struct certs_der *chain)
{
	size_t n = 0;

	while (size >= 2 && n < CHAIN_MAX) {
		size_t len = (size_t)data[0] << 8 | data[1];

		data += 2;
		size -= 2;
		len = len < size ? len : size;
		chain[n++] = (struct certs_der){data, len};
		data += len;
		size -= len;
	}
	return n;
}

static void check_alone(const struct certs_der *chain, size_t n, const char *host)
{
	unsigned budget = 1000;
	struct peer peer;
	struct cert leaf;
	struct cert issuer;
	char text[40];

	if (x509_read((struct der){chain[0].p, chain[0].n}, &leaf) != NULL) {
		return;
	}
	x509_subject_text(&leaf, text, sizeof(text));
	assert(strlen(text) < sizeof(text));
	if (peer_from_host(host, &peer) && names_match(leaf.san, &peer)) {
		(void)names_well_formed(leaf.san);
	}
	(void)names_honest_common_name(&leaf);
	if (x509_read((struct der){chain[n - 1].p, chain[n - 1].n}, &issuer) == NULL &&
		names_constraints_form(issuer.name_constraints) == NULL) {
		(void)names_constrained(issuer.name_constraints, &leaf, &budget);
	}
}

static void check_whole(const struct certs_der *chain, size_t n, const char *host)
{
	static unsigned char pem[1 << 18];
	struct certs_trust *trust = NULL;
	struct certs_diag diag = {CERTS_CHECK_NONE, ""};
	size_t len;
	size_t added;

	if (certs_trust_create(&trust) != CERTS_OK) {
		return;
	}
	if (mbedtls_pem_write_buffer("-----BEGIN CERTIFICATE-----\n", "-----END CERTIFICATE-----\n",
		    chain[n - 1].p, chain[n - 1].n, pem, sizeof(pem), &len) == 0 &&
		certs_trust_add_pem(trust, (const char *)pem, &added, &diag) == CERTS_OK) {
		for (unsigned relax = 0; relax < 16; relax++) {
			int err = certs_trust_check_der(
				trust, chain, n, host, 1800000000, relax, &diag);

			assert((err == CERTS_OK) == (diag.check == CERTS_CHECK_PASSED));
		}
	}
	certs_trust_destroy(trust);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool is_ready;
	const uint8_t *end = memchr(data, '\n', size < 300 ? size : 300);
	struct certs_der chain[CHAIN_MAX];
	char host[301] = "";
	size_t n;

	if (!is_ready) {
		is_ready = certs_init(NULL) == CERTS_OK;
		assert(is_ready);
	}
	if (end == NULL) {
		return 0;
	}
	memcpy(host, data, (size_t)(end - data));
	n = cut(end + 1, size - (size_t)(end + 1 - data), chain);
	if (n > 0) {
		check_alone(chain, n, host);
		check_whole(chain, n, host);
	}
	return 0;
}
