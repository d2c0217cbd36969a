/*
 * Name constraints (RFC 5280 4.2.1.10): DNS names, addresses and directory names are compared; a
 * constraint on another kind refuses every certificate that carries a name of that kind. Pure; each
 * comparison costs one of a budget, so that thousands of names times thousands of subtrees end
 * early.
 */
#include "certs/names.h"

#include <string.h>

#define PERMITTED 0xa0
#define EXCLUDED  0xa1

struct subtrees {
	struct der permitted; /* p NULL: none given */
	struct der excluded;
};

static bool read_subtrees(struct der constraints, struct subtrees *ret_subtrees)
{
	return der_take_optional(&constraints, PERMITTED, &ret_subtrees->permitted) &&
	       der_take_optional(&constraints, EXCLUDED, &ret_subtrees->excluded) &&
	       constraints.n == 0;
}

static bool next_base(struct der *list, struct name *ret_base)
{
	struct der subtree;

	/* minimum is 0, which DER leaves out, and maximum is never there. */
	return der_take(list, DER_SEQUENCE, &subtree) && name_next(&subtree, ret_base) &&
	       subtree.n == 0;
}

static bool is_mask(const unsigned char *mask, size_t n)
{
	bool ended = false;

	for (size_t bit = 0; bit < 8 * n; bit++) {
		bool is_set = (mask[bit / 8] & (0x80 >> bit % 8)) != 0;

		if (is_set && ended) {
			return false;
		}
		ended = !is_set;
	}
	return true;
}

static bool is_rdns(struct der directory)
{
	struct der rdns;

	return der_take(&directory, DER_SEQUENCE, &rdns) && directory.n == 0;
}

static bool base_well_formed(const struct name *base)
{
	switch (base->kind) {
	case NAME_DNS: return names_is_dns_base(base->value);
	case NAME_IP:
		return (base->value.n == 8 || base->value.n == 32) &&
		       is_mask(base->value.p + base->value.n / 2, base->value.n / 2);
	case NAME_DIRECTORY: return is_rdns(base->value);
	case NAME_EMAIL:
	case NAME_URI:
	case NAME_OTHER:
	case NAME_X400:
	case NAME_EDI:
	case NAME_REGISTERED_ID: return true;
	}
	return false;
}

const char *names_constraints_form(struct der constraints)
{
	struct subtrees s;
	struct name base;

	if (!read_subtrees(constraints, &s) || (s.permitted.n == 0 && s.excluded.n == 0) ||
		(s.permitted.p != NULL && s.permitted.n == 0) ||
		(s.excluded.p != NULL && s.excluded.n == 0)) {
		return "malformed or empty nameConstraints";
	}
	while (s.permitted.n != 0) {
		if (!next_base(&s.permitted, &base) || !base_well_formed(&base)) {
			return "a malformed permitted subtree";
		}
	}
	while (s.excluded.n != 0) {
		if (!next_base(&s.excluded, &base) || !base_well_formed(&base)) {
			return "a malformed excluded subtree";
		}
	}
	return NULL;
}

static bool ip_within(struct der ip, struct der base)
{
	if (base.n != 2 * ip.n) {
		return false;
	}
	for (size_t i = 0; i < ip.n; i++) {
		unsigned char mask = base.p[ip.n + i];

		if ((ip.p[i] & mask) != (base.p[i] & mask)) {
			return false;
		}
	}
	return true;
}

static bool is_text(unsigned tag)
{
	return tag == DER_UTF8 || tag == DER_PRINTABLE || tag == DER_IA5;
}

static unsigned char fold(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c | 0x20) : c;
}

/* RFC 5280 7.1 in short: text ignoring case and doubled spaces, whatever string type holds it. */
static bool same_text(struct der a, struct der b)
{
	size_t i = 0;
	size_t j = 0;

	for (;;) {
		bool gap_a = false;
		bool gap_b = false;

		for (; i < a.n && a.p[i] == ' '; i++) {
			gap_a = i > 0;
		}
		for (; j < b.n && b.p[j] == ' '; j++) {
			gap_b = j > 0;
		}
		if (i == a.n || j == b.n) {
			return i == a.n && j == b.n;
		}
		if (gap_a != gap_b || fold(a.p[i]) != fold(b.p[j])) {
			return false;
		}
		i++;
		j++;
	}
}

static bool is_plain_text(unsigned tag, struct der value)
{
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] >= 0x80) {
			return false;
		}
	}
	return is_text(tag);
}

/* Text in rarer encodings or beyond ASCII could be the same written otherwise: then `when_unsure`.
 */
static bool same_pair(struct der a, struct der b, bool when_unsure)
{
	struct der oid_a;
	struct der oid_b;
	struct der value_a;
	struct der value_b;
	unsigned tag_a;
	unsigned tag_b;

	if (!der_take(&a, DER_OID, &oid_a) || !der_take(&b, DER_OID, &oid_b) ||
		!der_same(oid_a, oid_b) || !der_next(&a, &tag_a, &value_a, NULL) ||
		!der_next(&b, &tag_b, &value_b, NULL)) {
		return false;
	}
	if (tag_a == tag_b && der_same(value_a, value_b)) {
		return true;
	}
	if (is_plain_text(tag_a, value_a) && is_plain_text(tag_b, value_b)) {
		return same_text(value_a, value_b);
	}
	return when_unsure;
}

static bool same_rdn(struct der a, struct der b, bool when_unsure)
{
	struct der pair_a;
	struct der pair_b;

	while (a.n != 0 && b.n != 0) {
		if (!der_take(&a, DER_SEQUENCE, &pair_a) || !der_take(&b, DER_SEQUENCE, &pair_b) ||
			!same_pair(pair_a, pair_b, when_unsure)) {
			return false;
		}
	}
	return a.n == 0 && b.n == 0;
}

/* The base's RDNs are the first ones of the name. Both are whole Names. */
static bool directory_within(struct der name, struct der base, bool when_unsure, unsigned *budget)
{
	struct der names;
	struct der bases;
	struct der a;
	struct der b;

	if (!der_take(&name, DER_SEQUENCE, &names) || !der_take(&base, DER_SEQUENCE, &bases)) {
		return false;
	}
	while (bases.n != 0) {
		if (*budget == 0 || names.n == 0 || !der_take(&names, DER_SET, &a) ||
			!der_take(&bases, DER_SET, &b) || !same_rdn(a, b, when_unsure)) {
			return false;
		}
		(*budget)--;
	}
	return true;
}

static bool is_compared(unsigned kind)
{
	return kind == NAME_DNS || kind == NAME_IP || kind == NAME_DIRECTORY;
}

static bool within(
	const struct name *name, const struct name *base, bool when_unsure, unsigned *budget)
{
	switch (name->kind) {
	case NAME_DNS:
		return when_unsure ? names_dns_touches(name->value, base->value)
				   : names_dns_within(name->value, base->value);
	case NAME_IP: return ip_within(name->value, base->value);
	case NAME_DIRECTORY: return directory_within(name->value, base->value, when_unsure, budget);
	default: return when_unsure;
	}
}

/* One list against one name: was there a base of its kind, and does one hold it? */
static const char *scan(struct der list, const struct name *name, bool when_unsure,
	unsigned *budget, bool *ret_any, bool *ret_within)
{
	struct name base;

	*ret_any = false;
	*ret_within = false;
	while (list.n != 0 && !*ret_within) {
		if (*budget == 0) {
			return "more name comparisons than a certificate is worth";
		}
		(*budget)--;
		if (!next_base(&list, &base)) {
			return "a malformed subtree";
		}
		if (base.kind != name->kind) {
			continue;
		}
		if (!is_compared(base.kind)) {
			return "a constraint on a kind of name that is not compared here";
		}
		*ret_any = true;
		*ret_within = within(name, &base, when_unsure, budget);
	}
	return NULL;
}

static const char *check_name(const struct subtrees *s, const struct name *name, unsigned *budget)
{
	const char *why;
	bool any;
	bool inside;

	why = scan(s->excluded, name, true, budget, &any, &inside);
	if (why != NULL) {
		return why;
	}
	if (inside) {
		return "a name inside an excluded subtree";
	}
	why = scan(s->permitted, name, false, budget, &any, &inside);
	if (why != NULL) {
		return why;
	}
	return any && !inside ? "a name outside the permitted subtrees" : NULL;
}

const char *names_constrained(struct der constraints, const struct cert *cert, unsigned *budget)
{
	struct name subject = {NAME_DIRECTORY, cert->subject};
	struct der san = cert->san;
	struct subtrees s;
	struct name name;
	const char *why = NULL;

	if (!read_subtrees(constraints, &s)) {
		return "malformed nameConstraints";
	}
	if (cert->subject.n > 2) {
		why = check_name(&s, &subject, budget);
	}
	while (why == NULL && san.n != 0) {
		if (!name_next(&san, &name)) {
			return "a malformed subjectAltName";
		}
		why = check_name(&s, &name, budget);
	}
	return why;
}
