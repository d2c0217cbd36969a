/*
 * Processes: made standing still, looked at, set going, ended.
 */
#include "jailer/windows/os_system.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sddl.h>

/* Not in every SDK. */
#define ATTRIBUTE_SECURITY_CAPABILITIES 0x00020009
#define ATTRIBUTE_JOB_LIST              0x0002000d
#define ATTRIBUTE_PACKAGES_POLICY       0x0002000f
enum { PACKAGES_OPT_OUT = 1, TOKEN_IS_LESS_PRIVILEGED = 46, ATTRIBUTES = 5 };

#define MITIGATIONS                                                                 \
	(PROCESS_CREATION_MITIGATION_POLICY_EXTENSION_POINT_DISABLE_ALWAYS_ON |     \
		PROCESS_CREATION_MITIGATION_POLICY_IMAGE_LOAD_NO_REMOTE_ALWAYS_ON | \
		PROCESS_CREATION_MITIGATION_POLICY_BOTTOM_UP_ASLR_ALWAYS_ON |       \
		PROCESS_CREATION_MITIGATION_POLICY_HIGH_ENTROPY_ASLR_ALWAYS_ON)

/* Everything that one CreateProcessW borrows. */
struct making {
	wchar_t program[OS_WIDE], folder[OS_WIDE], desktop[OS_NAME_MAX], line[OS_ENVIRONMENT];
	wchar_t *environment; /* owned */
	HANDLE handles[4];    /* owned, inheritable */
	DWORD n_handles;
	PSID sid; /* owned */
	SECURITY_CAPABILITIES capabilities;
	HANDLE job;
	DWORD64 mitigations;
	DWORD packages;
	LPPROC_THREAD_ATTRIBUTE_LIST attributes; /* owned */
	bool has_attributes;
};

/* ---- texts and handles ---- */

static uint32_t make_environment(struct making *m, const char *environment)
{
	size_t len = 0;
	int n;

	while (environment[len] != '\0') {
		len += strlen(environment + len) + 1;
	}
	len++;
	m->environment = calloc(len + 1, sizeof(wchar_t));
	if (m->environment == NULL) {
		return OS_EMEMORY;
	}
	n = MultiByteToWideChar(
		CP_UTF8, MB_ERR_INVALID_CHARS, environment, (int)len, m->environment, (int)len);
	return n > 0 ? OS_OK : os_last_error();
}

static uint32_t copy_handles(struct making *m, const struct os_start *start)
{
	for (; m->n_handles < start->n_handles; m->n_handles++) {
		if (!DuplicateHandle(GetCurrentProcess(), (HANDLE)start->handles[m->n_handles],
			    GetCurrentProcess(), &m->handles[m->n_handles], 0, TRUE,
			    DUPLICATE_SAME_ACCESS)) {
			return os_last_error();
		}
	}
	return OS_OK;
}

static uint32_t make_texts(struct making *m, const struct os_start *start)
{
	/* Plain paths: the loader and the working folder do not take \\?\. */
	if (!os_wide(start->program, m->program, OS_WIDE) ||
		!os_wide(start->folder, m->folder, OS_WIDE) ||
		!os_wide(start->line, m->line, OS_ENVIRONMENT) ||
		!os_wide(start->desktop != NULL ? start->desktop : "", m->desktop, OS_NAME_MAX) ||
		!ConvertStringSidToSidA(start->sid, &m->sid)) {
		return os_last_error();
	}
	return make_environment(m, start->environment);
}

/* ---- attributes ---- */

static bool set(struct making *m, DWORD_PTR attribute, void *value, SIZE_T size)
{
	return UpdateProcThreadAttribute(m->attributes, 0, attribute, value, size, NULL, NULL);
}

static uint32_t make_attributes(struct making *m, const struct os_start *start)
{
	SIZE_T size = 0;

	m->capabilities.AppContainerSid = m->sid;
	m->job = (HANDLE)start->job;
	m->mitigations = MITIGATIONS;
	m->packages = PACKAGES_OPT_OUT;
	(void)InitializeProcThreadAttributeList(NULL, ATTRIBUTES, 0, &size);
	m->attributes = malloc(size);
	if (m->attributes == NULL) {
		return OS_EMEMORY;
	}
	if (!InitializeProcThreadAttributeList(m->attributes, ATTRIBUTES, 0, &size)) {
		return os_last_error();
	}
	m->has_attributes = true;
	if (!set(m, ATTRIBUTE_SECURITY_CAPABILITIES, &m->capabilities, sizeof(m->capabilities)) ||
		!set(m, ATTRIBUTE_JOB_LIST, &m->job, sizeof(m->job)) ||
		!set(m, PROC_THREAD_ATTRIBUTE_MITIGATION_POLICY, &m->mitigations,
			sizeof(m->mitigations)) ||
		!set(m, ATTRIBUTE_PACKAGES_POLICY, &m->packages, sizeof(m->packages))) {
		return os_last_error();
	}
	if (m->n_handles > 0 && !set(m, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, m->handles,
					m->n_handles * sizeof(HANDLE))) {
		return os_last_error();
	}
	return OS_OK;
}

static uint32_t create(struct making *m, PROCESS_INFORMATION *info)
{
	STARTUPINFOEXW startup = {.StartupInfo = {.cb = sizeof(startup)}};
	DWORD flags = CREATE_SUSPENDED | CREATE_UNICODE_ENVIRONMENT | EXTENDED_STARTUPINFO_PRESENT;

	startup.lpAttributeList = m->attributes;
	if (m->desktop[0] != L'\0') {
		startup.StartupInfo.lpDesktop = m->desktop;
	}
	if (m->n_handles >= 3) {
		startup.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
		startup.StartupInfo.hStdInput = m->handles[0];
		startup.StartupInfo.hStdOutput = m->handles[1];
		startup.StartupInfo.hStdError = m->handles[2];
	} else {
		flags |= DETACHED_PROCESS;
	}
	return CreateProcessW(m->program, m->line, NULL, NULL, m->n_handles > 0, flags,
		       m->environment, m->folder, &startup.StartupInfo, info)
		       ? OS_OK
		       : os_last_error();
}

static void finish(struct making *m)
{
	if (m->has_attributes) {
		DeleteProcThreadAttributeList(m->attributes);
	}
	free(m->attributes);
	free(m->environment);
	while (m->n_handles > 0) {
		CloseHandle(m->handles[--m->n_handles]);
	}
	if (m->sid != NULL) {
		LocalFree(m->sid);
	}
	free(m);
}

uint32_t os_process_make(const struct os_start *start, struct os_process *ret_process)
{
	struct making *m = calloc(1, sizeof(*m));
	PROCESS_INFORMATION info;
	uint32_t error;

	if (m == NULL) {
		return OS_EMEMORY;
	}
	error = make_texts(m, start);
	if (error == OS_OK) {
		error = copy_handles(m, start);
	}
	if (error == OS_OK) {
		error = make_attributes(m, start);
	}
	if (error == OS_OK) {
		error = create(m, &info);
	}
	if (error == OS_OK) {
		*ret_process =
			(struct os_process){(uintptr_t)info.hProcess, (uintptr_t)info.hThread};
	}
	finish(m);
	return error;
}

/* ---- looking ---- */

static bool token_word(HANDLE token, int class, DWORD *ret_word)
{
	DWORD len;

	return GetTokenInformation(
		token, (TOKEN_INFORMATION_CLASS) class, ret_word, sizeof(*ret_word), &len);
}

static uint32_t token_sid(HANDLE token, char ret_sid[OS_SID_MAX])
{
	union {
		TOKEN_APPCONTAINER_INFORMATION container;
		char bytes[256];
	} u;
	char *text = NULL;
	DWORD len;

	if (!GetTokenInformation(token, TokenAppContainerSid, &u, sizeof(u), &len)) {
		return os_last_error();
	}
	ret_sid[0] = '\0';
	if (u.container.TokenAppContainer == NULL) {
		return OS_OK;
	}
	if (!ConvertSidToStringSidA(u.container.TokenAppContainer, &text)) {
		return os_last_error();
	}
	snprintf(ret_sid, OS_SID_MAX, "%s", text);
	LocalFree(text);
	return OS_OK;
}

static uint32_t token_integrity(HANDLE token, uint32_t *ret_integrity)
{
	union {
		TOKEN_MANDATORY_LABEL label;
		char bytes[256];
	} u;
	DWORD len;
	PSID sid;

	if (!GetTokenInformation(token, TokenIntegrityLevel, &u, sizeof(u), &len)) {
		return os_last_error();
	}
	sid = u.label.Label.Sid;
	*ret_integrity = *GetSidSubAuthority(sid, (DWORD)(*GetSidSubAuthorityCount(sid) - 1));
	return OS_OK;
}

static uint32_t token_capabilities(HANDLE token, uint32_t *ret_n)
{
	union {
		TOKEN_GROUPS groups;
		char bytes[4096];
	} u;
	DWORD len;

	if (!GetTokenInformation(token, TokenCapabilities, &u, sizeof(u), &len)) {
		return os_last_error();
	}
	*ret_n = u.groups.GroupCount;
	return OS_OK;
}

static uint32_t read_token(HANDLE token, struct os_token *t)
{
	DWORD word = 0;
	uint32_t error;

	if (!token_word(token, TokenIsAppContainer, &word)) {
		return os_last_error();
	}
	t->is_container = word != 0;
	word = 0;
	if (!token_word(token, TOKEN_IS_LESS_PRIVILEGED, &word)) {
		return os_last_error();
	}
	t->is_restricted = word != 0;
	error = token_sid(token, t->sid);
	if (error == OS_OK) {
		error = token_integrity(token, &t->integrity);
	}
	return error == OS_OK ? token_capabilities(token, &t->capabilities) : error;
}

uint32_t os_process_token(uintptr_t process, struct os_token *ret_token)
{
	struct os_token t = {0};
	HANDLE token;
	uint32_t error;

	if (!OpenProcessToken((HANDLE)process, TOKEN_QUERY, &token)) {
		return os_last_error();
	}
	error = read_token(token, &t);
	CloseHandle(token);
	if (error == OS_OK) {
		*ret_token = t;
	}
	return error;
}

uint32_t os_process_in_job(uintptr_t process, uintptr_t job, bool *ret_in)
{
	BOOL in = FALSE;

	if (!IsProcessInJob((HANDLE)process, (HANDLE)job, &in)) {
		return os_last_error();
	}
	*ret_in = in;
	return OS_OK;
}

uint32_t os_process_mitigations(uintptr_t process, uint32_t *ret_mitigations)
{
	PROCESS_MITIGATION_EXTENSION_POINT_DISABLE_POLICY extensions = {0};
	PROCESS_MITIGATION_IMAGE_LOAD_POLICY images = {0};
	PROCESS_MITIGATION_ASLR_POLICY aslr = {0};
	HANDLE h = (HANDLE)process;

	if (!GetProcessMitigationPolicy(
		    h, ProcessExtensionPointDisablePolicy, &extensions, sizeof(extensions)) ||
		!GetProcessMitigationPolicy(h, ProcessImageLoadPolicy, &images, sizeof(images)) ||
		!GetProcessMitigationPolicy(h, ProcessASLRPolicy, &aslr, sizeof(aslr))) {
		return os_last_error();
	}
	*ret_mitigations =
		(extensions.DisableExtensionPoints ? OS_MITIGATION_EXTENSIONS : 0) |
		(images.NoRemoteImages ? OS_MITIGATION_REMOTE : 0) |
		(aslr.EnableBottomUpRandomization && aslr.EnableHighEntropy ? OS_MITIGATION_ASLR
									    : 0);
	return OS_OK;
}

/* ---- going and ending ---- */

uint32_t os_process_resume(const struct os_process *process)
{
	DWORD before = ResumeThread((HANDLE)process->thread);

	/* It was suspended once, by us, and by nobody else. */
	return before == 1           ? OS_OK
	       : before == (DWORD)-1 ? os_last_error()
				     : (uint32_t)ERROR_INVALID_STATE;
}

uint32_t os_process_end(const struct os_process *process)
{
	DWORD status;

	if (!TerminateProcess((HANDLE)process->process, 1) &&
		(!GetExitCodeProcess((HANDLE)process->process, &status) ||
			status == STILL_ACTIVE)) {
		return os_last_error();
	}
	return WaitForSingleObject((HANDLE)process->process, 5000) == WAIT_OBJECT_0
		       ? OS_OK
		       : (uint32_t)WAIT_TIMEOUT;
}

void os_process_close(struct os_process *process)
{
	CloseHandle((HANDLE)process->thread);
	CloseHandle((HANDLE)process->process);
	memset(process, 0, sizeof(*process));
}

uint32_t os_standard_handles(uintptr_t ret_handles[3])
{
	static const DWORD names[] = {STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE};
	static HANDLE nothing = INVALID_HANDLE_VALUE;

	for (int i = 0; i < 3; i++) {
		HANDLE h = GetStdHandle(names[i]);

		if (h == NULL || h == INVALID_HANDLE_VALUE) {
			if (nothing == INVALID_HANDLE_VALUE) {
				nothing = CreateFileW(L"NUL", GENERIC_READ | GENERIC_WRITE,
					FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_EXISTING, 0,
					NULL);
			}
			h = nothing;
		}
		if (h == INVALID_HANDLE_VALUE) {
			return os_last_error();
		}
		ret_handles[i] = (uintptr_t)h;
	}
	return OS_OK;
}

uint32_t os_own_program(char ret_path[WINPATH_MAX])
{
	wchar_t wide[OS_WIDE];
	char path[WINPATH_MAX];
	DWORD len = GetModuleFileNameW(NULL, wide, OS_WIDE);

	if (len == 0 || len >= OS_WIDE || !os_narrow(wide, path, sizeof(path))) {
		return os_last_error();
	}
	return winpath_canonical(path, ret_path) == WINPATH_OK ? OS_OK
							       : (uint32_t)ERROR_BAD_PATHNAME;
}
