/*
 * One minted leaf: its certificate and key, shared by whoever holds it.
 */
#ifndef SALLYPORT_CERTS_LEAF_H
#define SALLYPORT_CERTS_LEAF_H

#include <stdatomic.h>

#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>

#include "certs/certs.h"

struct certs_leaf {
	mbedtls_x509_crt crt;
	mbedtls_pk_context key;
	time_t renew_at; /* from then on the cache mints another */
	atomic_uint holders;
};

enum leaf_kind { LEAF_EC = 0, LEAF_RSA };

/* A fresh key and certificate for a host, held once. */
int leaf_mint(struct certs_ca *ca, const char *host, enum leaf_kind kind, time_t now,
	struct certs_leaf **ret_leaf, struct certs_diag *diag) __attribute__((warn_unused_result));
void leaf_hold(struct certs_leaf *leaf);

#endif
