/*
 * A non-blocking socket with TLS or without, for the origin and the load generator alike, so that
 * neither end of a measurement is better than the other.
 */
#ifndef BENCH_WIRE_WIRE_H
#define BENCH_WIRE_WIRE_H

#include <mbedtls/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * What clients offer on processors with AES instructions, in their order; 0-terminated. The origin
 * takes the first of its own kind alone, so that every proxy has AES-128-GCM on both legs.
 */
extern const int wire_suites_offered[], wire_suites_taken[];

enum { WIRE_END = 0, WIRE_WANT_READ = -1, WIRE_WANT_WRITE = -2, WIRE_FAILED = -3 };

struct wire {
	int fd;
	bool tls;
	mbedtls_ssl_context ssl;
};

/* The wire owns fd from here on, whatever is returned. `config` NULL: no TLS until wire_secure. */
int wire_init(struct wire *w, int fd, const mbedtls_ssl_config *config)
	__attribute__((warn_unused_result));
int wire_secure(struct wire *w, const mbedtls_ssl_config *config)
	__attribute__((warn_unused_result));
void wire_finish(struct wire *w);

/* 0 when the handshake is done; otherwise WIRE_WANT_* or WIRE_FAILED. */
int wire_handshake(struct wire *w) __attribute__((warn_unused_result));

/* Bytes read or written, or one of the above. `ret_ticket`, if not NULL, is told of a session. */
ssize_t wire_read(struct wire *w, void *data, size_t size, bool *ret_ticket)
	__attribute__((warn_unused_result));
ssize_t wire_write(struct wire *w, const void *data, size_t len)
	__attribute__((warn_unused_result));

#endif
