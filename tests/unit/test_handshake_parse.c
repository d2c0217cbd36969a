/*
 * Handshakes in memory: a chain that mbedTLS alone would break off at, though it is right, arrives
 * whole and is judged by certs_trust_check; a leaf that cannot be read still ends the handshake.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <mbedtls/ssl.h>

#include "certs/certs.h"
#include "tests/unit/made.h"

struct wire {
	unsigned char data[1 << 16];
	size_t n;
};

struct end {
	mbedtls_ssl_context ssl;
	mbedtls_ssl_config config;
	struct wire *in;
	struct wire *out;
};

static struct made root;
static struct made constrained;
static struct certs_trust *trust;

static int wire_send(void *arg, const unsigned char *p, size_t n)
{
	struct wire *w = ((struct end *)arg)->out;

	assert_true(n <= sizeof(w->data) - w->n);
	memcpy(w->data + w->n, p, n);
	w->n += n;
	return (int)n;
}

static int wire_recv(void *arg, unsigned char *p, size_t n)
{
	struct wire *w = ((struct end *)arg)->in;

	n = n < w->n ? n : w->n;
	if (n == 0) {
		return MBEDTLS_ERR_SSL_WANT_READ;
	}
	memcpy(p, w->data, n);
	memmove(w->data, w->data + n, w->n - n);
	w->n -= n;
	return (int)n;
}

static void end_init(struct end *e, int endpoint, mbedtls_ssl_protocol_version version)
{
	mbedtls_ssl_init(&e->ssl);
	mbedtls_ssl_config_init(&e->config);
	assert_int_equal(mbedtls_ssl_config_defaults(&e->config, endpoint,
				 MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT),
		0);
	mbedtls_ssl_conf_authmode(&e->config, MBEDTLS_SSL_VERIFY_NONE);
	mbedtls_ssl_conf_rng(&e->config, certs_random, NULL);
	mbedtls_ssl_conf_max_tls_version(&e->config, version);
	mbedtls_ssl_conf_min_tls_version(&e->config, version);
}

static void end_start(struct end *e)
{
	assert_int_equal(mbedtls_ssl_setup(&e->ssl, &e->config), 0);
	assert_int_equal(mbedtls_ssl_set_hostname(&e->ssl, NULL), 0);
	mbedtls_ssl_set_bio(&e->ssl, e, wire_send, wire_recv, NULL);
}

static void end_finish(struct end *e)
{
	mbedtls_ssl_free(&e->ssl);
	mbedtls_ssl_config_free(&e->config);
}

/* Steps both ends until the client is done or fails. */
static int shake(struct end *client, struct end *server)
{
	int ret = MBEDTLS_ERR_SSL_WANT_READ;

	for (int i = 0; i < 20 && ret == MBEDTLS_ERR_SSL_WANT_READ; i++) {
		ret = mbedtls_ssl_handshake(&client->ssl);
		(void)mbedtls_ssl_handshake(&server->ssl);
	}
	return ret;
}

/* 0 and the verdict, or what the client's handshake ended with. */
static int connect_to(mbedtls_x509_crt *chain, mbedtls_pk_context *key,
	mbedtls_ssl_protocol_version version, enum certs_check *ret_check)
{
	struct wire *wires = calloc(2, sizeof(*wires));
	struct end client = {.in = &wires[0], .out = &wires[1]};
	struct end server = {.in = &wires[1], .out = &wires[0]};
	struct certs_diag diag = {CERTS_CHECK_NONE, ""};
	int ret;

	end_init(&client, MBEDTLS_SSL_IS_CLIENT, version);
	end_init(&server, MBEDTLS_SSL_IS_SERVER, version);
	assert_int_equal(mbedtls_ssl_conf_own_cert(&server.config, chain, key), 0);
	end_start(&client);
	end_start(&server);
	ret = shake(&client, &server);
	if (ret == 0) {
		ret = certs_trust_check(trust, mbedtls_ssl_get_peer_cert(&client.ssl), "a.example",
			time(NULL), CERTS_RELAX_NONE, &diag);
		assert_int_equal(ret == CERTS_OK, diag.check == CERTS_CHECK_PASSED);
		ret = 0;
	}
	*ret_check = diag.check;
	end_finish(&client);
	end_finish(&server);
	free(wires);
	return ret;
}

static mbedtls_x509_crt *chain_of(const struct made *a, const struct made *b)
{
	mbedtls_x509_crt *chain = calloc(1, sizeof(*chain));

	mbedtls_x509_crt_init(chain);
	assert_int_equal(mbedtls_x509_crt_parse_der(chain, a->der, a->n), 0);
	assert_int_equal(mbedtls_x509_crt_parse_der(chain, b->der, b->n), 0);
	return chain;
}

static void critical_constraints_arrive(void **state)
{
	static const mbedtls_ssl_protocol_version versions[] = {
		MBEDTLS_SSL_VERSION_TLS1_2, MBEDTLS_SSL_VERSION_TLS1_3};
	struct made inside;
	struct made outside;

	(void)state;
	made_create(
		&(struct made_spec){.subject = "CN=x", MADE_SAN_A_EXAMPLE}, &constrained, &inside);
	made_create(&(struct made_spec){.subject = "CN=x",
			    MADE_SAN("\x30\x16\x82\x09"
				     "a.example\x82\x09"
				     "b.example")},
		&constrained, &outside);
	for (size_t i = 0; i < 2; i++) {
		mbedtls_x509_crt *good = chain_of(&inside, &constrained);
		mbedtls_x509_crt *bad = chain_of(&outside, &constrained);
		enum certs_check check;

		assert_int_equal(connect_to(good, &inside.key, versions[i], &check), 0);
		assert_int_equal(check, CERTS_CHECK_PASSED);
		assert_int_equal(connect_to(bad, &outside.key, versions[i], &check), 0);
		assert_int_equal(check, CERTS_CHECK_CONSTRAINT);
		mbedtls_x509_crt_free(good);
		mbedtls_x509_crt_free(bad);
		free(good);
		free(bad);
	}
	made_finish(&inside);
	made_finish(&outside);
}

static void unknown_critical_extension_is_judged(void **state)
{
	struct made leaf;
	mbedtls_x509_crt *chain;
	enum certs_check check;

	(void)state;
	made_create(&(struct made_spec){.subject = "CN=x",
			    MADE_SAN_A_EXAMPLE,
			    MADE_CRITICAL("\x2b\x06\x01\x04\x01\x83\xb3\x3a\x01", "\x05")},
		&constrained, &leaf);
	chain = chain_of(&leaf, &constrained);
	assert_int_equal(connect_to(chain, &leaf.key, MBEDTLS_SSL_VERSION_TLS1_3, &check), 0);
	assert_int_equal(check, CERTS_CHECK_FORM);
	mbedtls_x509_crt_free(chain);
	free(chain);
	made_finish(&leaf);
}

static void unreadable_is_left_out_but_never_the_leaf(void **state)
{
	static const unsigned char junk[200] = {0x30, 0x81, 0xc5, 0x30};
	mbedtls_x509_crt chain;

	(void)state;
	mbedtls_x509_crt_init(&chain);
	assert_int_not_equal(mbedtls_x509_crt_parse_der(&chain, junk, sizeof(junk)), 0);
	assert_null(chain.raw.p);
	assert_int_equal(mbedtls_x509_crt_parse_der(&chain, root.der, root.n), 0);
	assert_int_equal(mbedtls_x509_crt_parse_der(&chain, junk, sizeof(junk)), 0);
	assert_null(chain.next);
	mbedtls_x509_crt_free(&chain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(critical_constraints_arrive),
		cmocka_unit_test(unknown_critical_extension_is_judged),
		cmocka_unit_test(unreadable_is_left_out_but_never_the_leaf),
	};
	struct certs_diag diag;
	int failed;

	if (certs_init(&diag) != CERTS_OK) {
		return 1;
	}
	made_create(&(struct made_spec){.subject = "CN=Root", .is_ca = true}, NULL, &root);
	made_create(&(struct made_spec){.subject = "CN=Constrained",
			    .is_ca = true,
			    MADE_CRITICAL("\x55\x1d\x1e", "\x30\x0f\xa0\x0d\x30\x0b\x82\x09"
							  "a.example")},
		&root, &constrained);
	trust = made_trust(&root);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	certs_trust_destroy(trust);
	made_finish(&root);
	made_finish(&constrained);
	certs_finish();
	return failed;
}
