/*
 * Fields that the rules put into a request: values that the client never sees. Chosen when the
 * request was allowed, written by http_write.c, on record as digests.
 */
#include "gateway/http_write.h"
#include "gateway/session.h"
#include "gateway/worker.h"

#include <string.h>
#include <strings.h>

bool inject_choose(struct session *s)
{
	const struct rules *rules = s->worker->gateway->rules;
	struct exchange *x = &s->exchange;
	const struct rules_inject *found;
	struct http_field *fields;
	size_t at = 0, n;

	(void)rules_injects(rules, &n);
	if (n == 0) {
		return true;
	}
	fields = arena_alloc(&x->arena, n * sizeof(*fields));
	n = 0;
	while (fields != NULL && (found = rules_injected(rules, &x->target, &at)) != NULL) {
		fields[n++] = (struct http_field){found->header, found->attached};
		if (found->attached == NULL) {
			fields = NULL; /* nobody filled it in: without it the request says another
					  thing */
		}
	}
	if (fields == NULL) {
		session_refuse(s, 500, "internal", true, "what is to be injected is not there");
		return false;
	}
	/* Whoever is not checked could be anybody, and would be told the secret. */
	if (n > 0 && x->decision.relax != 0) {
		session_refuse(s, 403, "inject-insecure", false,
			"a statement injects %s here and another relaxes the check of the origin's "
			"certificate: a secret is not sent to whom nobody checks",
			fields[0].name);
		return false;
	}
	/* Its answer is the request as it was heard (RFC 9110 9.3.8). */
	if (n > 0 && strcmp(x->request->method, "TRACE") == 0) {
		session_refuse(s, 403, "inject-insecure", false,
			"a statement injects %s here, and TRACE would bring it back",
			fields[0].name);
		return false;
	}
	x->injected = fields;
	x->n_injected = n;
	return true;
}

bool inject_replaces(const struct exchange *x, const char *name)
{
	for (size_t i = 0; i < x->n_injected; i++) {
		if (strcasecmp(x->injected[i].name, name) == 0) {
			return true;
		}
	}
	return false;
}
