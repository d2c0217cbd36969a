/*
 * Attempts by way of what works on behalf of others: COM servers, BITS, the Task Scheduler, WinRM,
 * and by way of the user's screen and clipboard. None changes anything.
 */
#define COBJMACROS

#include "probes/private_windows.h"

#include <winsock2.h>
#include <windows.h>
#include <initguid.h>
#include <objbase.h>
#include <unknwn.h>

/* A server in a process of its own, started or found by a service outside. */
static void try_server(struct probe_result *result, const GUID *class, const char *what)
{
	static const GUID unknown = {0, 0, 0, {0xc0, 0, 0, 0, 0, 0, 0, 0x46}};
	IUnknown *object = NULL;
	HRESULT error = CoInitializeEx(NULL, COINIT_MULTITHREADED);

	if (SUCCEEDED(error)) {
		error = CoCreateInstance(
			class, NULL, CLSCTX_LOCAL_SERVER, &unknown, (void **)&object);
	}
	if (SUCCEEDED(error) && object != NULL) {
		IUnknown_Release(object);
	}
	probe_judge(result, FAILED(error), what, (unsigned long)error);
}

PROBE(probe_bits)
{
	static const GUID manager = {
		0x4991d34b, 0x80a1, 0x4291, {0x83, 0xb6, 0x33, 0x28, 0x36, 0x6b, 0x90, 0x97}};

	(void)t;
	try_server(result, &manager, "the manager of background transfers");
}

PROBE(probe_com)
{
	static const GUID windows = {
		0x9ba05972, 0xf6a8, 0x11cf, {0xa4, 0x42, 0x00, 0xa0, 0xc9, 0x0a, 0x8f, 0x39}};

	(void)t;
	try_server(result, &windows, "the shell's windows");
}

PROBE(probe_tasks)
{
	long status = probe_run_line("schtasks.exe /query /fo list");

	(void)t;
	if (status < 0) {
		probe_say(result, PROBE_UNKNOWN, "schtasks.exe cannot be started");
	} else {
		probe_judge(result, status != 0, "schtasks /query", (unsigned long)status);
	}
}

PROBE(probe_winrm)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(5985)};
	SOCKET s = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
	bool failed;

	(void)t;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	failed = s == INVALID_SOCKET ||
		 connect(s, (const struct sockaddr *)&address, sizeof(address)) != 0;
	if (failed && WSAGetLastError() == WSAECONNREFUSED) {
		probe_say(result, PROBE_UNKNOWN, "it does not run on this machine");
	} else {
		probe_judge(result, failed, "WinRM on 127.0.0.1:5985",
			(unsigned long)WSAGetLastError());
	}
}

static FARPROC of_user32(const char *name)
{
	HMODULE user32 = LoadLibraryExW(L"user32.dll", NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);

	return user32 != NULL ? GetProcAddress(user32, name) : NULL;
}

PROBE(probe_clipboard)
{
	BOOL(WINAPI * open)
	(HWND) = (BOOL(WINAPI *)(HWND))(void *)of_user32("OpenClipboard");
	HANDLE(WINAPI * get)
	(UINT) = (HANDLE(WINAPI *)(UINT))(void *)of_user32("GetClipboardData");
	int(WINAPI * count)(void) = (int(WINAPI *)(void))(void *)of_user32("CountClipboardFormats");

	(void)t;
	if (open == NULL || get == NULL || count == NULL || !open(NULL)) {
		probe_say(result, PROBE_HELD, "the clipboard cannot be opened");
	} else if (get(CF_UNICODETEXT) != NULL) {
		probe_say(result, PROBE_ESCAPED, "the clipboard's text can be read");
	} else if (count() > 0) {
		probe_say(result, PROBE_HELD, "its text cannot be read");
	} else {
		probe_say(result, PROBE_UNKNOWN, "there is nothing in the clipboard");
	}
}

PROBE(probe_desktop)
{
	HDESK(WINAPI * open)
	(DWORD, BOOL, ACCESS_MASK) =
		(HDESK(WINAPI *)(DWORD, BOOL, ACCESS_MASK))(void *)of_user32("OpenInputDesktop");

	(void)t;
	probe_judge(result, open == NULL || open(0, FALSE, DESKTOP_READOBJECTS) == NULL,
		"the desktop that the user sees", GetLastError());
}
