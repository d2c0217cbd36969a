/*
 * Signatures seen to hold, so that the same chain costs a hash the next time and not a
 * verification. What is remembered is "this key signed these octets", which time cannot change:
 * every other check is made anew. Thread-safe; of a fixed size.
 */
#ifndef SALLYPORT_CERTS_REMEMBER_H
#define SALLYPORT_CERTS_REMEMBER_H

#include "certs/x509.h"

struct remembered;

struct remembered *remembered_create(void);
void remembered_destroy(struct remembered *r);
/* Is `child` signed by the key of `issuer`? Asks signature_holds (keys.c) only when it is news. */
bool remembered_signature_holds(
	struct remembered *r, const struct cert *child, const struct cert *issuer);

#endif
