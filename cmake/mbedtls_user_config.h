/*
 * What Sallyport changes in mbedTLS's default configuration. The library and everything that
 * includes its headers must see the same text, or the layouts of its structs differ.
 */
#define MBEDTLS_THREADING_C
#define MBEDTLS_THREADING_PTHREAD

/* Old and rarely needed: less to reach from the network. */
#undef MBEDTLS_SSL_RENEGOTIATION
#undef MBEDTLS_SSL_PROTO_DTLS
#undef MBEDTLS_SSL_DTLS_ANTI_REPLAY
#undef MBEDTLS_SSL_DTLS_HELLO_VERIFY
#undef MBEDTLS_SSL_DTLS_CLIENT_PORT_REUSE
#undef MBEDTLS_SSL_DTLS_CONNECTION_ID
#undef MBEDTLS_SSL_DTLS_CONNECTION_ID_COMPAT
#undef MBEDTLS_KEY_EXCHANGE_PSK_ENABLED
#undef MBEDTLS_KEY_EXCHANGE_DHE_PSK_ENABLED
#undef MBEDTLS_KEY_EXCHANGE_ECDHE_PSK_ENABLED
#undef MBEDTLS_KEY_EXCHANGE_RSA_PSK_ENABLED
#undef MBEDTLS_KEY_EXCHANGE_DHE_RSA_ENABLED
#undef MBEDTLS_KEY_EXCHANGE_RSA_ENABLED
#undef MBEDTLS_KEY_EXCHANGE_ECDH_ECDSA_ENABLED
#undef MBEDTLS_KEY_EXCHANGE_ECDH_RSA_ENABLED
#undef MBEDTLS_KEY_EXCHANGE_ECJPAKE_ENABLED

/* Where the memory comes from is told at run time: certs/memory_posix.c. */
#define MBEDTLS_PLATFORM_MEMORY
/* Nobody reads its trace; without a reader it is still formatted and thrown away. */
#undef MBEDTLS_DEBUG_C

/* What PSA is given is this process's alone; else each call works on copies of its buffers, among
 * them the whole rest of a record buffer. */
#define MBEDTLS_PSA_ASSUME_EXCLUSIVE_BUFFERS

/* Buffers shrink again after the handshake. */
#define MBEDTLS_SSL_VARIABLE_BUFFER_LENGTH
#define MBEDTLS_X509_TRUSTED_CERTIFICATE_CALLBACK
