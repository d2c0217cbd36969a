/*
 * Foreign octets as a store of Java's. Checked is what is built on: that one entry follows the
 * other up to the digest. Knows no certificate.
 */
#include "certs/java_store.h"

struct reader {
	const unsigned char *at;
	size_t left;
	bool failed;
};

static void skip(struct reader *r, size_t n)
{
	r->failed = r->failed || n > r->left;
	if (!r->failed) {
		r->at += n;
		r->left -= n;
	}
}

static uint32_t number(struct reader *r, size_t octets)
{
	const unsigned char *from = r->at;
	uint32_t value = 0;

	skip(r, octets);
	for (size_t i = 0; i < octets && !r->failed; i++) {
		value = value << 8 | from[i];
	}
	return value;
}

bool java_store_read(const unsigned char *store, size_t len, uint32_t *ret_count)
{
	struct reader r = {store, len, len < JKS_HEAD + JKS_DIGEST};
	uint32_t count;

	if (r.failed || number(&r, 4) != JKS_MAGIC || number(&r, 4) != JKS_VERSION) {
		return false;
	}
	count = number(&r, 4);
	r.left -= JKS_DIGEST;
	for (uint32_t i = 0; i < count && !r.failed; i++) {
		r.failed = number(&r, 4) != JKS_CERTIFICATE || r.failed;
		skip(&r, number(&r, 2)); /* alias */
		skip(&r, JKS_DATE);
		skip(&r, number(&r, 2)); /* "X.509" */
		skip(&r, number(&r, 4)); /* the certificate */
	}
	*ret_count = count;
	return !r.failed && r.left == 0;
}
