/*
 * The system's roots as text, for clients that read a file where the system has a store.
 */
#include "certs/certs.h"

#include <stdlib.h>
#include <string.h>

#include <mbedtls/pem.h>

#include "certs/diag.h"
#include "certs/system.h"

enum { PEM_MAX = 64 * 1024 };

struct round {
	void (*take)(void *arg, const char *pem);
	void *arg;
	unsigned char *buf;
};

static int write_one(void *context, const unsigned char *der, size_t n)
{
	struct round *r = context;
	size_t len;

	/* One that is too large for anybody is left out, as its readers would. */
	if (mbedtls_pem_write_buffer("-----BEGIN CERTIFICATE-----\n", "-----END CERTIFICATE-----\n",
		    der, n, r->buf, PEM_MAX, &len) == 0) {
		r->take(r->arg, (const char *)r->buf);
	}
	return CERTS_OK;
}

int certs_system_each_pem(
	void (*take)(void *arg, const char *pem), void *arg, struct certs_diag *diag)
{
	struct round r = {take, arg, malloc(PEM_MAX)};
	const char *path = certs_system_bundle();
	unsigned char *data;
	size_t len;
	int err;

	if (r.buf == NULL) {
		return CERTS_EMEMORY;
	}
	if (path == NULL) {
		err = certs_system_each_root(write_one, &r, diag);
	} else {
		err = certs_system_read(path, 16 * 1024 * 1024, false, &data, &len, diag);
		if (err == CERTS_OK) {
			take(arg, (const char *)data);
			free(data);
		}
	}
	free(r.buf);
	return err;
}
