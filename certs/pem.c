/*
 * Where certificates begin and end in a text.
 */
#include "certs/pem.h"
#include "certs/certs.h"

#include <stdlib.h>
#include <string.h>

int pem_next(struct pem_reader *r)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----",
			  end[] = "-----END CERTIFICATE-----";
	const char *from = strstr(r->at, begin), *to;
	long n;

	if (from == NULL) {
		return PEM_NONE;
	}
	from += sizeof(begin) - 1;
	to = strstr(from, end);
	if (to == NULL) {
		r->at = from;
		return PEM_BROKEN;
	}
	r->at = to + sizeof(end) - 1;
	if (r->size < (size_t)(to - from)) {
		free(r->der);
		r->size = (size_t)(to - from);
		r->der = malloc(r->size);
	}
	if (r->der == NULL) {
		r->size = 0;
		return CERTS_EMEMORY;
	}
	n = pem_base64(from, (size_t)(to - from), r->der);
	r->n = n > 0 ? (size_t)n : 0;
	return n > 0 ? PEM_CERTIFICATE : PEM_BROKEN;
}

void pem_finish(struct pem_reader *r)
{
	free(r->der);
	*r = (struct pem_reader){0};
}
