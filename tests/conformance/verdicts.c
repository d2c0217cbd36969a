/*
 * Asks certs_trust_check_der about cases on standard input and writes a line for each:
 * "ID accept|refuse WORD SENTENCE". Input: "case ID SECONDS HOST", then "root PEM" and "cert PEM"
 * lines (line ends of the PEM written as '|', leaf first), then "end".
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mbedtls/pem.h>

#include "certs/certs.h"

#define CHAIN_MAX 128

struct state {
	struct certs_trust *trust;
	struct certs_der chain[CHAIN_MAX + 1];
	mbedtls_pem_context pem[CHAIN_MAX + 1];
	size_t n;
	char id[256];
	char host[256];
	long long now;
};

static void begin(struct state *s, const char *line)
{
	s->n = 0;
	assert(sscanf(line, "case %255s %lld %255s", s->id, &s->now, s->host) == 3);
	assert(certs_trust_create(&s->trust) == CERTS_OK);
}

static void add_cert(struct state *s, const char *pem)
{
	size_t used;

	assert(s->n <= CHAIN_MAX);
	mbedtls_pem_init(&s->pem[s->n]);
	assert(mbedtls_pem_read_buffer(&s->pem[s->n], "-----BEGIN CERTIFICATE-----",
		       "-----END CERTIFICATE-----", (const unsigned char *)pem, NULL, 0,
		       &used) == 0);
	s->chain[s->n].p = mbedtls_pem_get_buffer(&s->pem[s->n], &s->chain[s->n].n);
	s->n++;
}

static void end(struct state *s)
{
	struct certs_diag diag = {CERTS_CHECK_NONE, ""};
	int err = certs_trust_check_der(
		s->trust, s->chain, s->n, s->host, (time_t)s->now, CERTS_RELAX_NONE, &diag);

	/* The two ways of saying it must agree, or a caller that reads one of them is fooled. */
	assert((err == CERTS_OK) == (diag.check == CERTS_CHECK_PASSED));
	printf("%s %s %s %s\n", s->id, err == CERTS_OK ? "accept" : "refuse",
		certs_check_word(diag.check), diag.message);
	for (size_t i = 0; i < s->n; i++) {
		mbedtls_pem_free(&s->pem[i]);
	}
	certs_trust_destroy(s->trust);
	s->trust = NULL;
}

static void take(struct state *s, char *line)
{
	struct certs_diag diag;
	size_t added;

	for (char *p = line; *p != '\0'; p++) {
		*p = *p == '|' ? '\n' : *p;
	}
	if (strncmp(line, "case ", 5) == 0) {
		begin(s, line);
	} else if (strncmp(line, "root ", 5) == 0) {
		/* A root that cannot be read is one we do not have: the case goes on. */
		if (certs_trust_add_pem(s->trust, line + 5, &added, &diag) != CERTS_OK) {
			fprintf(stderr, "%s: root: %s\n", s->id, diag.message);
		}
	} else if (strncmp(line, "cert ", 5) == 0) {
		add_cert(s, line + 5);
	} else {
		end(s);
	}
}

int main(void)
{
	static struct state state;
	struct certs_diag diag;
	char *line = NULL;
	size_t size = 0;

	if (certs_init(&diag) != CERTS_OK) {
		return 1;
	}
	while (getline(&line, &size, stdin) > 0) {
		take(&state, line);
	}
	free(line);
	certs_finish();
	return 0;
}
