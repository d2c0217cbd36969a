/*
 * The Windows build's fnmatch against the C library's: the same answer to every question, small
 * ones all, longer ones at random.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int compat_fnmatch(const char *pattern, const char *text, int flags);

static void ask(const char *pattern, const char *text)
{
	for (int flags = 0; flags <= FNM_PERIOD; flags += FNM_PERIOD) {
		int ours = compat_fnmatch(pattern, text, flags),
		    theirs = fnmatch(pattern, text, flags);

		if (ours != theirs) {
			fail_msg("`%s` and `%s` (flags %d): %d, the C library says %d", pattern,
				text, flags, ours, theirs);
		}
	}
}

static void fill(char *text, size_t len, const char *letters, unsigned n)
{
	for (size_t i = 0; i < len; i++, n /= (unsigned)strlen(letters)) {
		text[i] = letters[n % strlen(letters)];
	}
	text[len] = '\0';
}

/* Every pattern of up to five letters against every text of up to three. */
static void test_every_small_one(void **state)
{
	static const char in_patterns[] = "ab*?.", in_texts[] = "ab.";
	char pattern[8], text[8];

	(void)state;
	for (size_t p = 0; p <= 5; p++) {
		unsigned patterns = 1;

		for (size_t i = 0; i < p; i++) {
			patterns *= sizeof(in_patterns) - 1;
		}
		for (unsigned k = 0; k < patterns; k++) {
			fill(pattern, p, in_patterns, k);
			for (unsigned n = 0; n < 3 * 3 * 3 * 4; n++) {
				fill(text, n / 27, in_texts, n % 27);
				ask(pattern, text);
			}
		}
	}
}

static void test_sets(void **state)
{
	static const char *const patterns[] = {"[a]", "[ab]*", "[!a]b", "[^a]b", "[a-c]", "[c-a]",
		"[]]", "[!]]", "[]a]", "[a", "[", "[]", "[!]", "[a-]", "[-a]", "x[0-9]y", "\\[a]",
		"[\\]]", "[a\\-c]", "\\*", "\\?a", "*.[ch]", "[.]a", "[!b]a", "\\.a", "*[ab][ab]"};
	static const char *const texts[] = {"", "a", "b", "ab", "cb", "c", "]", "-", "[", "[a]",
		"[]", "[!]", "x5y", "xay", "*", "?a", "m.c", "m.x", ".a", "ba", "aab", "!"};

	(void)state;
	for (size_t p = 0; p < sizeof(patterns) / sizeof(patterns[0]); p++) {
		for (size_t t = 0; t < sizeof(texts) / sizeof(texts[0]); t++) {
			ask(patterns[p], texts[t]);
		}
	}
}

static void test_long_ones(void **state)
{
	char pattern[32], text[32];

	(void)state;
	srand(1);
	for (int i = 0; i < 200000; i++) {
		fill(pattern, (size_t)rand() % 12, "aab**?.", (unsigned)rand());
		fill(text, (size_t)rand() % 16, "aaab.", (unsigned)rand());
		ask(pattern, text);
	}
	/* No pattern makes it slow. */
	memset(pattern, 0, sizeof(pattern));
	for (int i = 0; i < 24; i += 2) {
		memcpy(pattern + i, "*a", 2);
	}
	strcpy(text, "aaaaaaaaaaaaaaaaaaaaaaaaab");
	assert_int_equal(compat_fnmatch(pattern, text, 0), FNM_NOMATCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_small_one),
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_long_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
