/*
 * sha256sum's lists: what is one, what is none, and that what is written is read back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/files/manifest.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static size_t read_text(struct manifest *m, const char *text)
{
	const char *why = NULL;
	size_t line = manifest_read(m, text, strlen(text), &why);

	assert_true(line == 0 || why != NULL);
	return line;
}

static void test_accepts(void **state)
{
	struct manifest m;

	(void)state;
	assert_int_equal(
		read_text(&m, HEX "  b\n" HEX " *./a//x\r\n\\" HEX "  n\\n\\\\\n" HEX "  c"), 0);
	assert_int_equal(m.n, 4);
	assert_non_null(manifest_find(&m, "a/x"));
	assert_non_null(manifest_find(&m, "n\n\\"));
	assert_string_equal(manifest_find(&m, "b")->sha256, HEX);
	assert_null(manifest_find(&m, "d"));
	manifest_finish(&m);
	assert_int_equal(read_text(&m, ""), 0);
	assert_null(manifest_find(&m, "a"));
}

static void test_refuses(void **state)
{
	static const char *const texts[] = {"x", HEX, HEX "  ", HEX " a", HEX "  /a", HEX "  ../a",
		HEX "  a/../b", HEX "  .", "\\" HEX "  a\\", "\\" HEX "  a\\x", "\n", "A" HEX "  a",
		HEX "  a\n" HEX "  ./a\n"};
	struct manifest m;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_not_equal(read_text(&m, texts[i]), 0);
		assert_null(m.lines);
	}
	assert_int_equal(read_text(&m, HEX "  a\nbad\n"), 2);
}

static void test_strips_a_folder(void **state)
{
	struct manifest m;

	(void)state;
	assert_int_equal(read_text(&m, HEX "  v/a\n" HEX "  v/v/b\n"), 0);
	assert_true(manifest_strip(&m, "v"));
	assert_non_null(manifest_find(&m, "a"));
	assert_non_null(manifest_find(&m, "v/b"));
	assert_false(manifest_strip(&m, "v"));
	assert_non_null(manifest_find(&m, "a"));
	manifest_finish(&m);
}

static void test_writes_what_it_reads(void **state)
{
	static const char *const names[] = {"a", "a b/c", "new\nline", "back\\slash\r", "  x"};
	struct text t = {0};
	struct manifest m;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		manifest_write(&t, names[i], HEX);
	}
	assert_int_equal(read_text(&m, t.data), 0);
	assert_int_equal(m.n, 5);
	for (size_t i = 0; i < 5; i++) {
		assert_non_null(manifest_find(&m, names[i]));
	}
	manifest_finish(&m);
	text_finish(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepts),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_strips_a_folder),
		cmocka_unit_test(test_writes_what_it_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
