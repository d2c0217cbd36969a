/*
 * A stand-in userenv.dll for Wine, which has no AppContainer: the shipped program loads it from
 * System32 as it would Windows' own. It answers for the profile, and puts itself between the
 * program and the calls that Wine refuses or says yes to without doing them, so that the program's
 * whole way can be seen: every such call is written to the file that RECORDER names, in order, with
 * its arguments. The call number RECORDER_FAIL fails; RECORDER_LIE names an answer to be wrong.
 *
 * It shows what the program asks for, never what Windows would make of it.
 */
#include <winsock2.h>
#include <windows.h>
#include <aclapi.h>
#include <sddl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <winioctl.h>

#define SID_TEXT "S-1-15-2-1-2-3-4-5-6-7"

/* By these names Windows asks for them. */
__declspec(dllexport) HRESULT WINAPI
	CreateAppContainerProfile(PCWSTR, PCWSTR, PCWSTR, SID_AND_ATTRIBUTES *, DWORD, PSID *);
__declspec(dllexport) HRESULT WINAPI DeriveAppContainerSidFromAppContainerName(PCWSTR, PSID *);
__declspec(dllexport) HRESULT WINAPI DeleteAppContainerProfile(PCWSTR);
BOOL WINAPI DllMain(HINSTANCE, DWORD, void *);

enum { ATTRIBUTE_CAPABILITIES = 0x20009, ATTRIBUTE_PACKAGES = 0x2000f, LESS_PRIVILEGED = 46 };
enum { PLACES = 64 };

static HANDLE log_file = INVALID_HANDLE_VALUE;
static int calls, fail_at;
static char lie[32];

/* ---- what is seen ---- */

__attribute__((format(printf, 1, 2))) static bool seen(const char *format, ...)
{
	char line[2048];
	va_list args;
	DWORD put;
	int n = snprintf(line, sizeof(line), "%d ", ++calls);
	bool fails = calls == fail_at;

	va_start(args, format);
	n += vsnprintf(line + n, sizeof(line) - (size_t)n - 16, format, args);
	va_end(args);
	n += snprintf(line + n, 16, fails ? " FAILS\n" : "\n");
	WriteFile(log_file, line, (DWORD)n, &put, NULL);
	if (fails) {
		SetLastError(ERROR_ACCESS_DENIED);
	}
	return !fails;
}

static bool lies(const char *what)
{
	return strcmp(lie, what) == 0;
}

/* ---- what Wine does not keep, by path ---- */

static struct place {
	wchar_t path[1024];
	PSECURITY_DESCRIPTOR list; /* owned: what was set */
	BYTE reparse[2048];
	DWORD reparse_len;
} places[PLACES];

static struct place *place_of(const wchar_t *path, bool make)
{
	for (int i = 0; i < PLACES; i++) {
		if (places[i].path[0] == L'\0' && make) {
			lstrcpynW(places[i].path, path, 1024);
		}
		if (lstrcmpiW(places[i].path, path) == 0) {
			return &places[i];
		}
	}
	return NULL;
}

static struct place *place_of_handle(HANDLE file, bool make)
{
	wchar_t path[1024];
	DWORD len =
		GetFinalPathNameByHandleW(file, path, 1024, FILE_NAME_NORMALIZED | VOLUME_NAME_DOS);

	return len > 0 && len < 1024 ? place_of(path, make) : NULL;
}

static void text_of(const wchar_t *wide, char text[512])
{
	if (WideCharToMultiByte(CP_UTF8, 0, wide, -1, text, 512, NULL, NULL) <= 0) {
		text[0] = '\0';
	}
}

/* ---- files: junctions and access lists ---- */

static HANDLE(WINAPI *real_create_file)(
	LPCWSTR, DWORD, DWORD, SECURITY_ATTRIBUTES *, DWORD, DWORD, HANDLE);

static HANDLE WINAPI create_file(LPCWSTR path, DWORD access, DWORD share,
	SECURITY_ATTRIBUTES *security, DWORD how, DWORD flags, HANDLE model)
{
	struct place *p = place_of(path, false);
	wchar_t target[1024];

	/* A junction that is to be followed: "\??\C:\x" stands behind eight words of its head. */
	if (p != NULL && p->reparse_len > 0 && (flags & FILE_FLAG_OPEN_REPARSE_POINT) == 0) {
		lstrcpynW(target, (const wchar_t *)(void *)(p->reparse + 16), 1024);
		memcpy(target, L"\\\\?\\", 4 * sizeof(wchar_t));
		path = target;
	}
	return real_create_file(path, access, share, security, how, flags, model);
}

static BOOL WINAPI device_control(HANDLE file, DWORD code, void *in, DWORD in_len, void *out,
	DWORD out_len, DWORD *ret_len, OVERLAPPED *o)
{
	struct place *p = place_of_handle(file, code == FSCTL_SET_REPARSE_POINT);
	char text[512] = "", target[512] = "";

	if (p == NULL || (code != FSCTL_SET_REPARSE_POINT && code != FSCTL_GET_REPARSE_POINT)) {
		return DeviceIoControl(file, code, in, in_len, out, out_len, ret_len, o);
	}
	text_of(p->path, text);
	if (code == FSCTL_SET_REPARSE_POINT) {
		text_of((const wchar_t *)(void *)((BYTE *)in + 16), target);
		memcpy(p->reparse, in, in_len);
		p->reparse_len = in_len;
		return seen("junction %s to %s", text, target);
	}
	if (!seen("junction-read %s", text)) {
		return FALSE;
	}
	memcpy(out, p->reparse, p->reparse_len);
	*ret_len = p->reparse_len;
	return TRUE;
}

static BOOL WINAPI file_information(HANDLE file, BY_HANDLE_FILE_INFORMATION *info)
{
	struct place *p = place_of_handle(file, false);
	BOOL done = GetFileInformationByHandle(file, info);

	if (done && p != NULL && p->reparse_len > 0) {
		info->dwFileAttributes |= FILE_ATTRIBUTE_REPARSE_POINT;
	}
	return done;
}

/* Without a list of its own a folder gets that of the one above, here whole. */
static BOOL WINAPI create_directory(LPCWSTR path, SECURITY_ATTRIBUTES *security)
{
	wchar_t above[1024];
	struct place *p, *own;
	DWORD len;

	lstrcpynW(above, path, 1024);
	if (wcsrchr(above, L'\\') != NULL) {
		*wcsrchr(above, L'\\') = L'\0';
	}
	if (!CreateDirectoryW(path, security)) {
		return FALSE;
	}
	p = place_of(above, false);
	own = security == NULL && p != NULL && p->list != NULL ? place_of(path, true) : NULL;
	if (own != NULL) {
		len = GetSecurityDescriptorLength(p->list);
		free(own->list);
		own->list = malloc(len);
		memcpy(own->list, p->list, len);
	}
	return TRUE;
}

static BOOL WINAPI set_security(
	HANDLE file, SECURITY_INFORMATION what, PSECURITY_DESCRIPTOR descriptor)
{
	struct place *p = place_of_handle(file, true);
	char path[512] = "", *sddl = NULL;
	DWORD len = 0;
	bool fine;

	text_of(p->path, path);
	ConvertSecurityDescriptorToStringSecurityDescriptorA(
		descriptor, SDDL_REVISION_1, what, &sddl, NULL);
	fine = seen("list %s %s", path,
		sddl != NULL && strstr(sddl, SID_TEXT) != NULL ? "with" : "without");
	LocalFree(sddl);
	if (!fine) {
		return FALSE;
	}
	MakeSelfRelativeSD(descriptor, NULL, &len);
	free(p->list);
	p->list = malloc(len);
	return MakeSelfRelativeSD(descriptor, p->list, &len);
}

/* Wine keeps no list of a desktop: here it has what is right, or lets every container in. */
static DWORD desktop_security(PACL *dacl, PACL *sacl, PSECURITY_DESCRIPTOR *ret)
{
	BYTE user[256];
	BOOL present, defaulted;
	char sddl[512], *sid = NULL;
	HANDLE token;
	DWORD len;

	if (!seen("desktop-read") || !OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token)) {
		return ERROR_ACCESS_DENIED;
	}
	GetTokenInformation(token, TokenUser, user, sizeof(user), &len);
	CloseHandle(token);
	ConvertSidToStringSidA(((TOKEN_USER *)(void *)user)->User.Sid, &sid);
	snprintf(sddl, sizeof(sddl), "D:P(A;;0xf01ff;;;%s)(A;;0x200c7;;;%s)S:(ML;;NW;;;LW)", sid,
		lies("desktop") ? "S-1-15-2-1" : SID_TEXT);
	LocalFree(sid);
	return ConvertStringSecurityDescriptorToSecurityDescriptorA(sddl, SDDL_REVISION_1, ret,
		       NULL) && GetSecurityDescriptorDacl(*ret, &present, dacl, &defaulted) &&
			       GetSecurityDescriptorSacl(*ret, &present, sacl, &defaulted)
		       ? ERROR_SUCCESS
		       : GetLastError();
}

static DWORD WINAPI get_security(HANDLE object, SE_OBJECT_TYPE type, SECURITY_INFORMATION what,
	PSID *owner, PSID *group, PACL *dacl, PACL *sacl, PSECURITY_DESCRIPTOR *ret)
{
	struct place *p = type == SE_FILE_OBJECT ? place_of_handle(object, false) : NULL;
	BOOL present, defaulted;
	DWORD len;

	if (type == SE_WINDOW_OBJECT) {
		return desktop_security(dacl, sacl, ret);
	}
	if (p == NULL || p->list == NULL || what != DACL_SECURITY_INFORMATION || lies("grant")) {
		return GetSecurityInfo(object, type, what, owner, group, dacl, sacl, ret);
	}
	len = GetSecurityDescriptorLength(p->list);
	*ret = LocalAlloc(0, len);
	memcpy(*ret, p->list, len);
	return GetSecurityDescriptorDacl(*ret, &present, dacl, &defaulted) ? ERROR_SUCCESS
									   : GetLastError();
}

/* ---- machine ---- */

static BOOL WINAPI service_status(SC_HANDLE service, SERVICE_STATUS *status)
{
	(void)service;
	memset(status, 0, sizeof(*status));
	status->dwCurrentState = lies("firewall") ? SERVICE_STOPPED : SERVICE_RUNNING;
	return seen("service-asked");
}

/* Wine has no such services, and its own manager is not always there. */
static SC_HANDLE WINAPI open_manager(LPCWSTR machine, LPCWSTR database, DWORD access)
{
	(void)machine;
	(void)database;
	(void)access;
	return (SC_HANDLE)1;
}

static SC_HANDLE WINAPI open_service(SC_HANDLE manager, LPCSTR name, DWORD access)
{
	(void)manager;
	(void)access;
	return seen("service %s", name) ? (SC_HANDLE)2 : NULL;
}

static BOOL WINAPI close_service(SC_HANDLE service)
{
	(void)service;
	return TRUE;
}

/* ---- job ---- */

static JOBOBJECT_EXTENDED_LIMIT_INFORMATION job_limits;
static JOBOBJECT_BASIC_UI_RESTRICTIONS job_ui;
static JOBOBJECT_CPU_RATE_CONTROL_INFORMATION job_cpu;

static BOOL WINAPI set_job(HANDLE job, JOBOBJECTINFOCLASS class, void *data, DWORD len)
{
	switch (class) {
	case JobObjectExtendedLimitInformation:
		job_limits = *(JOBOBJECT_EXTENDED_LIMIT_INFORMATION *)data;
		return seen("job-limits flags 0x%lx memory %llu processes %lu",
			       (unsigned long)job_limits.BasicLimitInformation.LimitFlags,
			       (unsigned long long)job_limits.JobMemoryLimit,
			       (unsigned long)
				       job_limits.BasicLimitInformation.ActiveProcessLimit) &&
		       SetInformationJobObject(job, class, data, len);
	case JobObjectBasicUIRestrictions:
		job_ui = *(JOBOBJECT_BASIC_UI_RESTRICTIONS *)data;
		return seen("job-ui 0x%lx", (unsigned long)job_ui.UIRestrictionsClass);
	case JobObjectCpuRateControlInformation:
		job_cpu = *(JOBOBJECT_CPU_RATE_CONTROL_INFORMATION *)data;
		return seen("job-cpu flags 0x%lx", (unsigned long)job_cpu.ControlFlags);
	default: return SetInformationJobObject(job, class, data, len);
	}
}

static BOOL WINAPI get_job(
	HANDLE job, JOBOBJECTINFOCLASS class, void *data, DWORD len, DWORD *ret_len)
{
	switch (class) {
	case JobObjectExtendedLimitInformation: memcpy(data, &job_limits, len); break;
	case JobObjectBasicUIRestrictions: memcpy(data, &job_ui, len); break;
	case JobObjectCpuRateControlInformation: memcpy(data, &job_cpu, len); break;
	default: return QueryInformationJobObject(job, class, data, len, ret_len);
	}
	if (class == JobObjectExtendedLimitInformation && lies("job")) {
		((JOBOBJECT_EXTENDED_LIMIT_INFORMATION *)data)->BasicLimitInformation.LimitFlags =
			0;
	}
	return seen("job-read %d", (int)class);
}

/* ---- processes ---- */

static DWORD64 mitigations;

static BOOL WINAPI update_attribute(LPPROC_THREAD_ATTRIBUTE_LIST list, DWORD flags,
	DWORD_PTR attribute, void *value, SIZE_T size, void *before, SIZE_T *ret_size)
{
	SECURITY_CAPABILITIES *c = value;
	char *sid = NULL;
	bool fine;

	switch (attribute) {
	case ATTRIBUTE_CAPABILITIES:
		ConvertSidToStringSidA(c->AppContainerSid, &sid);
		fine = seen("attribute capabilities sid %s count %lu", sid,
			(unsigned long)c->CapabilityCount);
		LocalFree(sid);
		return fine;
	case ATTRIBUTE_PACKAGES:
		return seen("attribute packages %lu", (unsigned long)*(DWORD *)value);
	case PROC_THREAD_ATTRIBUTE_MITIGATION_POLICY:
		mitigations = *(DWORD64 *)value;
		fine = seen("attribute mitigations 0x%llx", (unsigned long long)mitigations);
		break;
	case PROC_THREAD_ATTRIBUTE_HANDLE_LIST:
		fine = seen("attribute handles %lu", (unsigned long)(size / sizeof(HANDLE)));
		break;
	default: fine = seen("attribute 0x%lx", (unsigned long)attribute); break;
	}
	return fine &&
	       UpdateProcThreadAttribute(list, flags, attribute, value, size, before, ret_size);
}

static BOOL WINAPI create_process(LPCWSTR program, LPWSTR line, SECURITY_ATTRIBUTES *process,
	SECURITY_ATTRIBUTES *thread, BOOL inherit, DWORD flags, void *environment, LPCWSTR folder,
	STARTUPINFOW *startup, PROCESS_INFORMATION *info)
{
	char text[512], where[512], desktop[512] = "none";

	text_of(program, text);
	text_of(folder, where);
	if (startup->lpDesktop != NULL) {
		text_of(startup->lpDesktop, desktop);
	}
	return seen("process %s in %s flags 0x%lx desktop %s%s", text, where, (unsigned long)flags,
		       desktop, environment == NULL ? " INHERITED ENVIRONMENT" : "") &&
	       CreateProcessW(program, line, process, thread, inherit, flags, environment, folder,
		       startup, info);
}

static BOOL put_sid(const char *text, void *data, DWORD len, SIZE_T head)
{
	PSID sid = NULL;
	BOOL done = ConvertStringSidToSidA(text, &sid) &&
		    CopySid(len - (DWORD)head, (BYTE *)data + head, sid);

	*(PSID *)data = (BYTE *)data + head;
	LocalFree(sid);
	return done;
}

static BOOL WINAPI token_information(
	HANDLE token, TOKEN_INFORMATION_CLASS class, void *data, DWORD len, DWORD *ret_len)
{
	switch ((int)class) {
	case TokenIsAppContainer: *(DWORD *)data = !lies("container"); break;
	case LESS_PRIVILEGED: *(DWORD *)data = !lies("restricted"); break;
	case TokenCapabilities: ((TOKEN_GROUPS *)data)->GroupCount = lies("capabilities"); break;
	case TokenAppContainerSid:
		return seen("token %d", (int)class) &&
		       put_sid(lies("sid") ? "S-1-15-2-9" : SID_TEXT, data, len, sizeof(PSID));
	case TokenIntegrityLevel:
		return seen("token %d", (int)class) &&
		       put_sid(lies("integrity") ? "S-1-16-8192" : "S-1-16-4096", data, len,
			       sizeof(SID_AND_ATTRIBUTES));
	default: return GetTokenInformation(token, class, data, len, ret_len);
	}
	return seen("token %d", (int)class);
}

static BOOL WINAPI mitigation_policy(
	HANDLE process, PROCESS_MITIGATION_POLICY policy, void *data, SIZE_T len)
{
	(void)process;
	/* All that were asked for, or none. */
	memset(data, mitigations != 0 && !lies("mitigations") ? 0xff : 0, len);
	return seen("mitigation %d", (int)policy);
}

static DWORD WINAPI resume(HANDLE thread)
{
	/* Threads of the program's own begin so, too. */
	if (GetProcessIdOfThread(thread) == GetCurrentProcessId()) {
		return ResumeThread(thread);
	}
	return seen("RESUME") ? ResumeThread(thread) : (DWORD)-1;
}

static BOOL WINAPI terminate(HANDLE process, UINT status)
{
	(void)seen("terminate");
	return TerminateProcess(process, status);
}

static BOOL WINAPI terminate_job(HANDLE job, UINT status)
{
	(void)seen("terminate-job");
	return TerminateJobObject(job, status);
}

/* ---- userenv.dll ---- */

static HRESULT give_sid(PSID *ret_sid, bool fine)
{
	PSID sid = NULL;

	if (!fine || !ConvertStringSidToSidA(SID_TEXT, &sid)) {
		return HRESULT_FROM_WIN32(ERROR_ACCESS_DENIED);
	}
	/* As Windows gives it: to be freed with FreeSid. */
	*ret_sid = HeapAlloc(GetProcessHeap(), 0, GetLengthSid(sid));
	CopySid(GetLengthSid(sid), *ret_sid, sid);
	LocalFree(sid);
	return S_OK;
}

__declspec(dllexport) HRESULT WINAPI CreateAppContainerProfile(PCWSTR name, PCWSTR display,
	PCWSTR description, SID_AND_ATTRIBUTES *capabilities, DWORD n, PSID *ret_sid)
{
	char text[512];

	(void)display;
	(void)description;
	(void)capabilities;
	text_of(name, text);
	return give_sid(ret_sid, seen("profile %s capabilities %lu", text, (unsigned long)n));
}

__declspec(dllexport) HRESULT WINAPI
	DeriveAppContainerSidFromAppContainerName(PCWSTR name, PSID *ret_sid)
{
	char text[512];

	text_of(name, text);
	return give_sid(ret_sid, seen("profile-derived %s", text));
}

__declspec(dllexport) HRESULT WINAPI DeleteAppContainerProfile(PCWSTR name)
{
	char text[512];

	text_of(name, text);
	return seen("profile-deleted %s", text) ? S_OK : E_ACCESSDENIED;
}

/* ---- between the program and its imports ---- */

static const struct {
	const char *name;
	void *ours;
} between[] = {
	{"CreateFileW", create_file},
	{"CreateDirectoryW", create_directory},
	{"DeviceIoControl", device_control},
	{"GetFileInformationByHandle", file_information},
	{"SetKernelObjectSecurity", set_security},
	{"GetSecurityInfo", get_security},
	{"OpenSCManagerW", open_manager},
	{"OpenServiceA", open_service},
	{"CloseServiceHandle", close_service},
	{"QueryServiceStatus", service_status},
	{"SetInformationJobObject", set_job},
	{"QueryInformationJobObject", get_job},
	{"TerminateJobObject", terminate_job},
	{"UpdateProcThreadAttribute", update_attribute},
	{"CreateProcessW", create_process},
	{"GetTokenInformation", token_information},
	{"GetProcessMitigationPolicy", mitigation_policy},
	{"ResumeThread", resume},
	{"TerminateProcess", terminate},
};

static void take_import(const char *name, void **slot)
{
	DWORD before;

	for (size_t i = 0; i < sizeof(between) / sizeof(between[0]); i++) {
		if (strcmp(between[i].name, name) == 0 &&
			VirtualProtect(slot, sizeof(*slot), PAGE_READWRITE, &before)) {
			if (between[i].ours == (void *)create_file) {
				memcpy(&real_create_file, slot, sizeof(*slot));
			}
			*slot = between[i].ours;
			VirtualProtect(slot, sizeof(*slot), before, &before);
		}
	}
}

static void take_imports(void)
{
	BYTE *base = (BYTE *)GetModuleHandleW(NULL);
	IMAGE_NT_HEADERS *nt =
		(IMAGE_NT_HEADERS *)(void *)(base + ((IMAGE_DOS_HEADER *)(void *)base)->e_lfanew);
	IMAGE_IMPORT_DESCRIPTOR *dll =
		(void *)(base + nt->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_IMPORT]
					.VirtualAddress);

	for (; dll->Name != 0; dll++) {
		IMAGE_THUNK_DATA *names = (void *)(base + dll->OriginalFirstThunk);
		void **slots = (void *)(base + dll->FirstThunk);

		for (; names->u1.AddressOfData != 0; names++, slots++) {
			if (!IMAGE_SNAP_BY_ORDINAL(names->u1.Ordinal)) {
				IMAGE_IMPORT_BY_NAME *import =
					(void *)(base + names->u1.AddressOfData);

				take_import((const char *)import->Name, slots);
			}
		}
	}
}

BOOL WINAPI DllMain(HINSTANCE self, DWORD why, void *reserved)
{
	char path[MAX_PATH], number[16];

	(void)self;
	(void)reserved;
	if (why != DLL_PROCESS_ATTACH ||
		GetEnvironmentVariableA("RECORDER", path, sizeof(path)) == 0) {
		return TRUE;
	}
	log_file = CreateFileA(path, FILE_APPEND_DATA, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL,
		OPEN_ALWAYS, 0, NULL);
	if (GetEnvironmentVariableA("RECORDER_FAIL", number, sizeof(number)) > 0) {
		fail_at = atoi(number);
	}
	(void)GetEnvironmentVariableA("RECORDER_LIE", lie, sizeof(lie));
	take_imports();
	return TRUE;
}
