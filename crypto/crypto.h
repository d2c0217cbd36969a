/*
 * The primitives below TLS and certificates: who computes them. mbedTLS is built with holes for
 * some (its *_ALT switches: cmake/mbedtls_libcrypto_config.h), which this folder fills by libcrypto
 * where SALLYPORT_CRYPTO says so; without, mbedTLS computes all itself and nothing here is linked
 * but the name.
 *
 * Callers go on calling mbedTLS; nobody else includes libcrypto for these.
 */
#ifndef SALLYPORT_CRYPTO_CRYPTO_H
#define SALLYPORT_CRYPTO_CRYPTO_H

/* For people: "libcrypto 3.0.17 for ..., mbedtls 3.6.5 for the rest". */
const char *crypto_provider(void);

#endif
