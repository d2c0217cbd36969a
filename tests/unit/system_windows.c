#include "tests/unit/system.h"

#include <dirent.h>
#include <fcntl.h>
#include <io.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <windows.h>
#include <aclapi.h>
#include <sddl.h>

/* What a run that died left behind has a name of its own. */
bool system_make_folder(char *ret_path, size_t size)
{
	char place[MAX_PATH];
	bool made = false;

	if (GetTempPathA(sizeof(place), place) == 0 || !SetCurrentDirectoryA(place)) {
		return false;
	}
	for (unsigned n = 0; n < 1000 && !made; n++) {
		made = snprintf(ret_path, size, "sallyport-unit-%lu-%u",
			       (unsigned long)GetCurrentProcessId(), n) < (int)size &&
		       mkdir(ret_path, 0700) == 0;
	}
	return made;
}

bool system_remove_folder(const char *path)
{
	DIR *entries = opendir(path);
	struct dirent *entry;
	bool done = entries != NULL;

	while (done && (entry = readdir(entries)) != NULL) {
		char below[2 * MAX_PATH];
		DWORD attributes;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
			continue;
		}
		snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
		attributes = GetFileAttributesA(below);
		done = (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0 ? system_remove_folder(below)
								    : DeleteFileA(below);
	}
	if (entries != NULL) {
		closedir(entries);
	}
	return done && RemoveDirectoryA(path);
}

/* Windows has none. */
bool system_limit_files(uint64_t bytes)
{
	(void)bytes;
	return false;
}

/* Only with a privilege; Wine says yes and makes none. */
bool system_make_link(const char *target, const char *path)
{
	(void)target;
	(void)path;
	return false;
}

bool system_let_others_read(const char *path)
{
	PSECURITY_DESCRIPTOR descriptor;
	BOOL present, defaulted, done;
	PACL list;

	if (!ConvertStringSecurityDescriptorToSecurityDescriptorA(
		    "D:P(A;;FA;;;OW)(A;;FR;;;WD)", SDDL_REVISION_1, &descriptor, NULL)) {
		return false;
	}
	done = GetSecurityDescriptorDacl(descriptor, &present, &list, &defaulted) &&
	       SetNamedSecurityInfoA((char *)(uintptr_t)path, SE_FILE_OBJECT,
		       DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION, NULL, NULL,
		       list, NULL) == ERROR_SUCCESS;
	LocalFree(descriptor);
	return done;
}

void system_moment(void)
{
	Sleep(1);
}

int system_open_again(int fd)
{
	char path[MAX_PATH + 8];
	DWORD len = GetFinalPathNameByHandleA(
		(HANDLE)_get_osfhandle(fd), path, sizeof(path), FILE_NAME_NORMALIZED);

	return len > 0 && len < sizeof(path) ? _open(path, _O_RDWR | _O_BINARY | _O_NOINHERIT) : -1;
}

uint64_t system_file_id(int fd)
{
	BY_HANDLE_FILE_INFORMATION info;

	return GetFileInformationByHandle((HANDLE)_get_osfhandle(fd), &info)
		       ? (uint64_t)info.nFileIndexHigh << 32 | info.nFileIndexLow
		       : 0;
}
