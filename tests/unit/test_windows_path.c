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
		{"\\\\?\\C:\\a\\", "C:\\a", 0},
		{"\\\\?\\c:\\", "C:\\", 0},
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
		{"\\\\?\\Volume{01234567-89ab-cdef-0123-456789abcdef}\\a", NULL, WINPATH_EDEVICE},
		{"\\\\?\\HarddiskVolume1\\a", NULL, WINPATH_EDEVICE},
		{"\\\\.\\GLOBALROOT\\Device\\HarddiskVolume1\\a", NULL, WINPATH_EDEVICE},
		{"\\\\.\\PhysicalDrive0", NULL, WINPATH_EDEVICE},
		{"\\Device\\HarddiskVolume1\\a", NULL, WINPATH_ERELATIVE},
		{"\\??\\UNC\\server\\share", NULL, WINPATH_EDEVICE},
		{"/?\?/C:/a", NULL, WINPATH_ERELATIVE},
		{"\\\\?", NULL, WINPATH_EDEVICE},
		{"\\\\?\\", NULL, WINPATH_EDEVICE},
		{"\\\\?\\C:", NULL, WINPATH_EDEVICE},
		{"\\\\?\\\\C:\\a", NULL, WINPATH_EDEVICE},
		{"\\\\?\\\\server\\share", NULL, WINPATH_EDEVICE},
		{"\\\\?\\unc\\server\\share", NULL, WINPATH_EUNC},
		{"\\\\?\\uNc\\server\\share", NULL, WINPATH_EDEVICE},
		/* This machine, by way of the network. */
		{"\\\\localhost\\C$\\a", NULL, WINPATH_EUNC},
		{"\\\\127.0.0.1\\c$\\a", NULL, WINPATH_EUNC},
		{"\\\\wsl$\\debian\\a", NULL, WINPATH_EUNC},
		{"file:///C:/a", NULL, WINPATH_ERELATIVE},
		{"\xef\xbc\xa3:\\a", NULL, WINPATH_ERELATIVE}, /* a full-width C */
		{"C:\\\\\\..\\a", NULL, WINPATH_EABOVE},
		{"C:\\..", NULL, WINPATH_EABOVE},
		{"C:\\a\\..\\..\\b", NULL, WINPATH_EABOVE},
		/* Behind \\?\ Windows resolves nothing: these are names there, and no safe ones. */
		{"\\\\?\\C:\\a\\..\\b", NULL, WINPATH_ECHAR},
		{"\\\\?\\C:\\a/b", NULL, WINPATH_ECHAR},
		{"\\\\?\\C:\\.", NULL, WINPATH_ECHAR},
		{"\\\\?\\C:\\a\\\\b", NULL, WINPATH_ECHAR},
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
		{"C:\\conin$", NULL, WINPATH_ERESERVED},
		{"C:\\CONIN$.log", NULL, WINPATH_ERESERVED},
		{"C:\\Clock$", NULL, WINPATH_ERESERVED},
		{"C:\\aux .c", NULL, WINPATH_ERESERVED},
		{"C:\\prn", NULL, WINPATH_ERESERVED},
		{"C:\\COM0", NULL, WINPATH_ERESERVED},
		{"C:\\LPT9.tar.gz", NULL, WINPATH_ERESERVED},
		{"C:\\com\xc2\xb2 .txt\\a", NULL, WINPATH_ERESERVED},
		{"\\\\?\\C:\\nul", NULL, WINPATH_ERESERVED},
		{"C:\\CON:", NULL, WINPATH_ESTREAM},
		{"C:\\CON.", NULL, WINPATH_ETRAILING},
		{"C:\\a:$DATA", NULL, WINPATH_ESTREAM},
		{"C:\\a:$I30:$INDEX_ALLOCATION\\b", NULL, WINPATH_ESTREAM},
		{"C:\\a::$INDEX_ALLOCATION", NULL, WINPATH_ESTREAM},
		{"\\\\?\\C:\\a:b", NULL, WINPATH_ESTREAM},
		{"C:\\a .", NULL, WINPATH_ETRAILING},
		{"C:\\a. ", NULL, WINPATH_ETRAILING},
		{"C:\\a\\.. \\b", NULL, WINPATH_ETRAILING},
		{"C:\\a\\. \\b", NULL, WINPATH_ETRAILING},
		{"C:\\a.\\..\\b", NULL, WINPATH_ETRAILING},
		{"\\\\?\\C:\\a \\b", NULL, WINPATH_ETRAILING},
		{"C:\\a.", NULL, WINPATH_ETRAILING},
		{"C:\\a ", NULL, WINPATH_ETRAILING},
		{"C:\\a...\\b", NULL, WINPATH_ETRAILING},
		{"C:\\...\\b", NULL, WINPATH_ETRAILING},
		{"\\\\?\\C:\\a.", NULL, WINPATH_ETRAILING},
		{"C:\\PROGRA~1", NULL, WINPATH_ESHORT},
		{"C:\\a\\LONGNA~2.TXT", NULL, WINPATH_ESHORT},
		{"C:\\AB12~10.C", NULL, WINPATH_ESHORT},
		{"C:\\p\\GIT~1\\hooks", NULL, WINPATH_ESHORT},
		{"C:\\\xc3\x84\xc3\x96\xc3\x9c\xc3\x84\xc3\x96\xc3\x9c~1.\xc3\x84\xc3\x96\xc3\x9c",
			NULL, WINPATH_ESHORT}, /* eight letters and three, whatever their bytes */
		{"\\\\?\\C:\\PROGRA~1", NULL, WINPATH_ESHORT},
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
		{"C:\\null", "C:\\null", 0}, {"C:\\COM", "C:\\COM", 0},
		{"C:\\COM10", "C:\\COM10", 0}, {"C:\\a.nul", "C:\\a.nul", 0},
		{"C:\\console", "C:\\console", 0}, {"C:\\~1", "C:\\~1", WINPATH_ESHORT},
		{"C:\\backup~", "C:\\backup~", 0}, {"C:\\longername~1", "C:\\longername~1", 0},
		{"C:\\a~1.text", "C:\\a~1.text", 0}, {"C:\\a b", "C:\\a b", 0},
		{"C:\\ a", "C:\\ a", 0}, {"C:\\ nul", "C:\\ nul", 0},
		{"C:\\COM\xe2\x81\xb4", "C:\\COM\xe2\x81\xb4", 0}, /* four is no digit there */
		{"C:\\COM\xc2\xb9\xc2\xb2", "C:\\COM\xc2\xb9\xc2\xb2", 0},
		{"C:\\CONIN", "C:\\CONIN", 0},
		{"C:\\a\xc2\xa0", "C:\\a\xc2\xa0", 0},         /* no space that Windows drops */
		{"C:\\a\xe2\x80\xa4", "C:\\a\xe2\x80\xa4", 0}, /* nor a dot */
		{"C:\\a\xef\xbc\x9a"
		 "b",
			"C:\\a\xef\xbc\x9a"
			"b",
			0}, /* a full-width colon is no stream */
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
		{"C:\\a", "C:\\A", WINPATH_SAME}, {"C:\\a", "C:\\ab", WINPATH_APART},
		{"C:\\a", "C:\\a\\b", WINPATH_ABOVE}, {"C:\\A\\b", "C:\\a", WINPATH_BELOW},
		{"C:\\", "C:\\a", WINPATH_ABOVE}, {"C:\\a", "C:\\", WINPATH_BELOW},
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
		{"C:\\\xe2\x84\xaa\\a", "C:\\k", WINPATH_UNSURE},
		{"C:\\\xe2\x84\xaa\\a", "C:\\k\\b", WINPATH_APART},
		{"C:\\\xc4\xb0", "C:\\i", WINPATH_UNSURE},        /* I with a dot */
		{"C:\\\xc4\xb1", "C:\\I", WINPATH_UNSURE},        /* dotless i */
		{"C:\\\xc4\xb1", "C:\\\xc4\xb0", WINPATH_UNSURE}, /* the two of them */
		{"C:\\i", "C:\\I", WINPATH_SAME},                 /* in Turkey as well */
		{"C:\\\xc5\xbf", "C:\\s", WINPATH_UNSURE},        /* long s */
		{"C:\\\xc3\x9f", "C:\\ss", WINPATH_UNSURE},       /* sharp s */
		{"C:\\\xe1\xba\x9e", "C:\\\xc3\x9f", WINPATH_UNSURE},
		{"C:\\\xc2\xb5", "C:\\\xce\xbc", WINPATH_UNSURE},     /* micro sign, mu */
		{"C:\\\xe2\x84\xa6", "C:\\\xcf\x89", WINPATH_UNSURE}, /* ohm, omega */
		{"C:\\\xe2\x84\xab", "C:\\\xc3\xa5", WINPATH_UNSURE}, /* angstrom, a with ring */
		{"C:\\\xc3\xbf", "C:\\\xc5\xb8", WINPATH_UNSURE},     /* y with diaeresis */
		{"C:\\\xc7\x86", "C:\\\xc7\x85", WINPATH_UNSURE},     /* dz, title case */
		{"C:\\\xef\xbd\x81", "C:\\\xef\xbc\xa1", WINPATH_UNSURE},         /* full-width a */
		{"C:\\\xe1\x83\x90", "C:\\\xe1\xb2\x90", WINPATH_UNSURE},         /* Georgian an */
		{"C:\\\xf0\x90\x90\xa8", "C:\\\xf0\x90\x90\x80", WINPATH_UNSURE}, /* Deseret */
		{"C:\\\xc3\xa9", "C:\\e\xcc\x81",
			WINPATH_APART},                        /* composed: no form is normalised */
		{"C:\\a\xe2\x80\x8d", "C:\\a", WINPATH_APART}, /* a joiner is a letter */
		{"C:\\\xd0\xb0", "C:\\a", WINPATH_APART},      /* Cyrillic, Latin */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (winpath_relate(rows[i].a, rows[i].b) != rows[i].wanted) {
			fail_msg("%s and %s: %d", rows[i].a, rows[i].b,
				(int)winpath_relate(rows[i].a, rows[i].b));
		}
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
