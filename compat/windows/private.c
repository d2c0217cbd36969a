/*
 * The access list of what its user alone may read, and the reading back of it.
 */
#include <private.h>

#include <aclapi.h>
#include <sddl.h>

#include <stdint.h>
#include <stdio.h>

union user {
	TOKEN_USER token;
	char bytes[256];
};

static bool get_user(union user *ret_user)
{
	HANDLE token;
	DWORD len;
	bool done = false;

	if (OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token)) {
		done = GetTokenInformation(token, TokenUser, ret_user, sizeof(*ret_user), &len);
		CloseHandle(token);
	}
	return done;
}

/*
 * Protected from inheritance: the user, the system and the administrators, nobody else. The user by
 * name and not as the owner: what an elevated run makes is owned by the administrators, and would
 * be shut to the same user's next run that is not elevated.
 */
PSECURITY_DESCRIPTOR private_descriptor(void)
{
	PSECURITY_DESCRIPTOR descriptor = NULL;
	union user user;
	char sddl[320], *sid = NULL;

	if (!get_user(&user) || !ConvertSidToStringSidA(user.token.User.Sid, &sid)) {
		return NULL;
	}
	snprintf(
		sddl, sizeof(sddl), "D:P(A;OICI;FA;;;%.200s)(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)", sid);
	LocalFree(sid);
	return ConvertStringSecurityDescriptorToSecurityDescriptorA(
		       sddl, SDDL_REVISION_1, &descriptor, NULL)
		       ? descriptor
		       : NULL;
}

static bool is_user(PSID sid)
{
	union user user;

	return get_user(&user) && EqualSid(user.token.User.Sid, sid);
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
