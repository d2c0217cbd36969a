/*
 * One canonical reading of where a request wants to go. The rules are judged on this form and the
 * gateway sends this form, so that nobody downstream can read the bytes another way.
 *
 * Sources: RFC 3986 (URI syntax, 6.2.2 normalisation), RFC 9110 section 4.2 (http/https), RFC 9112
 * section 3 (request target), WHATWG URL (host parsing: where it and RFC 3986 differ, we refuse).
 */
#ifndef SALLYPORT_RULES_TARGET_H
#define SALLYPORT_RULES_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A DNS name is at most 253 octets (RFC 1035 2.3.4); an IPv6 literal in brackets is shorter. */
#define RULES_HOST_MAX 256

enum rules_scheme {
	RULES_SCHEME_NONE = 0, /* refused */
	RULES_HTTP,
	RULES_HTTPS,
	RULES_TCP, /* a tunnel: bytes that nobody reads */
};

/*
 * Why a target was refused. Each has a one-word name for the record (rules_target_word) and a
 * sentence for people (rules_target_strerror).
 */
enum rules_target_error {
	RULES_TARGET_OK = 0,
	RULES_TARGET_ESCHEME = -1,   /* neither http nor https */
	RULES_TARGET_EUSERINFO = -2, /* user:password@ in the authority */
	/* empty, not LDH labels, odd number forms such as 0x7f.1, zone id */
	RULES_TARGET_EHOST = -3,
	RULES_TARGET_EPORT = -4,      /* not 1..65535, or not plain digits */
	RULES_TARGET_EPATH = -5,      /* not starting with "/", or a byte that no path may hold */
	RULES_TARGET_EENCODING = -6,  /* "%" without two hex digits; mixed or overlong UTF-8; %00 */
	RULES_TARGET_EBACKSLASH = -7, /* "\" or %5C */
	RULES_TARGET_ECONTROL = -8,   /* a control character, plain or encoded */
	/* dot segments that climb above the root or hide behind %2F */
	RULES_TARGET_EDOTS = -9,
	RULES_TARGET_EFRAGMENT = -10, /* "#" has no place in a request */
	RULES_TARGET_ETOOLONG = -11,  /* does not fit the given buffer */
};

/*
 * host: lower case, no trailing dot, IPv4 as dotted decimal, IPv6 in RFC 5952 form WITHOUT
 * brackets. path: starts with "/", percent-encoded unreserved characters decoded, hex digits upper
 * case, dot segments resolved. An encoded slash (%2F) is kept as it is and flagged: it has two
 * readings, and rules_judge() demands that both be allowed and that the rule say `encoded-slash`.
 * query: without "?", NULL when there is none; bytes as sent, hex digits upper case.
 * All strings live in the caller's buffer.
 */
struct rules_target {
	enum rules_scheme scheme;
	const char *host;
	bool host_is_address; /* an IP literal, not a name */
	uint16_t port;
	const char *path;
	const char *query;
	bool encoded_slash;
};

/* Reads `https://host[:port]/path?query`. `buf` receives the strings; 2 * len + 300 always fits. */
int rules_target_from_url(const char *url, size_t len, struct rules_target *ret_target, char *buf,
	size_t size) __attribute__((warn_unused_result));

/* Reads "host", "host:port", "[v6]:port" (Host header, CONNECT, SNI). Port 0 = none was written. */
int rules_authority(const char *text, size_t len, char ret_host[RULES_HOST_MAX],
	bool *ret_is_address, uint16_t *ret_port) __attribute__((warn_unused_result));

/*
 * Reads an origin-form target "/path?query" (RFC 9112 3.2.1) into path, query and encoded_slash of
 * `target`; scheme, host and port are left as they are.
 */
int rules_path(const char *text, size_t len, struct rules_target *target, char *buf, size_t size)
	__attribute__((warn_unused_result));

const char *rules_target_strerror(int error); /* a sentence */
const char *rules_target_word(int error);     /* "encoding", "dots", ... */
uint16_t rules_default_port(enum rules_scheme scheme);
const char *rules_scheme_name(enum rules_scheme scheme);

/*
 * What kind of address this is (IANA special-purpose registries, RFC 6890, RFC 8190). `bytes` is 4
 * or 16 octets in network order; v4-mapped, 6to4, NAT64 and Teredo forms are judged by the IPv4
 * address they carry as well. Private, loopback and link-local ones need the rule word
 * `private`; metadata services and what is forbidden never pass.
 */
enum rules_address_class {
	RULES_ADDRESS_FORBIDDEN = 0, /* unspecified, multicast, broadcast, reserved: never */
	RULES_ADDRESS_LOOPBACK,
	RULES_ADDRESS_LINK_LOCAL,
	/* 169.254.169.254 and its like: whatever the rule says, never */
	RULES_ADDRESS_METADATA,
	RULES_ADDRESS_PRIVATE, /* RFC 1918, RFC 6598, RFC 4193 */
	RULES_ADDRESS_PUBLIC,
};
enum rules_address_class rules_address_class(const uint8_t *bytes, size_t n_bytes);
const char *rules_address_class_name(enum rules_address_class c);

#endif
