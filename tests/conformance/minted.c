/*
 * Writes, as PEM, a fresh CA's certificate and then for each host given the minted chain and its
 * key, with a line "== HOST" before each. The key is a throw-away of a test.
 */
#include <stdio.h>
#include <string.h>

#include <mbedtls/pem.h>
#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>

#include "certs/certs.h"

static int print_leaf(struct certs_leaf *leaf)
{
	const mbedtls_x509_crt *crt = certs_leaf_chain(leaf);
	unsigned char text[8192];
	size_t n;

	for (; crt != NULL; crt = crt->next) {
		if (mbedtls_pem_write_buffer("-----BEGIN CERTIFICATE-----\n",
			    "-----END CERTIFICATE-----\n", crt->raw.p, crt->raw.len, text,
			    sizeof(text), &n) != 0) {
			return -1;
		}
		fputs((char *)text, stdout);
	}
	if (mbedtls_pk_write_key_pem(certs_leaf_key(leaf), text, sizeof(text)) != 0) {
		return -1;
	}
	fputs((char *)text, stdout);
	return 0;
}

int main(int argc, char **argv)
{
	struct certs_diag diag;
	struct certs_ca *ca = NULL;
	struct certs_mint *mint = NULL;
	int failed = 1;

	if (certs_init(&diag) != CERTS_OK ||
		certs_ca_create("Sallyport, \"strict\" test", 7, &ca, &diag) != CERTS_OK ||
		certs_mint_create(ca, 16, &mint, &diag) != CERTS_OK) {
		goto out;
	}
	printf("== CA\n%s", certs_ca_pem(ca));
	for (int i = 1; i < argc; i++) {
		struct certs_leaf *leaf = NULL;

		if (certs_mint_leaf(mint, argv[i], &leaf, &diag) != CERTS_OK) {
			goto out;
		}
		printf("== %s\n", argv[i]);
		failed = print_leaf(leaf);
		certs_leaf_release(leaf);
	}
out:
	certs_mint_destroy(mint);
	certs_ca_destroy(ca);
	certs_finish();
	return failed != 0;
}
