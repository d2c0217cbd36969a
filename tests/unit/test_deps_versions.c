/*
 * The versions that the build recorded are those of the libraries that were linked: what
 * `sallyport version` answers is evidence only if it is true.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <llhttp.h>
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>
#include <yyjson.h>

#include "deps_versions.h"

struct dependency {
	const char *name, *version, *sha256;
};

static const struct dependency dependencies[] = {SALLYPORT_DEPENDENCIES};
static const size_t n_dependencies = sizeof(dependencies) / sizeof(dependencies[0]);

/* The number alone: marks ("-stable", "+ds", "+~cs1") differ with who packed it. */
static void assert_recorded(const char *name, const char *linked)
{
	size_t number = strcspn(linked, "-");

	for (size_t i = 0; i < n_dependencies; i++) {
		if (strcmp(dependencies[i].name, name) == 0) {
			assert_int_equal(strcspn(dependencies[i].version, "-+~"), number);
			assert_memory_equal(dependencies[i].version, linked, number);
			return;
		}
	}
	fail_msg("%s is not recorded", name);
}

static void test_mbedtls_is_the_recorded_one(void **state)
{
	char linked[32];

	(void)state;
	mbedtls_version_get_string(linked);
	assert_recorded("mbedtls", linked);
	assert_string_equal(linked, MBEDTLS_VERSION_STRING);
}

/* 0 means that the library was compiled with the feature: its own word, not that of the headers. */
static void test_mbedtls_has_what_we_configured(void **state)
{
	(void)state;
	assert_int_equal(mbedtls_version_check_feature("MBEDTLS_THREADING_PTHREAD"), 0);
	assert_int_equal(mbedtls_version_check_feature("MBEDTLS_SSL_PROTO_TLS1_2"), 0);
	assert_int_equal(mbedtls_version_check_feature("MBEDTLS_SSL_PROTO_TLS1_3"), 0);
	assert_int_equal(mbedtls_version_check_feature("MBEDTLS_SSL_SESSION_TICKETS"), 0);
	assert_int_equal(mbedtls_version_check_feature("MBEDTLS_SSL_KEEP_PEER_CERTIFICATE"), 0);
	assert_int_equal(
		mbedtls_version_check_feature("MBEDTLS_X509_TRUSTED_CERTIFICATE_CALLBACK"), 0);
	assert_int_not_equal(mbedtls_version_check_feature("MBEDTLS_NO_SUCH_FEATURE"), 0);
}

/* The headers we compile with carry the same configuration as the library. */
static void test_mbedtls_headers_agree(void **state)
{
	(void)state;
#if !defined(MBEDTLS_THREADING_PTHREAD) || !defined(MBEDTLS_X509_TRUSTED_CERTIFICATE_CALLBACK)
	fail_msg("the headers are read without the project's configuration");
#endif
}

static void test_libevent_is_the_recorded_one(void **state)
{
	(void)state;
	assert_recorded("libevent", event_get_version());
	assert_int_equal(evthread_use_pthreads(), 0);
}

static void test_llhttp_is_the_recorded_one(void **state)
{
	char linked[32];

	(void)state;
	snprintf(linked, sizeof(linked), "%d.%d.%d", LLHTTP_VERSION_MAJOR, LLHTTP_VERSION_MINOR,
		LLHTTP_VERSION_PATCH);
	assert_recorded("llhttp", linked);
	assert_string_equal(llhttp_errno_name(HPE_OK), "HPE_OK");
}

static void test_yyjson_is_the_recorded_one(void **state)
{
	char linked[32];
	uint32_t v = yyjson_version();

	(void)state;
	snprintf(linked, sizeof(linked), "%u.%u.%u", v >> 16, (v >> 8) & 0xff, v & 0xff);
	assert_recorded("yyjson", linked);
}

/* A digest for each library, or the plain word that the distribution built it. */
static void test_digests_are_whole(void **state)
{
	(void)state;
	assert_int_equal(n_dependencies, 4);
	for (size_t i = 0; i < n_dependencies; i++) {
		if (strcmp(dependencies[i].sha256, "system") == 0) {
			continue;
		}
		assert_int_equal(strlen(dependencies[i].sha256), 64);
		assert_int_equal(strspn(dependencies[i].sha256, "0123456789abcdef"), 64);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mbedtls_is_the_recorded_one),
		cmocka_unit_test(test_mbedtls_has_what_we_configured),
		cmocka_unit_test(test_mbedtls_headers_agree),
		cmocka_unit_test(test_libevent_is_the_recorded_one),
		cmocka_unit_test(test_llhttp_is_the_recorded_one),
		cmocka_unit_test(test_yyjson_is_the_recorded_one),
		cmocka_unit_test(test_digests_are_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
