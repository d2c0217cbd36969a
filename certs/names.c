/*
 * Does a certificate name the host we want, and may its issuer issue for its names? Pure. Only the
 * SAN counts; where a name could be read in two ways it matches nothing, and meets every exclusion.
 */
#include "certs/names.h"

#include <string.h>

#include <mbedtls/x509_crt.h>

static unsigned char lower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c | 0x20) : c;
}

static bool same_ignoring_case(const unsigned char *a, const unsigned char *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (lower(a[i]) != lower(b[i])) {
			return false;
		}
	}
	return true;
}

static bool is_label_octet(unsigned char c, bool underscore)
{
	c = lower(c);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
	       (underscore && c == '_');
}

/* Labels of 1 to 63 letters, digits and hyphens; the last not all digits, or it could be an
 * address. */
static bool is_dns_name(const unsigned char *p, size_t n, bool underscore)
{
	size_t label = 0;
	bool all_digits = true;

	if (n == 0 || n > 253) {
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '.') {
			if (label == 0 || p[i - 1] == '-') {
				return false;
			}
			label = 0;
			all_digits = true;
			continue;
		}
		if (!is_label_octet(p[i], underscore) || (label == 0 && p[i] == '-') ||
			++label > 63) {
			return false;
		}
		all_digits = all_digits && p[i] >= '0' && p[i] <= '9';
	}
	return label > 0 && p[n - 1] != '-' && !all_digits;
}

bool peer_from_host(const char *host, struct peer *ret_peer)
{
	struct peer peer = {.n_ip = 0};
	size_t n = strlen(host);

	if (n >= 2 && host[0] == '[' && host[n - 1] == ']') {
		host++;
		n -= 2;
	} else if (n >= 2 && host[n - 1] == '.') {
		n--;
	}
	if (n == 0 || n >= sizeof(peer.name)) {
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		peer.name[i] = (char)lower((unsigned char)host[i]);
	}
	peer.n_name = n;
	peer.n_ip = mbedtls_x509_crt_parse_cn_inet_pton(peer.name, peer.ip);
	if (peer.n_ip == 0 && !is_dns_name((unsigned char *)peer.name, n, true)) {
		return false;
	}
	*ret_peer = peer;
	return true;
}

bool name_next(struct der *names, struct name *ret_name)
{
	return der_next(names, &ret_name->kind, &ret_name->value, NULL);
}

static bool is_wildcard(struct der name)
{
	return name.n > 2 && name.p[0] == '*' && name.p[1] == '.';
}

static struct der behind_wildcard(struct der name)
{
	return (struct der){name.p + 2, name.n - 2};
}

/* A dNSName that may stand in a SAN: a name, or one whole leftmost `*` before a name. */
static bool is_dns_san(struct der name)
{
	if (is_wildcard(name)) {
		name = behind_wildcard(name);
	}
	return is_dns_name(name.p, name.n, false);
}

bool names_well_formed(struct der san)
{
	struct name name;
	struct der rest = san;

	if (san.n == 0) {
		return false;
	}
	while (rest.n != 0) {
		if (!name_next(&rest, &name)) {
			return false;
		}
		switch (name.kind) {
		case NAME_IP:
			if (name.value.n != 4 && name.value.n != 16) {
				return false;
			}
			break;
		case NAME_DNS:
		case NAME_EMAIL:
		case NAME_URI:
			if (name.value.n == 0 || memchr(name.value.p, 0, name.value.n) != NULL) {
				return false;
			}
			break;
		case NAME_OTHER:
		case NAME_X400:
		case NAME_DIRECTORY:
		case NAME_EDI:
		case NAME_REGISTERED_ID: break;
		default: return false;
		}
	}
	return true;
}

/* RFC 9525 6.3: `*` stands for exactly one label, and never right before a top-level domain. */
static bool dns_matches(struct der pattern, const struct peer *peer)
{
	const unsigned char *name = (const unsigned char *)peer->name;
	size_t n = peer->n_name;

	if (!is_dns_san(pattern)) {
		return false;
	}
	if (is_wildcard(pattern)) {
		const unsigned char *dot = memchr(name, '.', n);

		pattern = behind_wildcard(pattern);
		if (dot == NULL || memchr(pattern.p, '.', pattern.n) == NULL) {
			return false;
		}
		n -= (size_t)(dot + 1 - name);
		name = dot + 1;
	}
	return pattern.n == n && same_ignoring_case(pattern.p, name, n);
}

bool names_match(struct der san, const struct peer *peer)
{
	struct name name;

	while (san.n != 0 && name_next(&san, &name)) {
		if (peer->n_ip != 0 && name.kind == NAME_IP &&
			der_is(name.value, peer->ip, peer->n_ip)) {
			return true;
		}
		if (peer->n_ip == 0 && name.kind == NAME_DNS && dns_matches(name.value, peer)) {
			return true;
		}
	}
	return false;
}

/* An address in any of the forms that some reader takes for one: digits and dots, colons, 0x. */
static bool looks_like_address(struct der cn)
{
	bool digits = cn.n > 0;
	bool colon = false;

	for (size_t i = 0; i < cn.n; i++) {
		unsigned char c = lower(cn.p[i]);

		digits = digits && ((c >= '0' && c <= '9') || c == '.');
		colon = colon || c == ':';
		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f') && c != '.' && c != ':' &&
			!(c == 'x' && i == 1)) {
			return false;
		}
	}
	return digits || colon || (cn.n > 2 && cn.p[0] == '0' && lower(cn.p[1]) == 'x');
}

/* A dotted name in another script, written out or as an A-label: what people see is not what is
 * there. */
static bool looks_international(struct der cn)
{
	bool dot = false;
	bool foreign = cn.n > 4 && same_ignoring_case(cn.p, (const unsigned char *)"xn--", 4);

	for (size_t i = 0; i < cn.n; i++) {
		dot = dot || cn.p[i] == '.';
		foreign = foreign || cn.p[i] >= 0x80;
		foreign = foreign || (cn.n - i > 5 && same_ignoring_case(cn.p + i,
							      (const unsigned char *)".xn--", 5));
		if (cn.p[i] == ' ') {
			return false;
		}
	}
	return dot && foreign;
}

/* The one right text of an address: RFC 5952 in short, no leading zeros, lower case, `::` used. */
static bool is_canonical_address(struct der text)
{
	char copy[64];
	unsigned char bytes[16];
	size_t n_ip;

	if (text.n >= sizeof(copy)) {
		return false;
	}
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	n_ip = mbedtls_x509_crt_parse_cn_inet_pton(copy, bytes);
	for (size_t i = 0; i < text.n; i++) {
		bool starts = i == 0 || copy[i - 1] == ':' || copy[i - 1] == '.';
		bool ends = i + 1 == text.n || copy[i + 1] == ':' || copy[i + 1] == '.';

		if ((copy[i] >= 'A' && copy[i] <= 'F') || (starts && copy[i] == '0' && !ends)) {
			return false;
		}
	}
	return n_ip == 4 ||
	       (n_ip == 16 && (strstr(copy, "::") != NULL || strstr(copy, ":0:0") == NULL));
}

bool names_honest_common_name(const struct cert *cert)
{
	struct der san = cert->san;
	struct der cn;
	struct name name;

	if (!x509_common_name(cert, &cn)) {
		return true;
	}
	if (looks_like_address(cn)) {
		return is_canonical_address(cn);
	}
	if (!looks_international(cn)) {
		return true;
	}
	while (san.n != 0 && name_next(&san, &name)) {
		if (name.kind == NAME_DNS && der_same(name.value, cn)) {
			return true;
		}
	}
	return false;
}

bool names_is_dns_base(struct der base)
{
	return base.n == 0 || is_dns_name(base.p, base.n, true);
}

static bool is_at_or_below(struct der name, struct der base)
{
	if (base.n == 0) {
		return true;
	}
	return name.n >= base.n && same_ignoring_case(name.p + name.n - base.n, base.p, base.n) &&
	       (name.n == base.n || name.p[name.n - base.n - 1] == '.');
}

bool names_dns_within(struct der name, struct der base)
{
	return is_dns_san(name) &&
	       is_at_or_below(is_wildcard(name) ? behind_wildcard(name) : name, base);
}

bool names_dns_touches(struct der name, struct der base)
{
	if (!is_dns_san(name)) {
		return true;
	}
	if (!is_wildcard(name)) {
		return is_at_or_below(name, base);
	}
	name = behind_wildcard(name);
	/* `*.a` also stands for `x.a`, so the subtree of `x.a` or of `y.x.a` is touched from above.
	 */
	return is_at_or_below(name, base) || is_at_or_below(base, name);
}
