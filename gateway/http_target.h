/*
 * One canonical target out of everything that names it: request line, Host, CONNECT name, TLS SNI
 * and, for captured connections, the name the DNS door gave the address. They must agree; if they
 * do not, the request is refused with 421 before any rule is asked.
 */
#ifndef SALLYPORT_GATEWAY_HTTP_TARGET_H
#define SALLYPORT_GATEWAY_HTTP_TARGET_H

#include "gateway/http.h"
#include "rules/target.h"

struct arena;

/* What is known of the destination before the request is read. NULL or 0 = not known. */
struct http_origin {
	enum rules_scheme scheme; /* RULES_SCHEME_NONE on the explicit proxy: absolute form tells */
	const char *host;         /* canonical: CONNECT name, or the DNS door's name, or address */
	bool host_is_address;
	uint16_t port;
	const char *sni; /* canonical */
};

enum http_target_error {
	HTTP_TARGET_OK = 0,
	/* 400: a form that has no place here (authority, asterisk, relative) */
	HTTP_TARGET_EFORM,
	HTTP_TARGET_EBAD,      /* 400: not canonicalisable; `word` says why */
	HTTP_TARGET_EMISMATCH, /* 421: the names do not agree */
	HTTP_TARGET_EMEMORY,
};

struct http_target_diag {
	const char *word;  /* for the record: "dots", "host-mismatch" */
	char message[200]; /* for the client */
};

/*
 * Builds `ret_target` (strings in the arena). Origin-form needs `origin` or, in plain transparent
 * connections without a DNS-door name, takes Host; absolute-form overrides Host (RFC 9112 3.2.2)
 * but must agree with it here.
 */
int http_target_build(const struct http_head *head, const struct http_origin *origin,
	struct arena *arena, struct rules_target *ret_target, struct http_target_diag *diag)
	__attribute__((warn_unused_result));

/*
 * The same for CONNECT (RFC 9112 3.2.3): "host:port", with which Host, where there is one, must
 * agree; a port it does not write is the tunnel's. `ret_host` is canonical.
 */
int http_target_connect(const struct http_head *head, char ret_host[RULES_HOST_MAX],
	bool *ret_is_address, uint16_t *ret_port, struct http_target_diag *diag)
	__attribute__((warn_unused_result));

#endif
