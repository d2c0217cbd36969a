/*
 * Grants: entries for the container's SID in the access lists of a folder and of everything in it.
 * Written here file by file, because Windows' own inheritance follows the tree in ways of its own.
 * Each is opened without following a link, found to lie where it is meant to, and changed by that
 * handle; a link inside is neither changed nor followed.
 */
#include "jailer/windows/os_system.h"

#include <stdlib.h>
#include <string.h>

#include <aclapi.h>
#include <sddl.h>

enum { DEPTH_MAX = 512 };

static const DWORD access_masks[] = {
	[OS_ACCESS_NONE] = 0,
	[OS_ACCESS_READ] = FILE_GENERIC_READ | FILE_GENERIC_EXECUTE,
	[OS_ACCESS_WRITE] = FILE_GENERIC_READ | FILE_GENERIC_EXECUTE | FILE_GENERIC_WRITE | DELETE |
			    FILE_DELETE_CHILD,
};

struct change {
	PSID sid;
	enum os_access access;              /* NONE takes away */
	const struct os_identity *identity; /* of the outermost; NULL: any */
};

static PSID sid_of(const ACE_HEADER *ace)
{
	/* Allow and deny entries have the same shape; the others are none of ours. */
	return ace->AceType == ACCESS_ALLOWED_ACE_TYPE || ace->AceType == ACCESS_DENIED_ACE_TYPE
		       ? (PSID) & ((ACCESS_ALLOWED_ACE *)(uintptr_t)ace)->SidStart
		       : NULL;
}

/* A copy of the list with the SID's entries gone and, when something is given, one new. */
static uint32_t changed_list(PACL before, const struct change *c, bool is_folder, PACL *ret_acl)
{
	EXPLICIT_ACCESSW entry = {.grfAccessPermissions = access_masks[c->access],
		.grfAccessMode = GRANT_ACCESS,
		.grfInheritance = is_folder ? SUB_CONTAINERS_AND_OBJECTS_INHERIT : NO_INHERITANCE,
		.Trustee = {.TrusteeForm = TRUSTEE_IS_SID, .ptstrName = c->sid}};
	PACL copy = malloc(before->AclSize);
	uint32_t error;

	if (copy == NULL) {
		return OS_EMEMORY;
	}
	memcpy(copy, before, before->AclSize);
	for (DWORD i = copy->AceCount; i > 0; i--) {
		void *ace;

		if (GetAce(copy, i - 1, &ace) && sid_of(ace) != NULL &&
			EqualSid(sid_of(ace), c->sid)) {
			DeleteAce(copy, i - 1);
		}
	}
	error = SetEntriesInAclW(c->access != OS_ACCESS_NONE ? 1 : 0, &entry, copy, ret_acl);
	free(copy);
	return error;
}

/* Writes exactly this list to exactly this file; nothing is passed on to what is below. */
static uint32_t write_list(HANDLE file, PSECURITY_DESCRIPTOR before, PACL acl)
{
	const SECURITY_DESCRIPTOR_CONTROL kept = SE_DACL_PROTECTED | SE_DACL_AUTO_INHERITED;
	SECURITY_DESCRIPTOR_CONTROL control = 0;
	SECURITY_DESCRIPTOR descriptor;
	DWORD revision;

	if (!InitializeSecurityDescriptor(&descriptor, SECURITY_DESCRIPTOR_REVISION) ||
		!SetSecurityDescriptorDacl(&descriptor, TRUE, acl, FALSE) ||
		!GetSecurityDescriptorControl(before, &control, &revision)) {
		return os_last_error();
	}
	control &= kept;
	if ((control & SE_DACL_AUTO_INHERITED) != 0) {
		control |= SE_DACL_AUTO_INHERIT_REQ;
	}
	if (!SetSecurityDescriptorControl(&descriptor, kept | SE_DACL_AUTO_INHERIT_REQ, control) ||
		!SetKernelObjectSecurity(file, DACL_SECURITY_INFORMATION, &descriptor)) {
		return os_last_error();
	}
	return OS_OK;
}

static uint32_t change_one(HANDLE file, const struct change *c, bool is_folder)
{
	PSECURITY_DESCRIPTOR before = NULL;
	PACL acl = NULL, changed = NULL;
	uint32_t error = GetSecurityInfo(
		file, SE_FILE_OBJECT, DACL_SECURITY_INFORMATION, NULL, NULL, &acl, NULL, &before);

	if (error != OS_OK) {
		return error;
	}
	/* No list at all lets everybody in: nothing to add to, and nothing to hide behind. */
	error = acl != NULL ? changed_list(acl, c, is_folder, &changed)
			    : (uint32_t)ERROR_INVALID_ACL;
	if (error == OS_OK) {
		error = write_list(file, before, changed);
	}
	if (changed != NULL) {
		LocalFree(changed);
	}
	LocalFree(before);
	return error;
}

/* ---- what is opened is what is meant ---- */

/* A link further up leads elsewhere: then the handle's own path is another. */
static bool lies_at(HANDLE file, const wchar_t *path)
{
	wchar_t real[OS_WIDE];
	DWORD len = GetFinalPathNameByHandleW(
		file, real, OS_WIDE, FILE_NAME_NORMALIZED | VOLUME_NAME_DOS);

	return len > 0 && len < OS_WIDE &&
	       CompareStringOrdinal(real, -1, path, -1, TRUE) == CSTR_EQUAL;
}

static uint32_t check_identity(HANDLE file, const struct os_identity *wanted)
{
	struct os_identity found;
	uint32_t error = wanted != NULL ? os_identity_of(file, &found) : OS_OK;

	if (error != OS_OK || wanted == NULL) {
		return error;
	}
	return memcmp(&found, wanted, sizeof(found)) == 0 ? OS_OK : OS_ECHANGED;
}

/* While the outermost is open it can be neither renamed nor removed: `share` says so. */
static uint32_t open_meant(
	const wchar_t *path, DWORD access, DWORD share, HANDLE *ret_file, DWORD *ret_attributes)
{
	BY_HANDLE_FILE_INFORMATION info;
	uint32_t error = OS_OK;
	HANDLE file = CreateFileW(path, access, share, NULL, OPEN_EXISTING,
		FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT, NULL);

	if (file == INVALID_HANDLE_VALUE) {
		return os_last_error();
	}
	if (!GetFileInformationByHandle(file, &info)) {
		error = os_last_error();
	} else if (!lies_at(file, path)) {
		error = OS_ECHANGED;
	}
	if (error != OS_OK) {
		CloseHandle(file);
		return error;
	}
	*ret_file = file;
	*ret_attributes = info.dwFileAttributes;
	return OS_OK;
}

/* ---- one tree ---- */

/* What cannot be given ends the run; what cannot be taken back keeps nothing else from it. */
static bool goes_on(const struct change *c, uint32_t error)
{
	return error == OS_OK || c->access == OS_ACCESS_NONE;
}

static uint32_t first_of(uint32_t error, uint32_t later)
{
	return error != OS_OK ? error : later;
}

static uint32_t change_below(wchar_t path[OS_WIDE], const struct change *c, unsigned depth);

static uint32_t change_opened(HANDLE file, DWORD attributes, wchar_t path[OS_WIDE],
	const struct change *c, unsigned depth)
{
	bool is_folder = (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
	uint32_t error;

	if ((attributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0) {
		return depth == 0 ? (uint32_t)ERROR_CANT_RESOLVE_FILENAME : OS_OK;
	}
	error = depth == 0 ? check_identity(file, c->identity) : OS_OK;
	if (error == OS_OK) {
		error = change_one(file, c, is_folder);
	}
	return is_folder && goes_on(c, error) ? first_of(error, change_below(path, c, depth + 1))
					      : error;
}

static uint32_t change_tree(wchar_t path[OS_WIDE], const struct change *c, unsigned depth)
{
	const DWORD share =
		FILE_SHARE_READ | FILE_SHARE_WRITE | (depth > 0 ? FILE_SHARE_DELETE : 0);
	DWORD attributes = 0;
	HANDLE file = NULL;
	uint32_t error = open_meant(
		path, READ_CONTROL | WRITE_DAC | FILE_READ_ATTRIBUTES, share, &file, &attributes);

	if (error != OS_OK) {
		/* Gone while we walk. */
		return depth > 0 && (error == OS_EFILE || error == OS_EPATH) ? OS_OK : error;
	}
	error = change_opened(file, attributes, path, c, depth);
	CloseHandle(file);
	return error;
}

static uint32_t change_entry(
	wchar_t path[OS_WIDE], const wchar_t *name, const struct change *c, unsigned depth)
{
	size_t len = wcslen(path);
	uint32_t error;

	if (wcscmp(name, L".") == 0 || wcscmp(name, L"..") == 0) {
		return OS_OK;
	}
	if (len + wcslen(name) + 2 > OS_WIDE) {
		return ERROR_FILENAME_EXCED_RANGE;
	}
	path[len] = L'\\';
	wcscpy(path + len + 1, name);
	error = change_tree(path, c, depth);
	path[len] = L'\0';
	return error;
}

static uint32_t change_below(wchar_t path[OS_WIDE], const struct change *c, unsigned depth)
{
	size_t len = wcslen(path);
	WIN32_FIND_DATAW found;
	uint32_t error = OS_OK;
	HANDLE list;

	if (len + 3 > OS_WIDE || depth > DEPTH_MAX) {
		return ERROR_FILENAME_EXCED_RANGE;
	}
	wcscpy(path + len, L"\\*");
	list = FindFirstFileW(path, &found);
	path[len] = L'\0';
	if (list == INVALID_HANDLE_VALUE) {
		error = os_last_error();
		return error == OS_EFILE ? OS_OK : error;
	}
	do {
		error = first_of(error, change_entry(path, found.cFileName, c, depth));
	} while (goes_on(c, error) && FindNextFileW(list, &found));
	/* A list that broke off is not one that ended. */
	if (goes_on(c, error) && GetLastError() != ERROR_NO_MORE_FILES) {
		error = first_of(error, os_last_error());
	}
	FindClose(list);
	return error;
}

static uint32_t change(const char *path, const struct os_identity *identity, const char *sid,
	enum os_access access)
{
	struct change c = {NULL, access, identity};
	wchar_t wide[OS_WIDE];
	uint32_t error;

	if (!os_wide_path(path, wide) || !ConvertStringSidToSidA(sid, &c.sid)) {
		return os_last_error();
	}
	error = change_tree(wide, &c, 0);
	LocalFree(c.sid);
	return error;
}

uint32_t os_grant_add(const char *path, const struct os_identity *identity, const char *sid,
	enum os_access access)
{
	return change(path, identity, sid, access);
}

uint32_t os_grant_remove(const char *path, const char *sid)
{
	return change(path, NULL, sid, OS_ACCESS_NONE);
}

/* ---- reading back ---- */

/* The SID's entries must add up to exactly one kind of access. */
static enum os_access access_in(PACL acl, PSID sid)
{
	DWORD mask = 0;

	for (DWORD i = 0; i < acl->AceCount; i++) {
		void *ace = NULL;

		if (!GetAce(acl, i, &ace) || sid_of(ace) == NULL || !EqualSid(sid_of(ace), sid)) {
			continue;
		}
		if (((ACE_HEADER *)ace)->AceType == ACCESS_DENIED_ACE_TYPE) {
			return OS_ACCESS_NONE;
		}
		mask |= ((ACCESS_ALLOWED_ACE *)ace)->Mask;
	}
	return mask == access_masks[OS_ACCESS_READ]    ? OS_ACCESS_READ
	       : mask == access_masks[OS_ACCESS_WRITE] ? OS_ACCESS_WRITE
						       : OS_ACCESS_NONE;
}

static uint32_t read_list(HANDLE file, PSID sid, enum os_access *ret_access)
{
	PSECURITY_DESCRIPTOR descriptor = NULL;
	PACL acl = NULL;
	uint32_t error = GetSecurityInfo(file, SE_FILE_OBJECT, DACL_SECURITY_INFORMATION, NULL,
		NULL, &acl, NULL, &descriptor);

	if (error == OS_OK) {
		*ret_access = acl != NULL ? access_in(acl, sid) : OS_ACCESS_NONE;
		LocalFree(descriptor);
	}
	return error;
}

uint32_t os_grant_read(const char *path, const struct os_identity *identity, const char *sid,
	enum os_access *ret_access)
{
	HANDLE file = NULL;
	PSID wanted = NULL;
	wchar_t wide[OS_WIDE];
	DWORD attributes = 0;
	uint32_t error;

	if (!os_wide_path(path, wide) || !ConvertStringSidToSidA(sid, &wanted)) {
		return os_last_error();
	}
	error = open_meant(wide, READ_CONTROL | FILE_READ_ATTRIBUTES,
		FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, &file, &attributes);
	if (error == OS_OK) {
		error = check_identity(file, identity);
		if (error == OS_OK) {
			error = read_list(file, wanted, ret_access);
		}
		CloseHandle(file);
	}
	LocalFree(wanted);
	return error;
}
