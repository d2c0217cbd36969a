/*
 * AppContainer profiles, loopback exemptions, desktops. The DLLs are looked for when they are
 * needed, in System32 only: where one is missing, so is the protection, and the run says so.
 */
#include "jailer/windows/os_system.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sddl.h>

/* ---- profiles ---- */

typedef HRESULT(WINAPI *create_profile_fn)(PCWSTR name, PCWSTR display, PCWSTR description,
	SID_AND_ATTRIBUTES *capabilities, DWORD n_capabilities, PSID *ret_sid);
typedef HRESULT(WINAPI *derive_sid_fn)(PCWSTR name, PSID *ret_sid);
typedef HRESULT(WINAPI *delete_profile_fn)(PCWSTR name);

static uint32_t number_of(HRESULT result)
{
	if (result == S_OK) {
		return OS_OK;
	}
	return result == E_NOTIMPL                          ? (uint32_t)OS_EABSENT
	       : HRESULT_FACILITY(result) == FACILITY_WIN32 ? (uint32_t)HRESULT_CODE(result)
							    : (uint32_t)result;
}

static uint32_t take_sid(PSID sid, char ret_sid[OS_SID_MAX])
{
	char *text = NULL;
	uint32_t error = OS_OK;

	if (sid == NULL || !ConvertSidToStringSidA(sid, &text)) {
		error = os_last_error();
	} else if (snprintf(ret_sid, OS_SID_MAX, "%s", text) >= OS_SID_MAX) {
		error = ERROR_INVALID_SID;
	}
	LocalFree(text);
	if (sid != NULL) {
		FreeSid(sid);
	}
	return error;
}

uint32_t os_profile_create(const char *name, char ret_sid[OS_SID_MAX])
{
	create_profile_fn create =
		(create_profile_fn)(void *)os_find(L"userenv.dll", "CreateAppContainerProfile");
	wchar_t wide[OS_NAME_MAX];
	PSID sid = NULL;
	uint32_t error;

	if (create == NULL) {
		return OS_EABSENT;
	}
	if (!os_wide(name, wide, OS_NAME_MAX)) {
		return os_last_error();
	}
	error = number_of(create(wide, wide, L"A Sallyport run", NULL, 0, &sid));
	return error == OS_OK ? take_sid(sid, ret_sid) : error;
}

uint32_t os_profile_sid(const char *name, char ret_sid[OS_SID_MAX])
{
	derive_sid_fn derive = (derive_sid_fn)(void *)os_find(
		L"userenv.dll", "DeriveAppContainerSidFromAppContainerName");
	wchar_t wide[OS_NAME_MAX];
	PSID sid = NULL;
	uint32_t error;

	if (derive == NULL) {
		return OS_EABSENT;
	}
	if (!os_wide(name, wide, OS_NAME_MAX)) {
		return os_last_error();
	}
	error = number_of(derive(wide, &sid));
	return error == OS_OK ? take_sid(sid, ret_sid) : error;
}

uint32_t os_profile_delete(const char *name)
{
	delete_profile_fn delete_profile =
		(delete_profile_fn)(void *)os_find(L"userenv.dll", "DeleteAppContainerProfile");
	wchar_t wide[OS_NAME_MAX];
	uint32_t error;

	/* Where there are none, this one is gone. */
	if (delete_profile == NULL) {
		return OS_OK;
	}
	if (!os_wide(name, wide, OS_NAME_MAX)) {
		return os_last_error();
	}
	error = number_of(delete_profile(wide));
	return error == OS_EFILE || error == OS_EABSENT ? OS_OK : error;
}

/* ---- loopback exemptions ---- */

typedef DWORD(WINAPI *get_config_fn)(DWORD *ret_n, SID_AND_ATTRIBUTES **ret_sids);
typedef DWORD(WINAPI *set_config_fn)(DWORD n, SID_AND_ATTRIBUTES *sids);

static void free_sids(SID_AND_ATTRIBUTES *sids, DWORD n)
{
	for (DWORD i = 0; i < n; i++) {
		HeapFree(GetProcessHeap(), 0, sids[i].Sid);
	}
	HeapFree(GetProcessHeap(), 0, sids);
}

uint32_t os_exemptions_get(char **ret_sids)
{
	get_config_fn get = (get_config_fn)(void *)os_find(
		L"firewallapi.dll", "NetworkIsolationGetAppContainerConfig");
	SID_AND_ATTRIBUTES *sids = NULL;
	DWORD n = 0;
	uint32_t error;
	char *text;

	if (get == NULL) {
		return OS_EABSENT;
	}
	error = get(&n, &sids);
	if (error != OS_OK) {
		return error;
	}
	text = calloc(n + 1, OS_SID_MAX);
	for (DWORD i = 0; text != NULL && error == OS_OK && i < n; i++) {
		char *one = NULL;

		if (ConvertSidToStringSidA(sids[i].Sid, &one) && strlen(one) < OS_SID_MAX - 1) {
			strcat(text, i > 0 ? " " : "");
			strcat(text, one);
		} else {
			/* One that is not understood would be lost when the list is written. */
			error = ERROR_INVALID_SID;
		}
		LocalFree(one);
	}
	free_sids(sids, n);
	if (text == NULL || error != OS_OK) {
		free(text);
		return text == NULL ? (uint32_t)OS_EMEMORY : error;
	}
	*ret_sids = text;
	return OS_OK;
}

uint32_t os_exemptions_set(const char *sids)
{
	set_config_fn set = (set_config_fn)(void *)os_find(
		L"firewallapi.dll", "NetworkIsolationSetAppContainerConfig");
	size_t most = strlen(sids) / 2 + 1, len;
	SID_AND_ATTRIBUTES *list = calloc(most, sizeof(*list));
	uint32_t error = OS_OK;
	DWORD n = 0;

	if (set == NULL || list == NULL) {
		free(list);
		return set == NULL ? (uint32_t)OS_EABSENT : (uint32_t)OS_EMEMORY;
	}
	for (; error == OS_OK && *sids != '\0'; sids += len + (sids[len] == ' ')) {
		char one[OS_SID_MAX];

		len = strcspn(sids, " ");
		snprintf(one, sizeof(one), "%.*s", (int)(len < OS_SID_MAX ? len : 0), sids);
		if (ConvertStringSidToSidA(one, &list[n].Sid)) {
			n++;
		} else {
			error = os_last_error();
		}
	}
	if (error == OS_OK) {
		error = set(n, list);
	}
	while (n > 0) {
		LocalFree(list[--n].Sid);
	}
	free(list);
	return error;
}

/* ---- desktops ---- */

typedef HDESK(WINAPI *create_desktop_fn)(LPCWSTR name, LPCWSTR device, DEVMODEW *mode, DWORD flags,
	ACCESS_MASK access, SECURITY_ATTRIBUTES *security);
typedef BOOL(WINAPI *close_desktop_fn)(HDESK desktop);

/* Everything; and read and write objects, create windows and menus: no hooks, journals, switching.
 */
enum { DESKTOP_OWN_RIGHTS = 0xf01ff, DESKTOP_RIGHTS = 0x200c7 };

uint32_t os_desktop_make(const char *name, const char *sid, uintptr_t *ret_desktop)
{
	create_desktop_fn create =
		(create_desktop_fn)(void *)os_find(L"user32.dll", "CreateDesktopW");
	SECURITY_ATTRIBUTES security = {.nLength = sizeof(security)};
	wchar_t wide[OS_NAME_MAX];
	HDESK desktop;
	uint32_t error;

	if (create == NULL) {
		return OS_EABSENT;
	}
	error = os_descriptor(
		DESKTOP_OWN_RIGHTS, sid, DESKTOP_RIGHTS, &security.lpSecurityDescriptor);
	if (error != OS_OK || !os_wide(name, wide, OS_NAME_MAX)) {
		return error != OS_OK ? error : os_last_error();
	}
	desktop = create(wide, NULL, NULL, 0, GENERIC_ALL, &security);
	error = desktop != NULL ? OS_OK : os_last_error();
	LocalFree(security.lpSecurityDescriptor);
	if (error == OS_OK) {
		*ret_desktop = (uintptr_t)desktop;
	}
	return error;
}

uint32_t os_desktop_check(uintptr_t desktop, const char *sid, bool *ret_exact)
{
	return os_descriptor_is((HANDLE)desktop, SE_WINDOW_OBJECT, DESKTOP_OWN_RIGHTS, sid,
		DESKTOP_RIGHTS, ret_exact);
}

void os_desktop_close(uintptr_t desktop)
{
	close_desktop_fn close_desktop =
		(close_desktop_fn)(void *)os_find(L"user32.dll", "CloseDesktop");

	if (close_desktop != NULL) {
		close_desktop((HDESK)desktop);
	}
}
