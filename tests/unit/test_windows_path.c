/*
 * Every spelling of a path that Windows reads in its own way: one form comes out, or a refusal.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "jailer/windows/path.h"

struct row {
	const char *path, *wanted; /* wanted NULL: refused with `error` */
	int error;
};

static void check(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char made[WINPATH_MAX] = "untouched", again[WINPATH_MAX];
		int error = winpath_canonical(rows[i].path, made);

		if (rows[i].wanted != NULL) {
			assert_int_equal(error, WINPATH_OK);
			assert_string_equal(made, rows[i].wanted);
			assert_int_equal(winpath_canonical(made, again), WINPATH_OK);
			assert_string_equal(again, made);
		} else {
			if (error != rows[i].error) {
				fail_msg("%s: %s", rows[i].path, winpath_strerror(error));
			}
			assert_string_equal(made, "untouched");
		}
	}
}

#define CHECK(rows) check(rows, sizeof(rows) / sizeof((rows)[0]))

static void test_one_form(void **state)
{
	static const struct row rows[] = {
		{"C:\\Users\\me", "C:\\Users\\me", 0},
		{"c:/Users/me/", "C:\\Users\\me", 0},
		{"C:\\", "C:\\", 0},
		{"d:/", "D:\\", 0},
		{"C:\\\\a//b\\/c", "C:\\a\\b\\c", 0},
		{"C:\\a\\.\\b\\..\\c", "C:\\a\\c", 0},
		{"C:\\a\\..", "C:\\", 0},
		{"C:\\a\\..\\..a", "C:\\..a", 0},
		{"\\\\?\\C:\\a\\b", "C:\\a\\b", 0},
		{"C:\\\xc3\xa4\\\xe6\x97\xa5\xe6\x9c\xac", "C:\\\xc3\xa4\\\xe6\x97\xa5\xe6\x9c\xac",
			0},
		{"C:\\.config\\.a.b", "C:\\.config\\.a.b", 0},
	};

	(void)state;
	CHECK(rows);
}

static void test_not_a_local_path(void **state)
{
	static const struct row rows[] = {
		{"", NULL, WINPATH_EEMPTY},
		{"a", NULL, WINPATH_ERELATIVE},
		{"\\a", NULL, WINPATH_ERELATIVE},
		{"C:a", NULL, WINPATH_ERELATIVE},
		{"C:", NULL, WINPATH_ERELATIVE},
		{"/", NULL, WINPATH_ERELATIVE},
		{"1:\\a", NULL, WINPATH_ERELATIVE},
		{"\\\\server\\share\\a", NULL, WINPATH_EUNC},
		{"//server/share", NULL, WINPATH_EUNC},
		{"\\/server/share", NULL, WINPATH_EUNC},
		{"\\\\?\\UNC\\server\\share", NULL, WINPATH_EUNC},
		{"\\\\.\\C:\\a", NULL, WINPATH_EDEVICE},
		{"\\\\.\\pipe\\x", NULL, WINPATH_EDEVICE},
		{"//./C:/a", NULL, WINPATH_EDEVICE},
		{"//?/C:/a", NULL, WINPATH_EDEVICE},
		{"\\??\\C:\\a", NULL, WINPATH_EDEVICE},
		{"\\\\?\\GLOBALROOT\\Device\\X", NULL, WINPATH_EDEVICE},
		{"\\\\?\\Volume{0}\\a", NULL, WINPATH_EDEVICE},
		{"C:\\..", NULL, WINPATH_EABOVE},
		{"C:\\a\\..\\..\\b", NULL, WINPATH_EABOVE},
		/* Behind \\?\ Windows resolves nothing: these are names there, and no safe ones. */
		{"\\\\?\\C:\\a\\..\\b", NULL, WINPATH_ECHAR},
		{"\\\\?\\C:\\a/b", NULL, WINPATH_ECHAR},
		{"\\\\?\\C:/a", NULL, WINPATH_EDEVICE},
	};

	(void)state;
	CHECK(rows);
}

static void test_names_that_are_something_else(void **state)
{
	static const struct row rows[] = {
		{"C:\\a:b", NULL, WINPATH_ESTREAM},
		{"C:\\a::$DATA", NULL, WINPATH_ESTREAM},
		{"C:\\a\\:x\\b", NULL, WINPATH_ESTREAM},
		{"C:\\NUL", NULL, WINPATH_ERESERVED},
		{"C:\\nul.txt", NULL, WINPATH_ERESERVED},
		{"C:\\NUL .txt", NULL, WINPATH_ERESERVED},
		{"C:\\con\\a", NULL, WINPATH_ERESERVED},
		{"C:\\Com1", NULL, WINPATH_ERESERVED},
		{"C:\\COM\xc2\xb9", NULL, WINPATH_ERESERVED},
		{"C:\\lpt\xc2\xb3.x", NULL, WINPATH_ERESERVED},
		{"C:\\CONOUT$", NULL, WINPATH_ERESERVED},
		{"C:\\a.", NULL, WINPATH_ETRAILING},
		{"C:\\a ", NULL, WINPATH_ETRAILING},
		{"C:\\a...\\b", NULL, WINPATH_ETRAILING},
		{"C:\\...\\b", NULL, WINPATH_ETRAILING},
		{"\\\\?\\C:\\a.", NULL, WINPATH_ETRAILING},
		{"C:\\PROGRA~1", NULL, WINPATH_ESHORT},
		{"C:\\a\\LONGNA~2.TXT", NULL, WINPATH_ESHORT},
		{"C:\\AB12~10.C", NULL, WINPATH_ESHORT},
		{"C:\\a*", NULL, WINPATH_ECHAR},
		{"C:\\a?b", NULL, WINPATH_ECHAR},
		{"C:\\a|b", NULL, WINPATH_ECHAR},
		{"C:\\a\tb", NULL, WINPATH_ECHAR},
		{"C:\\a\x7f", NULL, WINPATH_ECHAR},
		{"C:\\\xff", NULL, WINPATH_EUTF8},
		{"C:\\\xc0\xaf", NULL, WINPATH_EUTF8},
		{"C:\\\xed\xa0\x80", NULL, WINPATH_EUTF8},
		{"C:\\\xe2\x82", NULL, WINPATH_EUTF8},
	};

	(void)state;
	CHECK(rows);
}

/* What only resembles them stays a name. */
static void test_names_that_are_names(void **state)
{
	static const struct row rows[] = {
		{"C:\\null", "C:\\null", 0},
		{"C:\\COM", "C:\\COM", 0},
		{"C:\\COM10", "C:\\COM10", 0},
		{"C:\\a.nul", "C:\\a.nul", 0},
		{"C:\\console", "C:\\console", 0},
		{"C:\\~1", "C:\\~1", WINPATH_ESHORT},
		{"C:\\backup~", "C:\\backup~", 0},
		{"C:\\longername~1", "C:\\longername~1", 0},
		{"C:\\a~1.text", "C:\\a~1.text", 0},
		{"C:\\a b", "C:\\a b", 0},
		{"C:\\ a", "C:\\ a", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct row row = rows[i];

		row.wanted = row.error != 0 ? NULL : row.wanted;
		check(&row, 1);
	}
}

static void test_lengths(void **state)
{
	char path[WINPATH_MAX + 300] = "C:\\";
	struct row row = {path, path, 0};

	(void)state;
	memset(path + 3, 'x', 255);
	check(&row, 1);
	path[3 + 255] = 'x';
	row = (struct row){path, NULL, WINPATH_ETOOLONG};
	check(&row, 1);
	for (size_t i = 3; i < WINPATH_MAX + 100; i++) {
		path[i] = i % 100 == 0 ? '\\' : 'x';
	}
	check(&row, 1);
}

static void test_relations(void **state)
{
	static const struct {
		const char *a, *b;
		enum winpath_relation wanted;
	} rows[] = {
		{"C:\\a", "C:\\A", WINPATH_SAME},
		{"C:\\a", "C:\\ab", WINPATH_APART},
		{"C:\\a", "C:\\a\\b", WINPATH_ABOVE},
		{"C:\\A\\b", "C:\\a", WINPATH_BELOW},
		{"C:\\", "C:\\a", WINPATH_ABOVE},
		{"C:\\a", "C:\\", WINPATH_BELOW},
		{"C:\\a", "D:\\a", WINPATH_APART},
		{"C:\\\xc3\xa4", "C:\\\xc3\x84", WINPATH_SAME},  /* a with diaeresis */
		{"C:\\\xc3\xb7", "C:\\\xc3\x97", WINPATH_APART}, /* division, multiplication */
		{"C:\\\xd0\xb6", "C:\\\xd0\x96", WINPATH_SAME},  /* Cyrillic zhe */
		{"C:\\\xd1\x91", "C:\\\xd0\x81", WINPATH_SAME},  /* Cyrillic io */
		{"C:\\\xcf\x89", "C:\\\xce\xa9", WINPATH_SAME},  /* omega */
		{"C:\\\xc5\xbe", "C:\\\xc5\xbd", WINPATH_SAME},  /* z with caron */
		{"C:\\\xc5\x82", "C:\\\xc5\x81", WINPATH_SAME},  /* l with stroke */
		{"C:\\\xe6\x97\xa5", "C:\\\xe6\x9c\xac", WINPATH_APART},
		{"C:\\\xcf\x82", "C:\\\xcf\x83", WINPATH_UNSURE}, /* final sigma */
		{"C:\\\xc4\xb1", "C:\\i", WINPATH_UNSURE},        /* dotless i */
		{"C:\\\xe2\x84\xaa", "C:\\k", WINPATH_UNSURE},    /* the Kelvin sign */
		{"C:\\\xe2\x84\xaa"
		 "a",
			"C:\\kb", WINPATH_APART},
		{"C:\\\xe2\x84\xaa", "C:\\\xe2\x84\xaa", WINPATH_SAME},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(winpath_relate(rows[i].a, rows[i].b), rows[i].wanted);
		assert_int_equal(
			winpath_is_apart(rows[i].a, rows[i].b), rows[i].wanted == WINPATH_APART);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_form),
		cmocka_unit_test(test_not_a_local_path),
		cmocka_unit_test(test_names_that_are_something_else),
		cmocka_unit_test(test_names_that_are_names),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_relations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
