/*
 * Builds paths from the leaf upwards and checks each certificate before it is used: depth first,
 * roots before presented certificates, back again where a path fails (cross-signing), and all of it
 * within a budget that an origin cannot stretch. Must not know where roots or chains come from.
 */
#include "certs/path.h"

#include <stdio.h>
#include <string.h>

#include "certs/diag.h"
#include "certs/remember.h"

#define SIGNATURES_MAX  16     /* of one check; each costs about a millisecond */
#define COMPARISONS_MAX 100000 /* of names with constraints */
#define SERIAL_MAX      20

struct walk {
	const struct path_task *task;
	const struct cert *path[PATH_MAX_CERTS];
	size_t n;
	unsigned signatures;
	unsigned comparisons;
	/* The failure told: the first at the greatest length of path. */
	enum certs_check check;
	const char *why;
	const struct cert *culprit;
	size_t told_at;
};

static bool fail(struct walk *w, enum certs_check check, const struct cert *cert, const char *why)
{
	if (w->check == CERTS_CHECK_NONE || w->n > w->told_at) {
		w->check = check;
		w->why = why;
		w->culprit = cert;
		w->told_at = w->n;
	}
	return false;
}

static bool has_eku(struct der eku, const char *oid, size_t n)
{
	struct der one;

	while (eku.n != 0 && der_take(&eku, DER_OID, &one)) {
		if (der_is(one, oid, n)) {
			return true;
		}
	}
	return false;
}

static bool has_server_auth(const struct cert *c)
{
	return has_eku(c->eku, "\x2b\x06\x01\x05\x05\x07\x03\x01", 8);
}

static bool has_any_usage(const struct cert *c)
{
	return has_eku(c->eku, "\x55\x1d\x25\x00", 4);
}

static bool is_empty_name(struct der name)
{
	return name.n <= 2;
}

/* RFC 5280 4.1.2.2: positive, at most 20 octets. */
static bool is_good_serial(struct der serial)
{
	return serial.n >= 1 && serial.n <= SERIAL_MAX && (serial.p[0] & 0x80) == 0 &&
	       !der_is(serial, "\0", 1);
}

static bool check_time(struct walk *w, const struct cert *c)
{
	if ((w->task->relax & CERTS_RELAX_EXPIRED) != 0) {
		return true;
	}
	if (w->task->now < c->not_before) {
		return fail(w, CERTS_CHECK_EXPIRED, c, "it is not valid yet");
	}
	if (w->task->now > c->not_after) {
		return fail(w, CERTS_CHECK_EXPIRED, c, "it has expired");
	}
	return true;
}

static bool check_leaf_form(struct walk *w, const struct cert *c)
{
	if (c->refusal != NULL) {
		return fail(w, CERTS_CHECK_FORM, c, c->refusal);
	}
	if (c->version != 3) {
		return fail(w, CERTS_CHECK_USAGE, c, "it is not an X.509 v3 certificate");
	}
	if (!is_good_serial(c->serial)) {
		return fail(w, CERTS_CHECK_FORM, c, "its serial is zero, negative or too long");
	}
	if (is_empty_name(c->issuer)) {
		return fail(w, CERTS_CHECK_FORM, c, "it has no issuer name");
	}
	if ((c->has & X509_SAN) != 0 && !names_well_formed(c->san)) {
		return fail(w, CERTS_CHECK_FORM, c, "malformed subjectAltName");
	}
	/* RFC 5280 4.2.1.6 one way, Baseline Requirements 7.1.2.7.12 the other. */
	if ((c->has & X509_SAN) != 0 &&
		is_empty_name(c->subject) != ((c->critical & X509_SAN) != 0)) {
		return fail(w, CERTS_CHECK_FORM, c,
			"its subjectAltName must be critical when, and only when, the subject is "
			"empty");
	}
	return true;
}

static bool check_leaf_usage(struct walk *w, const struct cert *c)
{
	if (c->is_ca) {
		return fail(w, CERTS_CHECK_USAGE, c, "a CA's certificate, used by a server");
	}
	if ((c->has & X509_NAME_CONSTRAINTS) != 0) {
		return fail(w, CERTS_CHECK_USAGE, c, "nameConstraints, but it is no CA's");
	}
	if ((c->key_usage & X509_USE_CERT_SIGN) != 0) {
		return fail(w, CERTS_CHECK_USAGE, c, "keyUsage keyCertSign, but it is no CA's");
	}
	if ((c->has & X509_KEY_USAGE) != 0 && (c->key_usage & X509_USE_SIGN) == 0) {
		return fail(w, CERTS_CHECK_USAGE, c, "keyUsage without digitalSignature");
	}
	if ((c->has & X509_EKU) != 0 && !has_server_auth(c)) {
		return fail(w, CERTS_CHECK_USAGE, c, "extKeyUsage without serverAuth");
	}
	if (has_any_usage(c)) {
		return fail(w, CERTS_CHECK_USAGE, c, "extKeyUsage for any use at all");
	}
	return true;
}

static bool check_leaf_name(struct walk *w, const struct cert *c)
{
	if ((w->task->relax & CERTS_RELAX_NAME) != 0) {
		return true;
	}
	if ((c->has & X509_SAN) == 0) {
		return fail(w, CERTS_CHECK_NAME, c, "no subjectAltName");
	}
	if (!names_match(c->san, w->task->peer)) {
		return fail(w, CERTS_CHECK_NAME, c, "its subjectAltName does not name the host");
	}
	if (!names_honest_common_name(c)) {
		return fail(w, CERTS_CHECK_NAME, c,
			"its common name is an address or name in a misleading form");
	}
	return true;
}

/* RFC 7633 4.2.2: of an issuer it binds all below. mbedTLS asks for no staple and reads none. */
static bool check_staple(struct walk *w, const struct cert *c)
{
	if (c->must_staple && (w->task->relax & CERTS_RELAX_STAPLE) == 0) {
		return fail(w, CERTS_CHECK_STAPLE, c, "it must come with a stapled OCSP response");
	}
	return true;
}

static bool check_leaf(struct walk *w, const struct cert *c)
{
	const char *weak = key_weakness(c->spki, w->task->relax);

	if (!check_leaf_form(w, c) || !check_leaf_usage(w, c)) {
		return false;
	}
	if (weak != NULL) {
		return fail(w, CERTS_CHECK_WEAK, c, weak);
	}
	if (!check_time(w, c) || !check_leaf_name(w, c)) {
		return false;
	}
	return check_staple(w, c);
}

static bool check_issuer_form(struct walk *w, const struct cert *c, bool is_root)
{
	const char *why = NULL;

	if (c->refusal != NULL) {
		return fail(w, CERTS_CHECK_FORM, c, c->refusal);
	}
	if (is_empty_name(c->subject) || is_empty_name(c->issuer)) {
		return fail(w, CERTS_CHECK_FORM, c, "it has no subject or issuer name");
	}
	if (!is_root && !is_good_serial(c->serial)) {
		return fail(w, CERTS_CHECK_FORM, c, "its serial is zero, negative or too long");
	}
	/*
	 * RFC 5280 4.2.1.1 and 4.2.1.2: without the identifiers a path could only be guessed. Roots
	 * without their own are in the distributions' bundles and in use.
	 */
	if (!is_root && (c->has & X509_SKI) == 0) {
		return fail(w, CERTS_CHECK_FORM, c, "no subjectKeyIdentifier");
	}
	if (c->aki.n == 0 && (!is_root || !x509_self_issued(c) || (c->has & X509_AKI) != 0)) {
		return fail(w, CERTS_CHECK_FORM, c, "no keyIdentifier of its issuer's key");
	}
	if (is_root && x509_self_issued(c) && c->aki.n != 0 && (c->has & X509_SKI) != 0 &&
		!der_same(c->aki, c->ski)) {
		return fail(
			w, CERTS_CHECK_FORM, c, "a root that names another key as its issuer's");
	}
	if ((c->has & X509_NAME_CONSTRAINTS) != 0) {
		why = names_constraints_form(c->name_constraints);
	}
	return why == NULL || fail(w, CERTS_CHECK_CONSTRAINT, c, why);
}

static bool check_issuer_usage(struct walk *w, const struct cert *c, bool is_root)
{
	if (c->version != 3 || !c->is_ca || (c->critical & X509_BASIC) == 0) {
		return fail(w, CERTS_CHECK_USAGE, c,
			"an issuer without critical basicConstraints CA:TRUE");
	}
	if ((c->has & X509_KEY_USAGE) != 0 && (c->key_usage & X509_USE_CERT_SIGN) == 0) {
		return fail(w, CERTS_CHECK_USAGE, c, "an issuer whose keyUsage lacks keyCertSign");
	}
	if ((c->has & X509_EKU) != 0 && (is_root || !(has_server_auth(c) || has_any_usage(c)))) {
		return fail(w, CERTS_CHECK_USAGE, c, "an issuer whose extKeyUsage does not fit");
	}
	return true;
}

/* pathLenConstraint counts the intermediates below that are not self-issued (RFC 5280 6.1.4 l, m).
 */
static bool check_path_len(struct walk *w, const struct cert *c)
{
	unsigned below = 0;

	for (size_t i = 1; i < w->n; i++) {
		below += x509_self_issued(w->path[i]) ? 0 : 1;
	}
	if (c->has_path_len && below > c->path_len) {
		return fail(w, CERTS_CHECK_CONSTRAINT, c, "more CAs below it than it allows");
	}
	return true;
}

/* Self-issued intermediates are exempt from constraints, the leaf never is (RFC 5280 6.1.3 b, c).
 */
static bool check_constraints(struct walk *w, const struct cert *c)
{
	if ((c->has & X509_NAME_CONSTRAINTS) == 0) {
		return true;
	}
	for (size_t i = 0; i < w->n; i++) {
		const char *why;

		if (i > 0 && x509_self_issued(w->path[i])) {
			continue;
		}
		why = names_constrained(c->name_constraints, w->path[i], &w->comparisons);
		if (why != NULL) {
			return fail(w, CERTS_CHECK_CONSTRAINT, c, why);
		}
	}
	return true;
}

static bool check_signature(struct walk *w, const struct cert *child, const struct cert *issuer)
{
	const char *weak = key_weakness(issuer->spki, w->task->relax);

	if (weak != NULL) {
		return fail(w, CERTS_CHECK_WEAK, issuer, weak);
	}
	weak = signature_weakness(child->sig_alg, w->task->relax);
	if (weak != NULL) {
		return fail(w, CERTS_CHECK_WEAK, child, weak);
	}
	if (w->signatures == 0) {
		return fail(w, CERTS_CHECK_CHAIN, child, "too many possible paths");
	}
	w->signatures--;
	if (!remembered_signature_holds(w->task->remembered, child, issuer)) {
		return fail(w, CERTS_CHECK_CHAIN, child, "its issuer's key did not sign it");
	}
	return true;
}

/* May `issuer` stand above the path as it is? The signature comes last because it costs most. */
static bool check_issuer(struct walk *w, const struct cert *issuer, bool is_root)
{
	const struct cert *child = w->path[w->n - 1];

	if (child->aki.n != 0 && issuer->ski.n != 0 && !der_same(child->aki, issuer->ski)) {
		return false; /* another key of that name */
	}
	if (child->aki.n == 0) {
		return fail(w, CERTS_CHECK_FORM, child, "no keyIdentifier of its issuer's key");
	}
	return check_issuer_form(w, issuer, is_root) && check_issuer_usage(w, issuer, is_root) &&
	       check_time(w, issuer) && check_path_len(w, issuer) && check_constraints(w, issuer) &&
	       check_staple(w, issuer) && check_signature(w, child, issuer);
}

static bool is_in_path(const struct walk *w, const struct cert *c)
{
	for (size_t i = 0; i < w->n; i++) {
		if (der_same(w->path[i]->raw, c->raw)) {
			return true;
		}
	}
	return false;
}

static bool extend_to_root(struct walk *w)
{
	struct der issuer = w->path[w->n - 1]->issuer;
	const struct cert *root = trust_root_first(w->task->trust, issuer);

	for (; root != NULL; root = trust_root_next(w->task->trust, root)) {
		if (!is_in_path(w, root) && check_issuer(w, root, true)) {
			w->path[w->n++] = root;
			return true;
		}
	}
	return false;
}

static bool extend(struct walk *w)
{
	const struct path_task *task = w->task;
	struct der issuer = w->path[w->n - 1]->issuer;

	if (extend_to_root(w)) {
		return true;
	}
	if (w->n + 1 >= PATH_MAX_CERTS) {
		return fail(w, CERTS_CHECK_CHAIN, w->path[0],
			"no trusted root within the longest path");
	}
	for (size_t i = 1; i < task->n_presented; i++) {
		const struct cert *c = &task->presented[i];

		if (!der_same(c->subject, issuer) || is_in_path(w, c) ||
			!check_issuer(w, c, false)) {
			continue;
		}
		w->path[w->n++] = c;
		if (extend(w)) {
			return true;
		}
		w->n--;
	}
	return false;
}

static int tell_failure(const struct walk *w, struct certs_diag *diag)
{
	char who[96] = "the certificate";

	if (w->culprit != NULL) {
		x509_subject_text(w->culprit, who, sizeof(who));
	}
	return certs_fail(diag, CERTS_EUNTRUSTED, w->check, "%s: %s", who, w->why);
}

static int tell_success(const struct walk *w, struct certs_diag *diag)
{
	char who[96];

	x509_subject_text(w->path[w->n - 1], who, sizeof(who));
	return certs_fail(diag, CERTS_OK, CERTS_CHECK_PASSED,
		w->n > 1 ? "path of %lu to %s" : "path of %lu, not followed to a root: %s",
		(unsigned long)w->n, who);
}

int path_check(const struct path_task *task, struct certs_diag *diag)
{
	struct walk w = {
		.task = task,
		.path = {&task->presented[0]},
		.signatures = SIGNATURES_MAX,
		.comparisons = COMPARISONS_MAX,
	};

	if (!check_leaf(&w, w.path[0])) {
		return tell_failure(&w, diag);
	}
	w.n = 1;
	if ((task->relax & CERTS_RELAX_UNTRUSTED) == 0 && !extend(&w)) {
		if (w.check == CERTS_CHECK_NONE) {
			fail(&w, CERTS_CHECK_CHAIN, w.path[0], "no path to a trusted root");
		}
		return tell_failure(&w, diag);
	}
	return tell_success(&w, diag);
}
