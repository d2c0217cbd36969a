/*
 * Makes certificates with mbedTLS's writer, which asks no questions: that is what tests need.
 */
#include "tests/unit/made.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <mbedtls/pem.h>

#include "certs/ca.h"

#define DAY 86400

/* Outside a test function cmocka's own assertions have nowhere to jump to. */
#define must(call) assert((call) == 0)

static void set_extensions(mbedtls_x509write_cert *w, const struct made_spec *s)
{
	static const char server_auth[] = "\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01";
	unsigned usage =
		s->is_ca ? MBEDTLS_X509_KU_KEY_CERT_SIGN : MBEDTLS_X509_KU_DIGITAL_SIGNATURE;
	const char *eku = s->eku != NULL ? s->eku : s->is_ca ? "" : server_auth;

	must(mbedtls_x509write_crt_set_basic_constraints(w, s->is_ca, s->path_len - 1));
	must(mbedtls_x509write_crt_set_key_usage(w, s->key_usage ? s->key_usage : usage));
	must(mbedtls_x509write_crt_set_subject_key_identifier(w));
	if (!s->no_aki) {
		must(mbedtls_x509write_crt_set_authority_key_identifier(w));
	}
	if (s->san != NULL) {
		must(mbedtls_x509write_crt_set_extension(
			w, "\x55\x1d\x11", 3, 0, (const unsigned char *)s->san, s->n_san));
	}
	if (eku[0] != '\0') {
		must(mbedtls_x509write_crt_set_extension(
			w, "\x55\x1d\x25", 3, 0, (const unsigned char *)eku, (size_t)eku[1] + 2));
	}
	if (s->extension != NULL) {
		must(mbedtls_x509write_crt_set_extension(w, s->extension, strlen(s->extension),
			s->extension_critical, (const unsigned char *)s->value, s->n_value));
	}
}

/* Makes and signs one; issuer NULL: by itself. */
void made_create(const struct made_spec *s, struct made *issuer, struct made *out)
{
	bool given = s->from != 0 || s->to != 0;
	unsigned char serial[20];
	mbedtls_x509write_cert w;
	char from[16];
	char to[16];
	int n;

	issuer = issuer == NULL ? out : issuer;
	snprintf(out->name, sizeof(out->name), "%s", s->subject);
	mbedtls_pk_init(&out->key);
	must(mbedtls_pk_setup(&out->key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)));
	must(mbedtls_ecp_gen_key(s->curve ? s->curve : MBEDTLS_ECP_DP_SECP256R1,
		mbedtls_pk_ec(out->key), certs_random, NULL));
	mbedtls_x509write_crt_init(&w);
	mbedtls_x509write_crt_set_md_alg(&w, s->md ? s->md : MBEDTLS_MD_SHA256);
	mbedtls_x509write_crt_set_version(&w, s->version ? s->version - 1 : 2);
	mbedtls_x509write_crt_set_subject_key(&w, &out->key);
	mbedtls_x509write_crt_set_issuer_key(&w, &issuer->key);
	must(ca_serial(serial));
	ca_time_text(time(NULL) + (given ? s->from : -1) * DAY, from);
	ca_time_text(time(NULL) + (given ? s->to : 30) * DAY, to);
	must(mbedtls_x509write_crt_set_serial_raw(&w, serial, sizeof(serial)));
	must(mbedtls_x509write_crt_set_validity(&w, from, to));
	must(mbedtls_x509write_crt_set_subject_name(&w, out->name));
	must(mbedtls_x509write_crt_set_issuer_name(&w, issuer->name));
	if (s->version == 0) {
		set_extensions(&w, s);
	}
	n = mbedtls_x509write_crt_der(&w, out->der, sizeof(out->der), certs_random, NULL);
	assert(n > 0);
	memmove(out->der, out->der + sizeof(out->der) - n, (size_t)n);
	out->n = (size_t)n;
	mbedtls_x509write_crt_free(&w);
}

struct certs_trust *made_trust(const struct made *m)
{
	struct certs_trust *t = NULL;
	struct certs_diag diag;
	char pem[4096];
	size_t n;

	must(certs_trust_create(&t));
	must(mbedtls_pem_write_buffer("-----BEGIN CERTIFICATE-----\n",
		"-----END CERTIFICATE-----\n", m->der, m->n, (unsigned char *)pem, sizeof(pem),
		&n));
	must(certs_trust_add_pem(t, pem, &n, &diag));
	assert(n == 1);
	return t;
}

void made_finish(struct made *m)
{
	mbedtls_pk_free(&m->key);
}
