/*
 * ClientHellos built field by field: read whole, cut anywhere, in several records, and wrong in one
 * way at a time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/clienthello.h"

struct bytes {
	uint8_t data[20000];
	size_t len;
};

static void put(struct bytes *b, const void *data, size_t len)
{
	memcpy(b->data + b->len, data, len);
	b->len += len;
}

static void put_number(struct bytes *b, size_t value, int n_bytes)
{
	while (n_bytes-- > 0) {
		b->data[b->len++] = (uint8_t)(value >> (8 * n_bytes));
	}
}

static void put_extension(struct bytes *b, size_t type, const void *data, size_t len)
{
	put_number(b, type, 2);
	put_number(b, len, 2);
	put(b, data, len);
}

static void put_sni(struct bytes *b, const char *name)
{
	struct bytes *list = calloc(1, sizeof(*list));
	size_t len = strlen(name);

	put_number(list, len + 3, 2);
	put_number(list, 0, 1);
	put_number(list, len, 2);
	put(list, name, len);
	put_extension(b, 0, list->data, list->len);
	free(list);
}

/* The message with its handshake header. */
static void put_hello_with(struct bytes *b, const struct bytes *extensions, size_t suite)
{
	static const uint8_t zero[32];
	struct bytes *body = calloc(1, sizeof(*body));

	put_number(body, 0x0303, 2);
	put(body, zero, 32);
	put_number(body, 0, 1);
	put_number(body, 2, 2);
	put_number(body, suite, 2);
	put_number(body, 1, 1);
	put_number(body, 0, 1);
	if (extensions != NULL) {
		put_number(body, extensions->len, 2);
		put(body, extensions->data, extensions->len);
	}
	put_number(b, 1, 1);
	put_number(b, body->len, 3);
	put(b, body->data, body->len);
	free(body);
}

static void put_hello(struct bytes *b, const struct bytes *extensions)
{
	put_hello_with(b, extensions, 0x1301);
}

/* In records of at most `size` octets. */
static void put_records(struct bytes *b, const struct bytes *message, size_t size)
{
	for (size_t at = 0; at < message->len; at += size) {
		size_t n = message->len - at < size ? message->len - at : size;

		put_number(b, 22, 1);
		put_number(b, 0x0301, 2);
		put_number(b, n, 2);
		put(b, message->data + at, n);
	}
}

struct hello {
	struct bytes extensions, message, wire;
};

static enum clienthello_result finish(struct hello *h, size_t size, struct clienthello *ret)
{
	put_hello(&h->message, &h->extensions);
	put_records(&h->wire, &h->message, size);
	return clienthello_read(h->wire.data, h->wire.len, ret);
}

static int setup(void **state)
{
	*state = calloc(1, sizeof(struct hello));
	return *state == NULL;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

static void whole_and_cut(void **state)
{
	struct hello *h = *state;
	struct clienthello facts;

	put_sni(&h->extensions, "WWW.Origin.Test");
	put_extension(&h->extensions, 16, "\0\14\2h2\10http/1.1", 14);
	put_extension(&h->extensions, 43, "\4\3\4\3\3", 5);
	assert_int_equal(finish(h, 16384, &facts), CLIENTHELLO_OK);
	assert_string_equal(facts.sni, "www.origin.test");
	assert_true(facts.tls13);
	assert_true(facts.alpn);
	assert_true(facts.alpn_http11);
	for (size_t cut = 1; cut < h->wire.len; cut++) {
		uint8_t *exact = malloc(cut);

		memcpy(exact, h->wire.data, cut);
		assert_int_equal(clienthello_read(exact, cut, &facts), CLIENTHELLO_MORE);
		free(exact);
	}
}

static void in_many_records(void **state)
{
	struct hello *h = *state;
	struct clienthello facts;

	put_sni(&h->extensions, "origin.test");
	assert_int_equal(finish(h, 7, &facts), CLIENTHELLO_OK);
	assert_string_equal(facts.sni, "origin.test");
	assert_false(facts.tls13);
	assert_false(facts.alpn);
}

static void without_extensions(void **state)
{
	struct hello *h = *state;
	struct clienthello facts;

	put_hello(&h->message, NULL);
	put_records(&h->wire, &h->message, 16384);
	assert_int_equal(clienthello_read(h->wire.data, h->wire.len, &facts), CLIENTHELLO_OK);
	assert_string_equal(facts.sni, "");
}

/* Which clients a P-256 key answers: by TLS 1.3's rule, and by 1.2's. */
static void with_and_without_ecdsa(void **state)
{
	static const char ecdsa[] = "\0\4\x08\x04\x04\x03", rsa[] = "\0\4\x08\x04\x04\x01",
			  p384_signature[] = "\0\2\x05\x03", p256[] = "\0\4\0\x1d\0\x17",
			  x25519[] = "\0\2\0\x1d";
	static const struct {
		bool tls13;
		size_t suite;
		const char *signatures, *groups;
		bool ecdsa;
	} rows[] = {
		{true, 0x1301, ecdsa, x25519, true},
		{true, 0x1301, rsa, p256, false},
		{true, 0xc02b, rsa, p256, false},
		{true, 0x1301, p384_signature, p256, false},
		{true, 0x1301, NULL, p256, false},
		{false, 0xc02b, ecdsa, p256, true},
		{false, 0xcca9, ecdsa, p256, true},
		{false, 0xc02c, NULL, NULL, true},
		{false, 0xc02f, ecdsa, p256, false},
		{false, 0xc02b, rsa, p256, false},
		{false, 0xc02b, ecdsa, x25519, false},
		{false, 0x009c, NULL, NULL, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct hello *h = *state;
		struct clienthello facts;

		memset(h, 0, sizeof(*h));
		if (rows[i].tls13) {
			put_extension(&h->extensions, 43, "\2\3\4", 3);
		}
		if (rows[i].signatures != NULL) {
			put_extension(&h->extensions, 13, rows[i].signatures,
				2 + (size_t)rows[i].signatures[1]);
		}
		if (rows[i].groups != NULL) {
			put_extension(
				&h->extensions, 10, rows[i].groups, 2 + (size_t)rows[i].groups[1]);
		}
		put_hello_with(&h->message, &h->extensions, rows[i].suite);
		put_records(&h->wire, &h->message, 16384);
		assert_int_equal(
			clienthello_read(h->wire.data, h->wire.len, &facts), CLIENTHELLO_OK);
		if (facts.ecdsa != rows[i].ecdsa) {
			fail_msg("row %lu", (unsigned long)i);
		}
	}
}

/* A list that is no list, and one that comes twice. */
static void bad_lists(void **state)
{
	static const size_t types[] = {10, 13};
	struct clienthello facts;

	for (size_t i = 0; i < 2; i++) {
		struct hello *h = *state;

		memset(h, 0, sizeof(*h));
		put_extension(&h->extensions, types[i], "\0\3\4\3\4", 5);
		assert_int_equal(finish(h, 16384, &facts), CLIENTHELLO_BAD);
		memset(h, 0, sizeof(*h));
		put_extension(&h->extensions, types[i], "\0\2\4\3", 4);
		put_extension(&h->extensions, types[i], "\0\2\4\3", 4);
		assert_int_equal(finish(h, 16384, &facts), CLIENTHELLO_BAD);
	}
}

/* One bad server_name each. */
static void bad_names(void **state)
{
	static const char *const names[] = {"192.0.2.1", "a..test", "a.test:443", "-", "a b.test",
		"[::1]", "a/../b.test", "a.test/", "user@a.test", ""};
	struct clienthello facts;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct hello *h = *state;

		memset(h, 0, sizeof(*h));
		put_sni(&h->extensions, names[i]);
		if (finish(h, 16384, &facts) != CLIENTHELLO_BAD) {
			fail_msg("taken: %s as %s", names[i], facts.sni);
		}
	}
}

static void a_name_twice(void **state)
{
	struct hello *h = *state;
	struct clienthello facts;

	put_sni(&h->extensions, "a.test");
	put_sni(&h->extensions, "b.test");
	assert_int_equal(finish(h, 16384, &facts), CLIENTHELLO_BAD);
}

static void two_names_in_one(void **state)
{
	struct hello *h = *state;
	struct clienthello facts;

	put_extension(&h->extensions, 0, "\0\22\0\0\6a.test\0\0\6b.test", 20);
	assert_int_equal(finish(h, 16384, &facts), CLIENTHELLO_BAD);
}

static void a_nul_in_the_name(void **state)
{
	struct hello *h = *state;
	struct clienthello facts;

	put_extension(&h->extensions, 0, "\0\11\0\0\6a.t\0st", 11);
	assert_int_equal(finish(h, 16384, &facts), CLIENTHELLO_BAD);
}

/* Every length in it made wrong by one: never read beyond, never taken as another name. */
static void wrong_lengths(void **state)
{
	struct hello *h = *state;
	struct clienthello facts;

	put_sni(&h->extensions, "origin.test");
	assert_int_equal(finish(h, 16384, &facts), CLIENTHELLO_OK);
	for (size_t at = 0; at < h->wire.len; at++) {
		for (int by = -1; by <= 1; by += 2) {
			uint8_t *exact = malloc(h->wire.len);

			memcpy(exact, h->wire.data, h->wire.len);
			exact[at] = (uint8_t)(exact[at] + by);
			(void)clienthello_read(exact, h->wire.len, &facts);
			free(exact);
		}
	}
}

static void other_protocols(void **state)
{
	struct clienthello facts;

	(void)state;
	assert_int_equal(clienthello_read((const uint8_t *)"GET / HTTP/1.1\r\n", 16, &facts),
		CLIENTHELLO_BAD);
	assert_int_equal(
		clienthello_read((const uint8_t *)"\26\2\0\0\1\1", 6, &facts), CLIENTHELLO_BAD);
	assert_int_equal(
		clienthello_read((const uint8_t *)"\26\3\1\0\0", 5, &facts), CLIENTHELLO_BAD);
	/* A ServerHello, and a message larger than any ClientHello. */
	assert_int_equal(clienthello_read((const uint8_t *)"\26\3\1\0\4\2\0\0\0", 9, &facts),
		CLIENTHELLO_BAD);
	assert_int_equal(clienthello_read((const uint8_t *)"\26\3\1\0\4\1\1\0\0", 9, &facts),
		CLIENTHELLO_BAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(whole_and_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(in_many_records, setup, teardown),
		cmocka_unit_test_setup_teardown(without_extensions, setup, teardown),
		cmocka_unit_test_setup_teardown(with_and_without_ecdsa, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_lists, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_names, setup, teardown),
		cmocka_unit_test_setup_teardown(a_name_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(two_names_in_one, setup, teardown),
		cmocka_unit_test_setup_teardown(a_nul_in_the_name, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_lengths, setup, teardown),
		cmocka_unit_test(other_protocols),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
