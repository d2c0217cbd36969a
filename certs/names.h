/*
 * Names: the host we want, the names a certificate carries, and the subtrees an issuer is held to.
 *
 * Sources: RFC 9525 6.3 and 6.4 (matching), RFC 5280 4.2.1.6 (SAN) and 4.2.1.10 (name constraints),
 * RFC 1034 3.5 (labels). Pure.
 */
#ifndef SALLYPORT_CERTS_NAMES_H
#define SALLYPORT_CERTS_NAMES_H

#include "certs/x509.h"

#define PEER_TEXT_MAX 256

struct peer {
	char name[PEER_TEXT_MAX]; /* lower case, no brackets, no trailing dot */
	size_t n_name;
	unsigned char ip[16]; /* n_ip octets of it */
	size_t n_ip;          /* 0: a name; 4 or 16: an address */
};

/* A host name without wildcards, or an address literal (brackets allowed). */
bool peer_from_host(const char *host, struct peer *ret_peer) __attribute__((warn_unused_result));

/* A GeneralName of RFC 5280 4.2.1.6, by its context tag. */
enum name_kind {
	NAME_OTHER = 0xa0,
	NAME_EMAIL = 0x81,
	NAME_DNS = 0x82,
	NAME_X400 = 0xa3,
	NAME_DIRECTORY = 0xa4,
	NAME_EDI = 0xa5,
	NAME_URI = 0x86,
	NAME_IP = 0x87,
	NAME_REGISTERED_ID = 0x88,
};

struct name {
	unsigned kind;
	struct der value;
};

/* Cuts the next name off the content of a GeneralNames. False at a malformed one. */
bool name_next(struct der *names, struct name *ret_name) __attribute__((warn_unused_result));
/* Is every name of a SAN's content well-formed, and is there one? */
bool names_well_formed(struct der san);
/* Does one of the names of a SAN's content name the peer? */
bool names_match(struct der san, const struct peer *peer);
/*
 * The common name is never matched. But an address in a notation that readers take differently, or
 * a name in another script that does not stand in the SAN letter for letter (Baseline Requirements
 * 7.1.4.3), is there to be believed by a weaker reader. An ordinary other name or a title is left
 * alone.
 */
bool names_honest_common_name(const struct cert *cert);
/* A dNSName that may be a base of name constraints: empty, or a name with no dot in front. */
bool names_is_dns_base(struct der base);
/* Is `name`, a dNSName of a SAN, the base or below it? A malformed one never is. */
bool names_dns_within(struct der name, struct der base);
/* Could `name`, perhaps a wildcard or malformed, stand for something at or below the base? */
bool names_dns_touches(struct der name, struct der base);

/*
 * constraints.c: Do the names of `cert` stay inside the subtrees of the issuer's nameConstraints
 * (its content)? Takes one from *budget for each comparison. Returns NULL, or what is wrong.
 */
const char *names_constrained(struct der constraints, const struct cert *cert, unsigned *budget);
/* Is a nameConstraints extension (its content) one we can apply? NULL, or what is wrong. */
const char *names_constraints_form(struct der constraints);

#endif
