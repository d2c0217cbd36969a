/*
 * The installation's key for digests in records.
 */
#ifndef SALLYPORT_CLI_GATEWAY_DIGEST_KEY_H
#define SALLYPORT_CLI_GATEWAY_DIGEST_KEY_H

#include "audit/audit.h"

/* 0, or an exit status after having complained. */
int digest_key(unsigned char ret_key[AUDIT_KEY]);

#endif
