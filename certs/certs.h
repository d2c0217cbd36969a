/*
 * Identities and trust: the run's CA, the leaves minted under it, and whom we believe upstream.
 *
 * mbedTLS and libc only; no socket, no loop, no log. Keys never leave the process unless the caller
 * stores a CA on purpose (certs_ca_save), and are wiped when freed.
 *
 * Sources: RFC 5280 (certificates), RFC 6125/9525 (names), CA/Browser Forum Baseline Requirements
 * 7.1.2 (leaf profile, under 90 days here), RFC 7468 (PEM).
 */
#ifndef SALLYPORT_CERTS_CERTS_H
#define SALLYPORT_CERTS_CERTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct mbedtls_x509_crt;
struct mbedtls_pk_context;

enum certs_error {
	CERTS_OK = 0,
	CERTS_EMEMORY = -1,
	CERTS_ECRYPTO = -2, /* the crypto provider failed; diag holds its words */
	CERTS_EFILE = -3,   /* cannot be read or written; diag names the path and why */
	CERTS_EFORMAT = -4, /* not PEM/DER certificates */
	CERTS_ENAME = -5,   /* not a host name or address a leaf can carry */
	/* the origin's chain failed; certs_check of the diag says which check */
	CERTS_EUNTRUSTED = -6,
	CERTS_EPENDING = -7, /* under way: ask again when certs_mint_on_ready says so */
};

/* Which check an origin's certificate failed. The word goes to the record and the 502 body. */
enum certs_check {
	CERTS_CHECK_NONE = 0, /* no check has passed: refused */
	CERTS_CHECK_PASSED,
	CERTS_CHECK_CHAIN,   /* no path to a trusted root, or a bad signature in it */
	CERTS_CHECK_EXPIRED, /* some certificate of the path is not valid now */
	CERTS_CHECK_NAME,    /* the leaf's SAN does not name the host (a CN alone never does) */
	/* keyUsage, EKU, basicConstraints or version do not fit its place */
	CERTS_CHECK_USAGE,
	CERTS_CHECK_CONSTRAINT, /* name constraints or path length of an issuer exclude it */
	CERTS_CHECK_WEAK,       /* key, curve or signature hash below the floor */
	CERTS_CHECK_STAPLE,     /* must-staple without a staple */
	CERTS_CHECK_FORM,       /* malformed or with an unknown critical extension */
};
const char *certs_check_word(enum certs_check check);

struct certs_diag {
	enum certs_check check;
	/* a sentence: path and OS error, or certificate subject and what is wrong */
	char message[256];
};

const char *certs_strerror(int error);

/* ---- the process's crypto: call once before anything else, from one thread ---- */
int certs_init(struct certs_diag *diag) __attribute__((warn_unused_result));
void certs_finish(void);
const char *certs_provider(void); /* "mbedtls built-in", "libcrypto 3.0.19" */
/* Cryptographic random bytes; thread-safe. Also fits mbedTLS's f_rng with a NULL context. */
int certs_random(void *unused, unsigned char *out, size_t len);

/* SHA-256 of some bytes, 64 hex characters and NUL. */
void certs_sha256(const void *data, size_t len, char ret_hex[65]);
/* The same, piece by piece. NULL when memory is out. The last call frees. */
struct certs_hash;
struct certs_hash *certs_hash_create(void);
void certs_hash_add(struct certs_hash *hash, const void *data, size_t len);
void certs_hash_finish(struct certs_hash *hash, char ret_hex[65]);

/* ---- the CA ---- */
struct certs_ca;

/* A fresh P-256 key and a self-signed CA certificate (pathlen 0), valid `days` from a day ago. */
int certs_ca_create(const char *common_name, unsigned days, struct certs_ca **ret_ca,
	struct certs_diag *diag) __attribute__((warn_unused_result));
/* `dir`/ca.pem and `dir`/ca.key (mode 0600, created exclusively). */
int certs_ca_save(const struct certs_ca *ca, const char *dir, struct certs_diag *diag)
	__attribute__((warn_unused_result));
int certs_ca_load(const char *dir, struct certs_ca **ret_ca, struct certs_diag *diag)
	__attribute__((warn_unused_result));
void certs_ca_destroy(struct certs_ca *ca); /* wipes the key */
const char *certs_ca_pem(const struct certs_ca *ca);
/* SHA-256 of the CA certificate's DER, lower-case hex, 64 characters. */
const char *certs_ca_fingerprint(const struct certs_ca *ca);

/* ---- leaves ---- */
struct certs_leaf;

/*
 * A cache of minted leaves for one CA, shared by all workers (thread-safe). Least recently used
 * leaves are dropped over `capacity`; a leaf lives on while someone holds it.
 */
struct certs_mint;
int certs_mint_create(struct certs_ca *ca, size_t capacity, struct certs_mint **ret_mint,
	struct certs_diag *diag) __attribute__((warn_unused_result)); /* ca is borrowed */
void certs_mint_destroy(struct certs_mint *mint);

/*
 * The leaf for a host: a canonical name (SAN dNSName) or address literal (SAN iPAddress). A fresh
 * P-256 key for each name, never shared and never the CA's; fresh 20-octet serial; SKI, AKI,
 * critical basicConstraints CA:FALSE, keyUsage digitalSignature, EKU serverAuth; under 90 days.
 * Release with certs_leaf_release.
 */
int certs_mint_leaf(struct certs_mint *mint, const char *host, struct certs_leaf **ret_leaf,
	struct certs_diag *diag) __attribute__((warn_unused_result));
/*
 * The same with an RSA key of 2048 bits, for clients without ECDSA. Such a key takes a good part of
 * a second: it is made by a thread of the mint's own, begun with the first that is wanted, and
 * until then the answer is CERTS_EPENDING. Each host has a fresh one.
 */
int certs_mint_leaf_rsa(struct certs_mint *mint, const char *host, struct certs_leaf **ret_leaf,
	struct certs_diag *diag) __attribute__((warn_unused_result));
/* Called from that thread when a leaf is ready, or will not be. NULL: nobody asks any more. */
void certs_mint_on_ready(struct certs_mint *mint, void (*fn)(void *arg), void *arg);
void certs_leaf_release(struct certs_leaf *leaf);
struct mbedtls_x509_crt *certs_leaf_chain(struct certs_leaf *leaf);
struct mbedtls_pk_context *certs_leaf_key(struct certs_leaf *leaf);

/* ---- who we are to origins that ask ---- */
struct certs_identity;

/*
 * A client certificate (then its issuers) and its key, as PEM texts. CERTS_EFORMAT: what cannot be
 * read, a key of another certificate, one with a password.
 */
int certs_identity_create(const char *chain_pem, const char *key_pem,
	struct certs_identity **ret_identity, struct certs_diag *diag)
	__attribute__((warn_unused_result));
void certs_identity_destroy(struct certs_identity *identity); /* wipes the key */
struct mbedtls_x509_crt *certs_identity_chain(struct certs_identity *identity);
struct mbedtls_pk_context *certs_identity_key(struct certs_identity *identity);
/*
 * Reads a PEM file of at most 16 MiB, with `is_private` only when nobody but its owner can. NUL
 * behind it and none in it. To be freed with certs_text_free, which wipes it.
 */
int certs_text_read(const char *path, bool is_private, char **ret_text, struct certs_diag *diag)
	__attribute__((warn_unused_result));
void certs_text_free(char *text);

/* ---- trust upstream ---- */
struct certs_trust;

int certs_trust_create(struct certs_trust **ret_trust) __attribute__((warn_unused_result));
/*
 * Roots to be added to those of `base`, which is borrowed and must have all of its own by the first
 * check.
 */
int certs_trust_create_over(const struct certs_trust *base, struct certs_trust **ret_trust)
	__attribute__((warn_unused_result));
void certs_trust_destroy(struct certs_trust *trust);
/*
 * Adds every certificate of a PEM bundle; one that cannot be read is skipped, and diag->message
 * counts both. A file without any is CERTS_EFORMAT. All roots are added before the first check:
 * adding is not thread-safe.
 */
int certs_trust_add_file(struct certs_trust *trust, const char *path, size_t *ret_added,
	struct certs_diag *diag) __attribute__((warn_unused_result));
/* The same from memory, NUL-terminated. */
int certs_trust_add_pem(struct certs_trust *trust, const char *pem, size_t *ret_added,
	struct certs_diag *diag) __attribute__((warn_unused_result));
/*
 * The same, but `pem` is decoded at the first check and must be there until then, which costs a
 * process nothing that asks no origin. Once for a trust. A text in which nothing begins like a
 * certificate is CERTS_EFORMAT; one without any that can be read leaves nobody to be believed.
 */
int certs_trust_add_pem_later(struct certs_trust *trust, const char *pem, struct certs_diag *diag)
	__attribute__((warn_unused_result));
/*
 * The same with a file: opened and judged now (readable, a file, not too large), read through the
 * descriptor at the first check. When that fails then, every check fails and says why. A file in
 * whose beginning no certificate is seen, and a second one, are added now.
 */
int certs_trust_add_file_later(struct certs_trust *trust, const char *path, struct certs_diag *diag)
	__attribute__((warn_unused_result));
/* The system's bundle so; roots that are in none are added now. */
int certs_trust_add_system_later(struct certs_trust *trust, struct certs_diag *diag)
	__attribute__((warn_unused_result));
/*
 * Adds the system's roots: SSL_CERT_FILE of the caller's environment is NOT read here; the file
 * list is the distributions' well-known bundle paths (certs_system_bundle returns the first that
 * exists).
 */
int certs_trust_add_system(struct certs_trust *trust, size_t *ret_added, struct certs_diag *diag)
	__attribute__((warn_unused_result));
const char *certs_system_bundle(void); /* NULL when none exists */
/* The system's roots as PEM texts, wherever they are kept; what is in them is not checked. */
int certs_system_each_pem(void (*take)(void *arg, const char *pem), void *arg,
	struct certs_diag *diag) __attribute__((warn_unused_result));

/*
 * Judges the chain an origin presented (leaf first) for `host` at `now`. This is the only
 * authority: handshakes run with mbedTLS's own verification off and call this before any byte is
 * sent. `relax`: bits of checks the rules relaxed for this host (CERTS_RELAX_*). Thread-safe.
 * Returns CERTS_OK, or CERTS_EUNTRUSTED with diag->check and a sentence.
 */
enum certs_relax {
	CERTS_RELAX_NONE = 0, /* the same bits as enum rules_relax */
	CERTS_RELAX_EXPIRED = 1 << 0,
	CERTS_RELAX_NAME = 1 << 1,
	CERTS_RELAX_UNTRUSTED = 1 << 2,
	CERTS_RELAX_WEAK = 1 << 3,
	CERTS_RELAX_STAPLE = 1 << 4,
};
int certs_trust_check(const struct certs_trust *trust, const struct mbedtls_x509_crt *chain,
	const char *host, time_t now, unsigned relax, struct certs_diag *diag)
	__attribute__((warn_unused_result));
/* The same for certificates as octets, leaf first: what the one above comes down to. */
struct certs_der {
	const unsigned char *p;
	size_t n;
};
int certs_trust_check_der(const struct certs_trust *trust, const struct certs_der *chain, size_t n,
	const char *host, time_t now, unsigned relax, struct certs_diag *diag)
	__attribute__((warn_unused_result));

/*
 * The certificates of PEM texts, the list ends with NULL, as a Java key store (JKS, password
 * "changeit"). What is no certificate is skipped. The caller frees *ret_data.
 */
int certs_java_store(const char *const *pems, unsigned char **ret_data, size_t *ret_len,
	struct certs_diag *diag) __attribute__((warn_unused_result));

/*
 * The same out of a JKS store that is there already: its `len` octets at `store`, in which the
 * count is raised by the certificates of the PEM texts. The new store is the first *ret_kept of
 * them and then *ret_tail, which the caller frees. CERTS_EFORMAT, and `store` is as it was: another
 * format, keys among the certificates, or none of these.
 */
int certs_java_store_extend(unsigned char *store, size_t len, const char *const *pems,
	size_t *ret_kept, unsigned char **ret_tail, size_t *ret_tail_len, struct certs_diag *diag)
	__attribute__((warn_unused_result));

/*
 * Fresh memory that is about to be filled: its pages are asked for at once where the system can,
 * which costs a start less than a fault for each. It changes nothing else.
 */
void certs_system_populate(void *memory, size_t len);

/* SHA-256 fingerprint of a certificate, 64 hex characters and NUL. */
void certs_fingerprint(const struct mbedtls_x509_crt *crt, char ret_hex[65]);

#endif
