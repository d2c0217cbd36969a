/*
 * A ClientHello, possibly cut into several records, read field by field. Every length is checked
 * against the one around it; the one thing taken out is what the client says of itself, nothing is
 * kept.
 */
#include "gateway/clienthello.h"
#include "rules/target.h"

#include <string.h>

enum {
	HANDSHAKE_MAX = 16 * 1024,
	RECORD_HANDSHAKE = 22,
	CLIENT_HELLO = 1,
	EXTENSION_SNI = 0,
	EXTENSION_GROUPS = 10,
	EXTENSION_SIGNATURES = 13,
	EXTENSION_ALPN = 16,
	EXTENSION_VERSIONS = 43,
	GROUP_P256 = 0x0017,
	ECDSA_P256_SHA256 = 0x0403, /* in TLS 1.2 of any curve */
};

/* A cursor that remembers having run over its end. */
struct cursor {
	const uint8_t *at, *end;
	bool bad;
};

static size_t number(struct cursor *c, int n_bytes)
{
	size_t value = 0;

	if (c->end - c->at < n_bytes) {
		c->bad = true;
		c->at = c->end;
		return 0;
	}
	for (int i = 0; i < n_bytes; i++) {
		value = value << 8 | *c->at++;
	}
	return value;
}

/* The part that a length of n_bytes announces; the outer cursor moves behind it. */
static struct cursor part(struct cursor *c, int n_bytes)
{
	size_t len = number(c, n_bytes);
	struct cursor inner = {c->at, c->at, c->bad};

	if ((size_t)(c->end - c->at) < len) {
		c->bad = inner.bad = true;
		return inner;
	}
	inner.end = c->at + len;
	c->at = inner.end;
	return inner;
}

/* What decides which key a server needs. */
struct abilities {
	bool ecdsa_suite; /* of TLS 1.2, one that we speak */
	bool signatures, groups;
	bool ecdsa_signature, p256;
};

static void read_suites(struct cursor list, struct abilities *can)
{
	while (list.at < list.end && !list.bad) {
		switch (number(&list, 2)) {
		case 0xc02b: /* ECDHE_ECDSA: AES_128_GCM_SHA256, */
		case 0xc02c: /* AES_256_GCM_SHA384, */
		case 0xcca9: /* CHACHA20_POLY1305_SHA256 */ can->ecdsa_suite = true; break;
		default: break;
		}
	}
}

/* A list of two-octet numbers: is this one of them? */
static bool read_list(struct cursor ext, size_t wanted, bool *ret_there)
{
	struct cursor list = part(&ext, 2);

	while (list.at < list.end && !list.bad) {
		*ret_there |= number(&list, 2) == wanted;
	}
	return !list.bad && !ext.bad && ext.at == ext.end;
}

/*
 * TLS 1.3 asks for the signature alone; 1.2 has it in the suite too, and the certificate's curve
 * must be one of the groups.
 */
static bool can_ecdsa(const struct abilities *can, bool tls13)
{
	if (tls13) {
		return can->ecdsa_signature;
	}
	return can->ecdsa_suite && (can->ecdsa_signature || !can->signatures) &&
	       (can->p256 || !can->groups);
}

static bool read_sni(struct cursor ext, struct clienthello *hello)
{
	struct cursor list = part(&ext, 2), name;
	bool is_address;
	uint16_t port;

	/* RFC 6066: one name of each type, and host_name is the only type there ever was. */
	if (number(&list, 1) != 0) {
		return false;
	}
	name = part(&list, 2);
	if (name.bad || list.bad || ext.bad || list.at != list.end || ext.at != ext.end) {
		return false;
	}
	if (rules_authority((const char *)name.at, (size_t)(name.end - name.at), hello->sni,
		    &is_address, &port) != RULES_TARGET_OK) {
		return false;
	}
	return !is_address && port == 0;
}

static bool read_alpn(struct cursor ext, struct clienthello *hello)
{
	struct cursor list = part(&ext, 2);

	hello->alpn = true;
	while (list.at < list.end && !list.bad) {
		struct cursor name = part(&list, 1);

		if (name.end - name.at == 8 && memcmp(name.at, "http/1.1", 8) == 0) {
			hello->alpn_http11 = true;
		}
	}
	return !list.bad && !ext.bad && ext.at == ext.end;
}

static bool read_versions(struct cursor ext, struct clienthello *hello)
{
	struct cursor list = part(&ext, 1);

	while (list.at < list.end && !list.bad) {
		hello->tls13 |= number(&list, 2) == 0x0304;
	}
	return !list.bad && !ext.bad && ext.at == ext.end;
}

static bool read_extensions(struct cursor list, struct clienthello *hello, struct abilities *can)
{
	unsigned seen = 0;

	while (list.at < list.end && !list.bad) {
		size_t type = number(&list, 2);
		struct cursor ext = part(&list, 2);
		bool good = true;

		if (ext.bad) {
			return false;
		}
		if (type == EXTENSION_SNI) {
			/* Twice would leave open which of them counts. */
			good = (seen & 1) == 0 && read_sni(ext, hello);
			seen |= 1;
		} else if (type == EXTENSION_ALPN) {
			good = (seen & 2) == 0 && read_alpn(ext, hello);
			seen |= 2;
		} else if (type == EXTENSION_VERSIONS) {
			good = (seen & 4) == 0 && read_versions(ext, hello);
			seen |= 4;
		} else if (type == EXTENSION_SIGNATURES) {
			good = !can->signatures &&
			       read_list(ext, ECDSA_P256_SHA256, &can->ecdsa_signature);
			can->signatures = true;
		} else if (type == EXTENSION_GROUPS) {
			good = !can->groups && read_list(ext, GROUP_P256, &can->p256);
			can->groups = true;
		}
		if (!good) {
			return false;
		}
	}
	return !list.bad;
}

static bool read_message(struct cursor message, struct clienthello *hello)
{
	struct abilities can = {0};
	struct cursor extensions;

	(void)number(&message, 2); /* legacy_version */
	for (int i = 0; i < 4; i++) {
		(void)number(&message, 8); /* random */
	}
	(void)part(&message, 1); /* legacy_session_id */
	read_suites(part(&message, 2), &can);
	(void)part(&message, 1); /* legacy_compression_methods */
	if (message.bad) {
		return false;
	}
	if (message.at == message.end) {
		hello->ecdsa = can_ecdsa(&can, false);
		return true; /* TLS 1.2 without extensions */
	}
	extensions = part(&message, 2);
	if (message.bad || message.at != message.end || !read_extensions(extensions, hello, &can)) {
		return false;
	}
	hello->ecdsa = can_ecdsa(&can, hello->tls13);
	return true;
}

enum clienthello_result clienthello_read(
	const uint8_t *data, size_t len, struct clienthello *ret_hello)
{
	uint8_t message[HANDSHAKE_MAX];
	size_t got = 0, want = 4;
	struct cursor records = {data, data + len, false};

	memset(ret_hello, 0, sizeof(*ret_hello));
	/* Gathers the handshake message out of its records. */
	while (got < want) {
		struct cursor record = records;
		size_t type = number(&record, 1), major = number(&record, 1), n;

		if ((len >= 1 && type != RECORD_HANDSHAKE && record.at - records.at >= 1 &&
			    !record.bad) ||
			(!record.bad && major != 3)) {
			return CLIENTHELLO_BAD;
		}
		(void)number(&record, 1);
		n = number(&record, 2);
		if (record.bad) {
			return CLIENTHELLO_MORE;
		}
		if (n == 0 || n > HANDSHAKE_MAX) {
			return CLIENTHELLO_BAD;
		}
		if ((size_t)(record.end - record.at) < n) {
			return CLIENTHELLO_MORE;
		}
		if (n > sizeof(message) - got) {
			return CLIENTHELLO_BAD;
		}
		memcpy(message + got, record.at, n);
		got += n;
		records.at = record.at + n;
		if (got >= 4) {
			want = 4 +
			       ((size_t)message[1] << 16 | (size_t)message[2] << 8 | message[3]);
			if (message[0] != CLIENT_HELLO || want > sizeof(message)) {
				return CLIENTHELLO_BAD;
			}
		}
	}
	if (got != want) {
		return CLIENTHELLO_BAD;
	}
	return read_message((struct cursor){message + 4, message + want, false}, ret_hello)
		       ? CLIENTHELLO_OK
		       : CLIENTHELLO_BAD;
}
