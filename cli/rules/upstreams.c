/*
 * The files of `ca`, `cert` and `key`. A mistake in one stops the run, or keeps the old rules, with
 * the line that names it.
 */
#include "cli/rules/upstreams.h"
#include "certs/certs.h"
#include "gateway/gateway.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct upstreams {
	struct gateway_upstream *items; /* owned, like what they point to */
	size_t n;
};

static __attribute__((format(printf, 3, 4))) int fail(
	struct upstreams_problem *p, const struct rules_upstream *u, const char *format, ...)
{
	va_list args;
	int n = snprintf(p->text, sizeof(p->text), "%.300s:%u: ", u->origin, u->line);

	va_start(args, format);
	vsnprintf(p->text + n, sizeof(p->text) - (size_t)n, format, args);
	va_end(args);
	return -1;
}

bool upstreams_path(
	const struct rules_upstream *u, const char *written, char *ret_path, size_t size)
{
	const char *slash = strrchr(u->origin, '/'), *home = getenv("HOME");
	int n;

	if (written[0] == '~' && written[1] == '/' && home != NULL) {
		n = snprintf(ret_path, size, "%s%s", home, written + 1);
	} else if (written[0] == '/' || slash == NULL) {
		n = snprintf(ret_path, size, "%s", written);
	} else {
		n = snprintf(
			ret_path, size, "%.*s/%s", (int)(slash - u->origin), u->origin, written);
	}
	return n >= 0 && (size_t)n < size;
}

static int read_one(const struct rules_upstream *u, const char *word, const char *written,
	struct text *files, struct upstreams_problem *p)
{
	struct certs_diag diag = {0};
	char path[PATH_MAX], *text;

	if (written == NULL) {
		text_add(files, "", 1);
		return 0;
	}
	if (!upstreams_path(u, written, path, sizeof(path))) {
		return fail(p, u, "%s: the path is too long", word);
	}
	if (certs_text_read(path, word[0] == 'k', &text, &diag) != CERTS_OK) {
		return fail(p, u, "%s: %s", word, diag.message);
	}
	text_add(files, text, strlen(text) + 1);
	certs_text_free(text);
	return 0;
}

int upstreams_read(const struct rules *rules, struct text *ret_files, struct upstreams_problem *p)
{
	const struct rules_upstream *all;
	struct text files = {0};
	size_t n;
	int result = 0;

	all = rules_upstreams(rules, &n);
	for (size_t i = 0; result == 0 && i < n; i++) {
		result = read_one(&all[i], "ca", all[i].ca, &files, p);
		result = result == 0 ? read_one(&all[i], "cert", all[i].cert, &files, p) : result;
		result = result == 0 ? read_one(&all[i], "key", all[i].key, &files, p) : result;
	}
	if (result != 0) {
		upstreams_wipe(&files);
		return result;
	}
	*ret_files = files;
	return 0;
}

void upstreams_wipe(struct text *files)
{
	volatile char *at = files->data;

	for (size_t i = 0; i < files->len; i++) {
		at[i] = 0;
	}
	text_finish(files);
}

static int make_trust(const struct rules_upstream *u, const char *pem,
	const struct certs_trust *base, struct gateway_upstream *ret, struct upstreams_problem *p)
{
	struct certs_diag diag = {0};
	struct certs_trust *trust;
	size_t added;

	if (u->ca == NULL) {
		return 0;
	}
	if (certs_trust_create_over(base, &trust) != CERTS_OK) {
		return fail(p, u, "ca %.200s: memory is out", u->ca);
	}
	ret->trust = trust;
	if (certs_trust_add_pem(trust, pem, &added, &diag) != CERTS_OK) {
		return fail(p, u, "ca %.200s: %s", u->ca, diag.message);
	}
	return 0;
}

static int make_identity(const struct rules_upstream *u, const char *cert, const char *key,
	struct gateway_upstream *ret, struct upstreams_problem *p)
{
	struct certs_diag diag = {0};

	if (u->cert != NULL &&
		certs_identity_create(cert, key, &ret->identity, &diag) != CERTS_OK) {
		return fail(p, u, "cert %.200s key %.200s: %s", u->cert, u->key, diag.message);
	}
	return 0;
}

/* The texts are as many as upstreams_read makes for these rules. */
static bool are_whole(const struct text *files, size_t n)
{
	size_t texts = 0;

	for (size_t i = 0; i < files->len; i++) {
		texts += files->data[i] == '\0';
	}
	return texts == 3 * n;
}

int upstreams_make(struct rules *rules, const struct text *files, const struct certs_trust *base,
	struct upstreams **ret_upstreams, struct upstreams_problem *p)
{
	const struct rules_upstream *all;
	const char *at = files->data;
	struct upstreams *u;
	size_t n;
	int result = 0;

	all = rules_upstreams(rules, &n);
	if (n == 0) {
		*ret_upstreams = NULL;
		return 0;
	}
	u = calloc(1, sizeof(*u));
	if (u == NULL || !are_whole(files, n) ||
		(u->items = calloc(n, sizeof(*u->items))) == NULL) {
		free(u);
		return fail(p, &all[0], "its files did not arrive whole");
	}
	u->n = n;
	for (size_t i = 0; result == 0 && i < n; i++) {
		const char *ca = at, *cert = ca + strlen(ca) + 1, *key = cert + strlen(cert) + 1;

		at = key + strlen(key) + 1;
		result = make_trust(&all[i], ca, base, &u->items[i], p);
		if (result == 0) {
			result = make_identity(&all[i], cert, key, &u->items[i], p);
		}
		rules_upstream_attach(rules, i, &u->items[i]);
	}
	if (result != 0) {
		upstreams_destroy(u);
		return result;
	}
	*ret_upstreams = u;
	return 0;
}

void upstreams_destroy(struct upstreams *u)
{
	if (u == NULL) {
		return;
	}
	for (size_t i = 0; i < u->n; i++) {
		certs_trust_destroy((struct certs_trust *)(uintptr_t)u->items[i].trust);
		certs_identity_destroy(u->items[i].identity);
	}
	free(u->items);
	free(u);
}

void upstreams_describe(const struct rules *rules, const struct text *files, struct text *ret_text)
{
	const struct rules_upstream *all;
	const char *at = files->data;
	size_t n;

	all = rules_upstreams(rules, &n);
	for (size_t i = 0; i < n; i++) {
		const char *const words[] = {"ca", "cert"};
		const char *const written[] = {all[i].ca, all[i].cert};

		text_print(ret_text, "%s%s:%u", i > 0 ? "; " : "", all[i].origin, all[i].line);
		for (int k = 0; k < 2; k++) {
			char digest[65];

			certs_sha256(at, strlen(at), digest);
			if (written[k] != NULL) {
				text_print(
					ret_text, " %s %s sha256 %s", words[k], written[k], digest);
			}
			at += strlen(at) + 1;
		}
		at += strlen(at) + 1; /* of a key nothing is told */
	}
}
