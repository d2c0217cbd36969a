/*
 * The machine: texts, optional DLLs, random bytes, services, locks.
 */
#include "jailer/windows/os_system.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <aclapi.h>
#include <bcrypt.h>
#include <sddl.h>
#include <shlobj.h>

bool os_wide(const char *text, wchar_t *ret_wide, int size)
{
	return MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, ret_wide, size) > 0;
}

bool os_wide_path(const char *path, wchar_t ret_wide[OS_WIDE])
{
	wcscpy(ret_wide, L"\\\\?\\");
	return os_wide(path, ret_wide + 4, OS_WIDE - 4);
}

bool os_narrow(const wchar_t *wide, char *ret_text, int size)
{
	return WideCharToMultiByte(CP_UTF8, 0, wide, -1, ret_text, size, NULL, NULL) > 0;
}

/* A call that failed without a number failed all the same. */
uint32_t os_last_error(void)
{
	DWORD error = GetLastError();

	switch (error) {
	case ERROR_SUCCESS: return ERROR_GEN_FAILURE;
	case ERROR_FILE_EXISTS: return OS_EEXISTS;
	default: return error;
	}
}

/* Of System32 alone: a DLL of that name beside the program is not taken. */
FARPROC os_find(const wchar_t *dll, const char *name)
{
	HMODULE module = LoadLibraryExW(dll, NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);

	return module != NULL ? GetProcAddress(module, name) : NULL;
}

/* ---- access lists ---- */

bool os_own_sid(char ret_sid[OS_SID_MAX])
{
	union {
		TOKEN_USER user;
		char bytes[256];
	} u;
	HANDLE token;
	DWORD len;
	char *text = NULL;
	bool done = false;

	if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token)) {
		return false;
	}
	if (GetTokenInformation(token, TokenUser, &u, sizeof(u), &len) &&
		ConvertSidToStringSidA(u.user.User.Sid, &text)) {
		done = snprintf(ret_sid, OS_SID_MAX, "%s", text) < OS_SID_MAX;
		LocalFree(text);
	}
	CloseHandle(token);
	return done;
}

uint32_t os_descriptor(
	DWORD own_rights, const char *sid, DWORD rights, PSECURITY_DESCRIPTOR *ret_descriptor)
{
	char sddl[512], user[OS_SID_MAX];

	if (!os_own_sid(user)) {
		return os_last_error();
	}
	snprintf(sddl, sizeof(sddl), "D:P(A;;0x%lx;;;%s)(A;;0x%lx;;;%s)S:(ML;;NW;;;LW)", own_rights,
		user, rights, sid);
	return ConvertStringSecurityDescriptorToSecurityDescriptorA(
		       sddl, SDDL_REVISION_1, ret_descriptor, NULL)
		       ? OS_OK
		       : os_last_error();
}

struct entry {
	BYTE type;
	PSID sid;
	DWORD rights;
};

/* These entries, in this order, inherited from nowhere and by nobody. */
static bool holds_exactly(PACL acl, const struct entry *wanted, DWORD n)
{
	if (acl == NULL || acl->AceCount != n) {
		return false;
	}
	for (DWORD i = 0; i < n; i++) {
		/* A label's entry has the shape of an allowing one. */
		ACCESS_ALLOWED_ACE *ace = NULL;

		if (!GetAce(acl, i, (void **)&ace) || ace->Header.AceType != wanted[i].type ||
			ace->Header.AceFlags != 0 || ace->Mask != wanted[i].rights ||
			!EqualSid((PSID)&ace->SidStart, wanted[i].sid)) {
			return false;
		}
	}
	return true;
}

static uint32_t read_exact(HANDLE object, SE_OBJECT_TYPE type, const struct entry allowed[2],
	PSID low, bool *ret_exact)
{
	const struct entry label = {
		SYSTEM_MANDATORY_LABEL_ACE_TYPE, low, SYSTEM_MANDATORY_LABEL_NO_WRITE_UP};
	PSECURITY_DESCRIPTOR descriptor = NULL;
	PACL list = NULL, labels = NULL;
	uint32_t error = GetSecurityInfo(object, type,
		DACL_SECURITY_INFORMATION | LABEL_SECURITY_INFORMATION, NULL, NULL, &list, &labels,
		&descriptor);

	if (error == OS_OK) {
		*ret_exact = holds_exactly(list, allowed, 2) && holds_exactly(labels, &label, 1);
		LocalFree(descriptor);
	}
	return error;
}

uint32_t os_descriptor_is(HANDLE object, SE_OBJECT_TYPE type, DWORD own_rights, const char *sid,
	DWORD rights, bool *ret_exact)
{
	PSID user = NULL, container = NULL, low = NULL;
	char own[OS_SID_MAX];
	uint32_t error = OS_OK;

	if (!os_own_sid(own) || !ConvertStringSidToSidA(own, &user) ||
		!ConvertStringSidToSidA(sid, &container) ||
		!ConvertStringSidToSidA("S-1-16-4096", &low)) {
		error = os_last_error();
	} else {
		const struct entry allowed[2] = {{ACCESS_ALLOWED_ACE_TYPE, user, own_rights},
			{ACCESS_ALLOWED_ACE_TYPE, container, rights}};

		error = read_exact(object, type, allowed, low, ret_exact);
	}
	LocalFree(user);
	LocalFree(container);
	LocalFree(low);
	return error;
}

/* ---- machine ---- */

uint32_t os_random(void *buf, size_t len)
{
	return BCryptGenRandom(NULL, buf, (ULONG)len, BCRYPT_USE_SYSTEM_PREFERRED_RNG) == 0
		       ? OS_OK
		       : (uint32_t)ERROR_GEN_FAILURE;
}

uint32_t os_processors(uint32_t *ret_n)
{
	DWORD n = GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);

	if (n == 0) {
		return os_last_error();
	}
	*ret_n = n;
	return OS_OK;
}

uint32_t os_is_elevated(bool *ret_elevated)
{
	TOKEN_ELEVATION elevation;
	HANDLE token;
	DWORD len;
	uint32_t error = OS_OK;

	if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token)) {
		return os_last_error();
	}
	if (GetTokenInformation(token, TokenElevation, &elevation, sizeof(elevation), &len)) {
		*ret_elevated = elevation.TokenIsElevated != 0;
	} else {
		error = os_last_error();
	}
	CloseHandle(token);
	return error;
}

uint32_t os_service_running(const char *name, bool *ret_running)
{
	SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT), service = NULL;
	SERVICE_STATUS status;
	uint32_t error = OS_OK;

	if (manager != NULL) {
		service = OpenServiceA(manager, name, SERVICE_QUERY_STATUS);
	}
	if (service == NULL || !QueryServiceStatus(service, &status)) {
		error = os_last_error();
	} else {
		*ret_running = status.dwCurrentState == SERVICE_RUNNING;
	}
	if (service != NULL) {
		CloseServiceHandle(service);
	}
	if (manager != NULL) {
		CloseServiceHandle(manager);
	}
	return error;
}

/* ---- locks ---- */

enum { LOCK_MS = 60000, LOCK_TURN_MS = 20 };

struct lock {
	HANDLE handle; /* owned: a mutex of the machine, or a file of the user */
	bool is_mutex;
};

/* Nobody shares it: whoever comes later waits, and a holder's death closes it. */
static uint32_t open_lock_file(const char *name, HANDLE *ret_file)
{
	ULONGLONG deadline = GetTickCount64() + LOCK_MS;
	char path[WINPATH_MAX], state[WINPATH_MAX];
	wchar_t wide[OS_WIDE];
	uint32_t error = os_state_folder(state);

	if (error != OS_OK) {
		return error;
	}
	if (snprintf(path, sizeof(path), "%s\\sallyport\\%s.lock", state, name) >=
			(int)sizeof(path) ||
		!os_wide_path(path, wide)) {
		return ERROR_FILENAME_EXCED_RANGE;
	}
	for (;;) {
		HANDLE file = CreateFileW(wide, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_ALWAYS,
			FILE_ATTRIBUTE_NORMAL | FILE_FLAG_OPEN_REPARSE_POINT, NULL);

		if (file != INVALID_HANDLE_VALUE) {
			*ret_file = file;
			return OS_OK;
		}
		error = os_last_error();
		if (error != OS_ESHARING || GetTickCount64() > deadline) {
			return error;
		}
		Sleep(LOCK_TURN_MS);
	}
}

/* Made by an administrator, or it is another's who waits for us under that name. */
static bool is_administrators(HANDLE mutex)
{
	PSECURITY_DESCRIPTOR descriptor = NULL;
	PSID owner = NULL;
	bool is_theirs;

	if (GetSecurityInfo(mutex, SE_KERNEL_OBJECT, OWNER_SECURITY_INFORMATION, &owner, NULL, NULL,
		    NULL, &descriptor) != ERROR_SUCCESS) {
		return false;
	}
	is_theirs = owner != NULL && (IsWellKnownSid(owner, WinBuiltinAdministratorsSid) ||
					     IsWellKnownSid(owner, WinLocalSystemSid));
	LocalFree(descriptor);
	return is_theirs;
}

static uint32_t take_mutex(const char *name, HANDLE *ret_mutex)
{
	SECURITY_ATTRIBUTES security = {.nLength = sizeof(security)};
	wchar_t whole[96];
	HANDLE mutex;
	DWORD waited;

	swprintf(whole, 96, L"Global\\sallyport-%hs", name);
	if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(
		    L"O:BAD:P(A;;GA;;;BA)(A;;GA;;;SY)", SDDL_REVISION_1,
		    &security.lpSecurityDescriptor, NULL)) {
		return os_last_error();
	}
	mutex = CreateMutexW(&security, FALSE, whole);
	LocalFree(security.lpSecurityDescriptor);
	if (mutex == NULL) {
		return os_last_error();
	}
	/* One that its holder left behind at its death is ours as well. */
	waited = is_administrators(mutex) ? WaitForSingleObject(mutex, LOCK_MS) : WAIT_FAILED;
	if (waited != WAIT_OBJECT_0 && waited != WAIT_ABANDONED) {
		CloseHandle(mutex);
		return waited == WAIT_TIMEOUT ? (uint32_t)WAIT_TIMEOUT : OS_EACCESS;
	}
	*ret_mutex = mutex;
	return OS_OK;
}

uint32_t os_lock_take(const char *name, enum os_lock whose, uintptr_t *ret_lock)
{
	struct lock *lock = calloc(1, sizeof(*lock));
	uint32_t error;

	if (lock == NULL) {
		return OS_EMEMORY;
	}
	lock->is_mutex = whose == OS_LOCK_MACHINE;
	error = lock->is_mutex ? take_mutex(name, &lock->handle)
			       : open_lock_file(name, &lock->handle);
	if (error != OS_OK) {
		free(lock);
		return error;
	}
	*ret_lock = (uintptr_t)lock;
	return OS_OK;
}

void os_lock_give(uintptr_t taken)
{
	struct lock *lock = (struct lock *)taken;

	if (lock->is_mutex) {
		ReleaseMutex(lock->handle);
	}
	CloseHandle(lock->handle);
	free(lock);
}

void os_error_text(uint32_t error, char *text, size_t size)
{
	wchar_t wide[OS_TEXT_MAX];
	DWORD len = FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, NULL,
		error, 0, wide, OS_TEXT_MAX, NULL);

	while (len > 0 && (wide[len - 1] <= L' ' || wide[len - 1] == L'.')) {
		wide[--len] = L'\0';
	}
	if (len == 0 || !os_narrow(wide, text, (int)size)) {
		snprintf(text, size, "unknown");
	}
}

uint32_t os_state_folder(char ret_path[WINPATH_MAX])
{
	PWSTR folder = NULL;
	char path[WINPATH_MAX];
	HRESULT result = SHGetKnownFolderPath(&FOLDERID_LocalAppData, 0, NULL, &folder);
	bool done = result == S_OK && os_narrow(folder, path, sizeof(path)) &&
		    winpath_canonical(path, ret_path) == WINPATH_OK;

	CoTaskMemFree(folder);
	return done ? OS_OK : (uint32_t)ERROR_PATH_NOT_FOUND;
}
