/*
 * The JKS format, as far as stores of trusted certificates need it. Private to certs/.
 */
#ifndef SALLYPORT_CERTS_JAVA_STORE_H
#define SALLYPORT_CERTS_JAVA_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	JKS_MAGIC = 0xFEEDFEED,
	JKS_VERSION = 2,
	JKS_COUNT_AT = 8, /* after magic and version */
	JKS_HEAD = 12,
	JKS_CERTIFICATE = 2, /* the tag of an entry; 1 is a private key */
	JKS_DATE = 8,
	JKS_DIGEST = 20
};

/*
 * Whether these octets are a store of certificates alone, all in their places: `*ret_count` of
 * them, from JKS_HEAD to the digest. The certificates are not looked into, and the digest, which is
 * no protection, is not computed.
 */
bool java_store_read(const unsigned char *store, size_t len, uint32_t *ret_count);

#endif
