/*
 * The user's folders and name on Windows. Paths are UTF-8; the manifest makes that the C library's
 * encoding too.
 */
#include "cli/place.h"
#include "cli/verbs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <winsock2.h>
#include <windows.h>
#include <shlobj.h>

const char place_state_cure[] = "the user has no local application data folder";

/* Files opened later are handles of other numbers. */
void place_hold_standard(void)
{
}

int place_state(char *ret_path, size_t size)
{
	PWSTR folder = NULL;
	char path[4096];
	int n = -1;

	if (SHGetKnownFolderPath(&FOLDERID_LocalAppData, 0, NULL, &folder) == S_OK &&
		WideCharToMultiByte(CP_UTF8, 0, folder, -1, path, sizeof(path), NULL, NULL) > 0) {
		n = snprintf(ret_path, size, "%s\\sallyport\\records", path);
	}
	CoTaskMemFree(folder);
	return n >= 0 && (size_t)n < size ? 0 : -1;
}

/* The drive's root and the share's name are there already. */
static char *first_folder(char *path)
{
	if (path[0] != '\0' && path[1] == ':') {
		path += 2;
	} else if (strncmp(path, "\\\\", 2) == 0) {
		path += 2;
		path += strcspn(path, "\\/");
		path += *path != '\0';
		path += strcspn(path, "\\/");
	}
	return path + (*path != '\0');
}

int place_try_folders(char *path)
{
	char *at = first_folder(path);

	for (;;) {
		char *end = at + strcspn(at, "\\/"), kept = *end;

		*end = '\0';
		if (end != at && mkdir(path, 0700) != 0 && errno != EEXIST) {
			return -1;
		}
		*end = kept;
		if (kept == '\0') {
			return 0;
		}
		at = end + 1;
	}
}

int place_make_folders(char *path)
{
	return place_try_folders(path) == 0
		       ? 0
		       : complain("cannot make the folder %s: %s", path, strerror(errno));
}

const char *place_user(void)
{
	static char name[514];
	wchar_t wide[257];
	DWORD n = 257;

	if (!GetUserNameW(wide, &n) ||
		WideCharToMultiByte(CP_UTF8, 0, wide, -1, name, sizeof(name), NULL, NULL) <= 0) {
		return "?";
	}
	return name;
}

char *const *place_environment(void)
{
	return _environ;
}

/*
 * Loopback ports belong to the whole machine. Whoever takes this one before the door listens there
 * makes the run fail, not leak: the door wants it exclusively.
 */
uint16_t place_proxy_port(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001)};
	int len = sizeof(address);
	uint16_t port = 0;
	WSADATA data;
	SOCKET s;

	if (WSAStartup(MAKEWORD(2, 2), &data) != 0) {
		return 0;
	}
	s = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
	if (s != INVALID_SOCKET &&
		bind(s, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
		getsockname(s, (struct sockaddr *)&address, &len) == 0) {
		port = ntohs(address.sin_port);
	}
	if (s != INVALID_SOCKET) {
		closesocket(s);
	}
	return port;
}
