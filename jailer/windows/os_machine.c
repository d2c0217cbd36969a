/*
 * The machine: texts, optional DLLs, random bytes, services, locks.
 */
#include "jailer/windows/os_system.h"

#include <stdio.h>
#include <string.h>

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

static bool own_sid(char ret_sid[OS_SID_MAX])
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

uint32_t os_descriptor(const char *sid, const char *rights, PSECURITY_DESCRIPTOR *ret_descriptor)
{
	char sddl[512], user[OS_SID_MAX];

	if (!own_sid(user)) {
		return os_last_error();
	}
	snprintf(sddl, sizeof(sddl), "D:P(A;;GA;;;%s)(A;;%s;;;%s)S:(ML;;NW;;;LW)", user, rights,
		sid);
	return ConvertStringSecurityDescriptorToSecurityDescriptorA(
		       sddl, SDDL_REVISION_1, ret_descriptor, NULL)
		       ? OS_OK
		       : os_last_error();
}

/* ---- machine ---- */

uint32_t os_random(void *buf, size_t len)
{
	return BCryptGenRandom(NULL, buf, (ULONG)len, BCRYPT_USE_SYSTEM_PREFERRED_RNG) == 0
		       ? OS_OK
		       : (uint32_t)ERROR_GEN_FAILURE;
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

uint32_t os_lock_take(const char *name, uintptr_t *ret_lock)
{
	wchar_t whole[96];
	HANDLE lock;
	DWORD waited;

	swprintf(whole, 96, L"Global\\sallyport-%hs", name);
	lock = CreateMutexW(NULL, FALSE, whole);
	if (lock == NULL) {
		return os_last_error();
	}
	/* One that its holder left behind at its death is ours as well. */
	waited = WaitForSingleObject(lock, 60000);
	if (waited != WAIT_OBJECT_0 && waited != WAIT_ABANDONED) {
		CloseHandle(lock);
		return waited == WAIT_TIMEOUT ? (uint32_t)WAIT_TIMEOUT : os_last_error();
	}
	*ret_lock = (uintptr_t)lock;
	return OS_OK;
}

void os_lock_give(uintptr_t lock)
{
	ReleaseMutex((HANDLE)lock);
	CloseHandle((HANDLE)lock);
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
