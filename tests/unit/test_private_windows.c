/*
 * Which access lists keep a file for its user alone, and that files made with 0600 are read back.
 * Windows' own calls: built for Windows alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <private.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <aclapi.h>
#include <sddl.h>

#define OWN "O:SYD:P(A;OICI;FA;;;OW)(A;;FA;;;SY)(A;;FA;;;BA)"

static PSECURITY_DESCRIPTOR descriptor_of(const char *sddl)
{
	PSECURITY_DESCRIPTOR descriptor = NULL;

	if (!ConvertStringSecurityDescriptorToSecurityDescriptorA(
		    sddl, SDDL_REVISION_1, &descriptor, NULL)) {
		fail_msg("%s: Windows error %lu", sddl, (unsigned long)GetLastError());
	}
	return descriptor;
}

static bool holds(const char *sddl)
{
	PSECURITY_DESCRIPTOR descriptor = descriptor_of(sddl);
	BOOL present = FALSE, defaulted;
	PACL list = NULL;
	PSID owner = NULL;
	bool result;

	assert_true(GetSecurityDescriptorOwner(descriptor, &owner, &defaulted));
	assert_true(GetSecurityDescriptorDacl(descriptor, &present, &list, &defaulted));
	result = private_list_holds(owner, present ? list : NULL);
	LocalFree(descriptor);
	return result;
}

static void lists_that_hold(void **state)
{
	static const char *const lists[] = {
		OWN,
		"O:BAD:P(A;;FA;;;OW)",
		"O:SYD:P(A;;FA;;;SY)(D;;FA;;;WD)", /* a denial lets nobody in */
		"O:SYD:(A;ID;FA;;;SY)(A;ID;FA;;;BA)",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		if (!holds(lists[i])) {
			fail_msg("refused: %s", lists[i]);
		}
	}
}

static void lists_that_let_others_in(void **state)
{
	static const char *const lists[] = {
		OWN "(A;;FR;;;WD)",   /* everyone */
		OWN "(A;;FR;;;BU)",   /* users */
		OWN "(A;;FR;;;AU)",   /* whoever has logged on */
		OWN "(A;ID;FR;;;IU)", /* inherited */
		OWN "(A;;0x1;;;AN)",  /* one right is enough */
		OWN "(A;IO;FR;;;WD)", /* for what is made below, of which a file has nothing */
		OWN "(A;;FR;;;CO)",   /* whoever makes a copy */
		OWN "(A;;FR;;;AC)",   /* every AppContainer */
		OWN "(A;;FR;;;S-1-15-2-2)",               /* ... less privileged ones too */
		OWN "(A;;FR;;;S-1-15-2-1-2-3-4-5-6-7)",   /* one of them */
		OWN "(A;;FR;;;S-1-5-21-1-2-3-1001)",      /* another user */
		"O:S-1-5-21-1-2-3-1001D:P(A;;FA;;;OW)",   /* another user's file */
		"O:WDD:P(A;;FA;;;SY)", "D:P(A;;FA;;;SY)", /* nobody's */
		"O:SY",                                   /* no list: everybody */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		if (holds(lists[i])) {
			fail_msg("taken: %s", lists[i]);
		}
	}
}

/* By name: the owner of what an elevated run makes are the administrators, and the same user's next
 * run, not elevated, is none of them. */
static void the_user_is_named(void **state)
{
	PSECURITY_DESCRIPTOR descriptor = private_descriptor();
	BOOL present = FALSE, defaulted;
	union {
		TOKEN_USER user;
		char bytes[256];
	} u;
	ACCESS_ALLOWED_ACE *ace = NULL;
	HANDLE token;
	PACL list;
	DWORD len;

	(void)state;
	assert_true(OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token));
	assert_true(GetTokenInformation(token, TokenUser, &u, sizeof(u), &len));
	CloseHandle(token);
	assert_non_null(descriptor);
	assert_true(GetSecurityDescriptorDacl(descriptor, &present, &list, &defaulted));
	assert_true(present && list->AceCount == 3);
	assert_true(GetAce(list, 0, (void **)&ace));
	assert_true(EqualSid((PSID)&ace->SidStart, u.user.User.Sid));
	assert_int_equal(ace->Mask, FILE_ALL_ACCESS);
	assert_true(private_list_holds(u.user.User.Sid, list));
	LocalFree(descriptor);
}

/* An allowing entry with a condition: of a type that is not weighed. */
static void an_unknown_entry_is_refused(void **state)
{
	PSECURITY_DESCRIPTOR descriptor = descriptor_of("O:SYD:P(A;;FA;;;SY)");
	BOOL present, defaulted;
	ACE_HEADER *ace = NULL;
	PSID owner;
	PACL list;

	(void)state;
	assert_true(GetSecurityDescriptorOwner(descriptor, &owner, &defaulted));
	assert_true(GetSecurityDescriptorDacl(descriptor, &present, &list, &defaulted));
	assert_true(private_list_holds(owner, list));
	assert_true(GetAce(list, 0, (void **)&ace));
	ace->AceType = ACCESS_ALLOWED_CALLBACK_ACE_TYPE;
	assert_false(private_list_holds(owner, list));
	LocalFree(descriptor);
}

/* ---- files ---- */

static char path[MAX_PATH];

static int fresh(void **state)
{
	char folder[MAX_PATH];

	(void)state;
	return GetTempPathA(sizeof(folder), folder) == 0 ||
	       GetTempFileNameA(folder, "sal", 0, path) == 0 || !DeleteFileA(path);
}

static int gone(void **state)
{
	(void)state;
	return DeleteFileA(path) ? 0 : -1;
}

static int mode_of(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_mode & 0777;
}

static void let_everyone_read(void)
{
	PSECURITY_DESCRIPTOR descriptor = descriptor_of("D:P(A;;FA;;;OW)(A;;FR;;;WD)");
	BOOL present, defaulted;
	PACL list;

	assert_true(GetSecurityDescriptorDacl(descriptor, &present, &list, &defaulted));
	assert_int_equal(SetNamedSecurityInfoA(path, SE_FILE_OBJECT,
				 DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION,
				 NULL, NULL, list, NULL),
		ERROR_SUCCESS);
	LocalFree(descriptor);
}

static void what_is_made_private_is_read_back(void **state)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(mode_of(fd) & 077, 0);
	close(fd);
	fd = open(path, O_RDWR | O_CREAT, 0600); /* its own again */
	assert_true(fd >= 0);
	close(fd);
}

/* Somebody put it there first, to read what is written into it. */
static void a_planted_file_is_not_written(void **state)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	let_everyone_read();
	errno = 0;
	assert_int_equal(open(path, O_RDWR | O_CREAT, 0600), -1);
	assert_int_equal(errno, EPERM);
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	assert_int_equal(mode_of(fd) & 077, 077);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_that_hold),
		cmocka_unit_test(lists_that_let_others_in),
		cmocka_unit_test(an_unknown_entry_is_refused),
		cmocka_unit_test(the_user_is_named),
		cmocka_unit_test_setup_teardown(what_is_made_private_is_read_back, fresh, gone),
		cmocka_unit_test_setup_teardown(a_planted_file_is_not_written, fresh, gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
