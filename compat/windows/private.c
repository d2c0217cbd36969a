/*
 * The access list of what its user alone may read, and the reading back of it.
 */
#include <private.h>

#include <aclapi.h>
#include <sddl.h>

#include <stdint.h>

/* Protected from inheritance: the owner, the system and the administrators, nobody else. */
#define PRIVATE_SDDL L"D:P(A;OICI;FA;;;OW)(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)"

PSECURITY_DESCRIPTOR private_descriptor(void)
{
	PSECURITY_DESCRIPTOR descriptor = NULL;

	return ConvertStringSecurityDescriptorToSecurityDescriptorW(
		       PRIVATE_SDDL, SDDL_REVISION_1, &descriptor, NULL)
		       ? descriptor
		       : NULL;
}

static bool is_user(PSID sid)
{
	union {
		TOKEN_USER user;
		char bytes[256];
	} u;
	HANDLE token;
	DWORD len;
	bool same = false;

	if (OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token)) {
		same = GetTokenInformation(token, TokenUser, &u, sizeof(u), &len) &&
		       EqualSid(u.user.User.Sid, sid);
		CloseHandle(token);
	}
	return same;
}

/* What an administrator makes belongs to the administrators, and still is ours. */
static bool is_trusted(PSID sid)
{
	return is_user(sid) || IsWellKnownSid(sid, WinLocalSystemSid) ||
	       IsWellKnownSid(sid, WinBuiltinAdministratorsSid);
}

/* Callback, object and whatever entries will be thought of next are not weighed but refused. */
static bool is_entry_private(const ACE_HEADER *ace)
{
	PSID sid = (PSID) & ((ACCESS_ALLOWED_ACE *)(uintptr_t)ace)->SidStart;

	if (ace->AceType == ACCESS_DENIED_ACE_TYPE) {
		return true;
	}
	return ace->AceType == ACCESS_ALLOWED_ACE_TYPE &&
	       (is_trusted(sid) || IsWellKnownSid(sid, WinCreatorOwnerRightsSid));
}

bool private_list_holds(PSID owner, PACL list)
{
	/* No list at all lets everybody in. */
	bool holds = owner != NULL && list != NULL && is_trusted(owner);

	for (DWORD i = 0; holds && i < list->AceCount; i++) {
		void *ace = NULL;

		holds = GetAce(list, i, &ace) && is_entry_private(ace);
	}
	return holds;
}

bool private_holds(HANDLE file)
{
	PSECURITY_DESCRIPTOR descriptor = NULL;
	PSID owner = NULL;
	PACL list = NULL;
	bool holds;

	if (GetSecurityInfo(file, SE_FILE_OBJECT,
		    OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION, &owner, NULL, &list,
		    NULL, &descriptor) != ERROR_SUCCESS) {
		return false;
	}
	holds = private_list_holds(owner, list);
	LocalFree(descriptor);
	return holds;
}
