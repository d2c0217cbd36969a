/*
 * From a leaf to a trusted root: builds paths and checks each certificate for its place in them.
 *
 * Sources: RFC 5280 section 6.1, RFC 4158 (building), Baseline Requirements 7.1 (profiles).
 */
#ifndef SALLYPORT_CERTS_PATH_H
#define SALLYPORT_CERTS_PATH_H

#include "certs/names.h"
#include "certs/x509.h"

#define PATH_MAX_CERTS 12 /* leaf and root counted */

/* The roots, to be looked up by subject. trust.c fulfils it. */
const struct cert *trust_root_first(const struct certs_trust *trust, struct der subject);
const struct cert *trust_root_next(const struct certs_trust *trust, const struct cert *root);

struct remembered;

struct path_task {
	const struct certs_trust *trust;
	struct remembered *remembered;
	const struct cert *presented; /* the leaf first */
	size_t n_presented;
	const struct peer *peer;
	int64_t now;
	unsigned relax; /* CERTS_RELAX_* */
};

/* CERTS_OK or CERTS_EUNTRUSTED; diag->check and its sentence are set either way. */
int path_check(const struct path_task *task, struct certs_diag *diag)
	__attribute__((warn_unused_result));

/* keys.c */

/* A key and signature algorithm on the floor or above; NULL, or what is wrong. */
const char *key_weakness(struct der spki, unsigned relax);
const char *signature_weakness(struct der sig_alg, unsigned relax);
/* Is `child` signed by the key of `issuer`? */
bool signature_holds(const struct cert *child, const struct cert *issuer);

#endif
