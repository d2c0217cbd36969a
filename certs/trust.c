/*
 * Whom we believe upstream: the store of roots, looked up by subject, and the one question about a
 * chain. Roots are added before the first check; after that the store is only read, by any thread.
 * A bundle of hundreds can wait for that check to be decoded: many a run asks no origin.
 */
#include "certs/certs.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <mbedtls/x509_crt.h>

#include "certs/diag.h"
#include "certs/path.h"
#include "certs/pem.h"
#include "certs/remember.h"
#include "certs/system.h"

#define BUCKETS       256
#define BUNDLE_MAX    (16u << 20)
#define PRESENTED_MAX 128
#define HEAD_SIZE     8192 /* of a bundle: a certificate begins in it */

static const char begin_certificate[] = "-----BEGIN CERTIFICATE-----";

struct root {
	struct cert cert; /* first: a root is its certificate */
	struct root *next;
	const struct certs_trust *owner;
	unsigned char der[]; /* what cert borrows */
};

/* A bundle that waits for the first check. */
struct later {
	struct certs_trust *trust; /* whose it is */
	pthread_mutex_t lock;
	atomic_bool done;
	const char *pem; /* borrowed until it is done; NULL: the system's, by `fd` */
	int fd;          /* owned; -1: none */
};

struct certs_trust {
	struct root *buckets[BUCKETS];  /* owned */
	struct later *later;            /* owned; NULL: nothing waits */
	const struct certs_trust *base; /* borrowed; NULL: none */
	struct remembered *remembered;  /* owned; the one part that checks write to */
};

static size_t bucket_of(struct der subject)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < subject.n; i++) {
		h = (h ^ subject.p[i]) * 16777619u;
	}
	return (h ^ h >> 16) % BUCKETS;
}

int certs_trust_create(struct certs_trust **ret_trust)
{
	struct certs_trust *trust = calloc(1, sizeof(*trust));

	if (trust == NULL) {
		return CERTS_EMEMORY;
	}
	trust->remembered = remembered_create();
	if (trust->remembered == NULL) {
		free(trust);
		return CERTS_EMEMORY;
	}
	*ret_trust = trust;
	return CERTS_OK;
}

int certs_trust_create_over(const struct certs_trust *base, struct certs_trust **ret_trust)
{
	struct certs_trust *trust;
	int err = certs_trust_create(&trust);

	if (err == CERTS_OK) {
		trust->base = base;
		*ret_trust = trust;
	}
	return err;
}

void certs_trust_destroy(struct certs_trust *trust)
{
	if (trust == NULL) {
		return;
	}
	for (size_t i = 0; i < BUCKETS; i++) {
		while (trust->buckets[i] != NULL) {
			struct root *root = trust->buckets[i];

			trust->buckets[i] = root->next;
			free(root);
		}
	}
	if (trust->later != NULL) {
		if (trust->later->fd >= 0) {
			certs_system_close(trust->later->fd);
		}
		pthread_mutex_destroy(&trust->later->lock);
		free(trust->later);
	}
	remembered_destroy(trust->remembered);
	free(trust);
}

static const struct root *with_subject(const struct root *root, struct der subject)
{
	while (root != NULL && !der_same(root->cert.subject, subject)) {
		root = root->next;
	}
	return root;
}

const struct cert *trust_root_first(const struct certs_trust *trust, struct der subject)
{
	const struct root *root = NULL;

	for (; trust != NULL && root == NULL; trust = trust->base) {
		root = with_subject(trust->buckets[bucket_of(subject)], subject);
	}
	return root != NULL ? &root->cert : NULL;
}

const struct cert *trust_root_next(const struct certs_trust *trust, const struct cert *cert)
{
	const struct root *root = (const struct root *)cert;

	while (trust != NULL && trust != root->owner) {
		trust = trust->base;
	}
	assert(trust != NULL);
	root = with_subject(root->next, cert->subject);
	return root != NULL ? &root->cert : trust_root_first(trust->base, cert->subject);
}

static bool is_there(const struct certs_trust *trust, const struct cert *cert)
{
	const struct cert *other = trust_root_first(trust, cert->subject);

	while (other != NULL && !der_same(other->raw, cert->raw)) {
		other = trust_root_next(trust, other);
	}
	return other != NULL;
}

/* 1 added, 0 not a certificate we can read, negative without memory. */
static int add_der(struct certs_trust *trust, const unsigned char *der, size_t n)
{
	struct root *root = calloc(1, sizeof(*root) + n);
	size_t bucket;

	if (root == NULL) {
		return CERTS_EMEMORY;
	}
	memcpy(root->der, der, n);
	if (x509_read((struct der){root->der, n}, &root->cert) != NULL) {
		free(root);
		return 0;
	}
	if (is_there(trust, &root->cert)) {
		free(root);
		return 1;
	}
	bucket = bucket_of(root->cert.subject);
	root->owner = trust;
	root->next = trust->buckets[bucket];
	trust->buckets[bucket] = root;
	return 1;
}

static int add_all(
	struct certs_trust *trust, const char *pem, size_t *ret_added, size_t *ret_skipped)
{
	struct pem_reader r = {.at = pem};
	size_t added = 0;
	size_t skipped = 0;
	int ret;

	while ((ret = pem_next(&r)) > PEM_NONE) {
		int taken = ret == PEM_CERTIFICATE ? add_der(trust, r.der, r.n) : 0;

		if (taken < 0) {
			ret = taken;
			break;
		}
		added += (size_t)taken;
		skipped += (size_t)!taken;
	}
	pem_finish(&r);
	*ret_added = added;
	*ret_skipped = skipped;
	return ret < 0 ? ret : CERTS_OK;
}

int certs_trust_add_pem(
	struct certs_trust *trust, const char *pem, size_t *ret_added, struct certs_diag *diag)
{
	size_t added, skipped;
	int err = add_all(trust, pem, &added, &skipped);

	if (err != CERTS_OK) {
		return err;
	}
	if (added == 0) {
		return certs_fail(diag, CERTS_EFORMAT, CERTS_CHECK_NONE,
			"no certificate in it that can be read (%lu skipped)",
			(unsigned long)skipped);
	}
	*ret_added = added;
	return certs_fail(diag, CERTS_OK, CERTS_CHECK_NONE, "%lu added, %lu skipped",
		(unsigned long)added, (unsigned long)skipped);
}

int certs_trust_add_file(
	struct certs_trust *trust, const char *path, size_t *ret_added, struct certs_diag *diag)
{
	struct certs_diag inner = {CERTS_CHECK_NONE, ""};
	unsigned char *data;
	size_t len;
	int err = certs_system_read(path, BUNDLE_MAX, false, &data, &len, diag);

	if (err != CERTS_OK) {
		return err;
	}
	err = certs_trust_add_pem(trust, (const char *)data, ret_added, &inner);
	free(data);
	return certs_fail(diag, err, CERTS_CHECK_NONE, "%.120s: %.120s", path, inner.message);
}

struct addition {
	struct certs_trust *trust;
	size_t added;
};

static int add_one(void *context, const unsigned char *der, size_t n)
{
	struct addition *a = context;
	int ret = add_der(a->trust, der, n);

	a->added += ret == 1 ? 1 : 0;
	return ret < 0 ? ret : CERTS_OK;
}

static int wait_for_check(struct certs_trust *trust, const char *pem, int fd)
{
	struct later *later = calloc(1, sizeof(*later));

	if (later == NULL || pthread_mutex_init(&later->lock, NULL) != 0) {
		free(later);
		return CERTS_EMEMORY;
	}
	later->trust = trust;
	later->pem = pem;
	later->fd = fd;
	trust->later = later;
	return CERTS_OK;
}

int certs_trust_add_pem_later(struct certs_trust *trust, const char *pem, struct certs_diag *diag)
{
	if (trust->later != NULL || strstr(pem, begin_certificate) == NULL) {
		return certs_fail(diag, CERTS_EFORMAT, CERTS_CHECK_NONE, "%s",
			trust->later != NULL ? "one bundle waits already" : "no certificate in it");
	}
	return wait_for_check(trust, pem, -1);
}

static int add_opened(struct later *later, struct certs_diag *diag)
{
	size_t added, skipped, len;
	unsigned char *data;
	int err = certs_system_read_opened(later->fd, "the bundle", BUNDLE_MAX, &data, &len, diag);

	if (err != CERTS_OK) {
		return err;
	}
	err = add_all(later->trust, (const char *)data, &added, &skipped);
	free(data);
	if (err == CERTS_OK && added == 0) {
		return certs_fail(diag, CERTS_EFORMAT, CERTS_CHECK_NONE,
			"no certificate in it that can be read");
	}
	if (err == CERTS_OK) {
		certs_system_close(later->fd);
		later->fd = -1;
	}
	return err;
}

/* What waits is there from here on, or nothing can be judged yet. */
static int settle(const struct certs_trust *trust, struct certs_diag *diag)
{
	size_t added, skipped;
	int err = CERTS_OK;

	for (; err == CERTS_OK && trust != NULL; trust = trust->base) {
		struct later *later = trust->later;

		if (later == NULL || atomic_load(&later->done)) {
			continue;
		}
		pthread_mutex_lock(&later->lock);
		if (!atomic_load(&later->done)) {
			err = later->pem != NULL
				      ? add_all(later->trust, later->pem, &added, &skipped)
				      : add_opened(later, diag);
		}
		atomic_store(&later->done, err == CERTS_OK);
		pthread_mutex_unlock(&later->lock);
	}
	return err;
}

int certs_trust_add_system(struct certs_trust *trust, size_t *ret_added, struct certs_diag *diag)
{
	struct addition addition = {trust, 0};
	const char *path = certs_system_bundle();
	int err;

	if (path != NULL) {
		return certs_trust_add_file(trust, path, ret_added, diag);
	}
	err = certs_system_each_root(add_one, &addition, diag);
	if (err == CERTS_OK && addition.added == 0) {
		return certs_fail(diag, CERTS_EFORMAT, CERTS_CHECK_NONE,
			"the system's store of roots is empty");
	}
	if (err == CERTS_OK) {
		*ret_added = addition.added;
	}
	return err;
}

int certs_trust_add_file_later(struct certs_trust *trust, const char *path, struct certs_diag *diag)
{
	char head[HEAD_SIZE];
	size_t added;
	int fd, err;

	if (trust->later != NULL) {
		return certs_trust_add_file(trust, path, &added, diag);
	}
	err = certs_system_open(path, BUNDLE_MAX, head, sizeof(head), &fd, diag);
	if (err != CERTS_OK) {
		return err;
	}
	if (strstr(head, begin_certificate) != NULL) {
		err = wait_for_check(trust, NULL, fd);
	} else {
		err = certs_trust_add_file(trust, path, &added, diag); /* judged now */
	}
	if (trust->later == NULL) {
		certs_system_close(fd);
	}
	return err;
}

int certs_trust_add_system_later(struct certs_trust *trust, struct certs_diag *diag)
{
	const char *path = certs_system_bundle();
	size_t added;

	return path != NULL ? certs_trust_add_file_later(trust, path, diag)
			    : certs_trust_add_system(trust, &added, diag);
}

/* Reads what was presented. Only the leaf must be readable; others may be of no use to us. */
static const char *read_presented(
	const struct certs_der *chain, size_t n, struct cert *certs, size_t *ret_n)
{
	const char *why = x509_read((struct der){chain[0].p, chain[0].n}, &certs[0]);
	size_t n_read = 1;

	for (size_t i = 1; i < n && why == NULL; i++) {
		if (x509_read((struct der){chain[i].p, chain[i].n}, &certs[n_read]) == NULL) {
			n_read++;
		}
	}
	*ret_n = n_read;
	return why;
}

int certs_trust_check_der(const struct certs_trust *trust, const struct certs_der *chain, size_t n,
	const char *host, time_t now, unsigned relax, struct certs_diag *diag)
{
	struct path_task task = {
		.trust = trust,
		.remembered = trust->remembered,
		.now = now,
		.relax = relax,
	};
	struct certs_diag inner = {CERTS_CHECK_NONE, "out of memory"};
	struct cert *certs;
	struct peer peer;
	const char *why;
	int err;

	if (n == 0 || n > PRESENTED_MAX) {
		return certs_fail(diag, CERTS_EUNTRUSTED, CERTS_CHECK_FORM,
			"%lu certificates were presented", (unsigned long)n);
	}
	if (!peer_from_host(host, &peer)) {
		return certs_fail(diag, CERTS_EUNTRUSTED, CERTS_CHECK_NAME,
			"not a host name or address: %.200s", host);
	}
	err = settle(trust, &inner);
	if (err != CERTS_OK) {
		return certs_fail(diag, err, CERTS_CHECK_NONE,
			"the root certificates cannot be read: %.200s", inner.message);
	}
	certs = calloc(n, sizeof(*certs));
	if (certs == NULL) {
		return certs_fail(diag, CERTS_EMEMORY, CERTS_CHECK_NONE, "out of memory");
	}
	why = read_presented(chain, n, certs, &task.n_presented);
	if (why != NULL) {
		err = certs_fail(diag, CERTS_EUNTRUSTED, CERTS_CHECK_FORM, "the leaf: %s", why);
	} else {
		task.presented = certs;
		task.peer = &peer;
		err = path_check(&task, diag);
	}
	free(certs);
	return err;
}

int certs_trust_check(const struct certs_trust *trust, const struct mbedtls_x509_crt *chain,
	const char *host, time_t now, unsigned relax, struct certs_diag *diag)
{
	struct certs_der der[PRESENTED_MAX + 1];
	size_t n = 0;

	/* mbedTLS's reading is not relied on: only the octets it kept are used. */
	for (; chain != NULL && chain->raw.p != NULL && n < PRESENTED_MAX + 1;
		chain = chain->next) {
		der[n++] = (struct certs_der){chain->raw.p, chain->raw.len};
	}
	return certs_trust_check_der(trust, der, n, host, now, relax, diag);
}
