/*
 * Files, folders, junctions and the journal. A link in the last place is opened itself, never what
 * it leads to.
 */
#include "jailer/windows/os_system.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <private.h>
#include <winioctl.h>

static uint32_t open_itself(const char *path, DWORD access, HANDLE *ret_file)
{
	wchar_t wide[OS_WIDE];
	HANDLE file = INVALID_HANDLE_VALUE;

	if (!os_wide_path(path, wide)) {
		return os_last_error();
	}
	file = CreateFileW(wide, access, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
		NULL, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT,
		NULL);
	if (file == INVALID_HANDLE_VALUE) {
		return os_last_error();
	}
	*ret_file = file;
	return OS_OK;
}

static bool is_absent(uint32_t error)
{
	return error == OS_EFILE || error == OS_EPATH;
}

/* ---- looking ---- */

/* Every link followed: where Windows says that it lies. */
static uint32_t find_real(const char *path, char ret_real[WINPATH_MAX])
{
	wchar_t wide[OS_WIDE], real[OS_WIDE];
	char text[WINPATH_MAX];
	uint32_t error = OS_OK;
	HANDLE file = INVALID_HANDLE_VALUE;
	DWORD len;

	if (!os_wide_path(path, wide)) {
		return os_last_error();
	}
	file = CreateFileW(wide, FILE_READ_ATTRIBUTES,
		FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL, OPEN_EXISTING,
		FILE_FLAG_BACKUP_SEMANTICS, NULL);
	if (file == INVALID_HANDLE_VALUE) {
		return os_last_error();
	}
	len = GetFinalPathNameByHandleW(
		file, real, OS_WIDE, FILE_NAME_NORMALIZED | VOLUME_NAME_DOS);
	if (len == 0 || len >= OS_WIDE || !os_narrow(real, text, sizeof(text))) {
		error = os_last_error();
	} else if (winpath_canonical(text, ret_real) != WINPATH_OK) {
		/* Another machine, a volume without a letter: no local path at all. */
		snprintf(ret_real, WINPATH_MAX, "%s", text);
	}
	CloseHandle(file);
	return error;
}

uint32_t os_identity_of(HANDLE file, struct os_identity *ret_identity)
{
	FILE_ID_INFO info;

	_Static_assert(sizeof(info.VolumeSerialNumber) + sizeof(info.FileId) ==
			       sizeof(ret_identity->bytes),
		"an identity is a volume and a number of it");
	if (!GetFileInformationByHandleEx(file, FileIdInfo, &info, sizeof(info))) {
		return os_last_error();
	}
	memcpy(ret_identity->bytes, &info.VolumeSerialNumber, sizeof(info.VolumeSerialNumber));
	memcpy(ret_identity->bytes + sizeof(info.VolumeSerialNumber), &info.FileId,
		sizeof(info.FileId));
	return OS_OK;
}

static bool may_grant(const char *path)
{
	HANDLE file = INVALID_HANDLE_VALUE;

	if (open_itself(path, WRITE_DAC, &file) != OS_OK) {
		return false;
	}
	CloseHandle(file);
	return true;
}

uint32_t os_file_look(const char *path, struct os_file *ret_file)
{
	BY_HANDLE_FILE_INFORMATION info;
	struct os_file found = {.exists = true};
	HANDLE file = INVALID_HANDLE_VALUE;
	uint32_t error = open_itself(path, FILE_READ_ATTRIBUTES, &file);

	if (is_absent(error)) {
		memset(ret_file, 0, sizeof(*ret_file));
		snprintf(ret_file->real, sizeof(ret_file->real), "%s", path);
		return OS_OK;
	}
	if (error != OS_OK) {
		return error;
	}
	error = GetFileInformationByHandle(file, &info) ? os_identity_of(file, &found.identity)
							: os_last_error();
	CloseHandle(file);
	if (error != OS_OK) {
		return error;
	}
	found.is_folder = (info.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
	found.is_reparse = (info.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0;
	found.may_grant = may_grant(path);
	error = find_real(path, found.real);
	/* A link to nowhere is still a link. */
	if (error != OS_OK && !found.is_reparse) {
		return error;
	}
	*ret_file = found;
	return OS_OK;
}

uint32_t os_folder_list(const char *path, void (*each)(void *, const char *), void *arg)
{
	wchar_t pattern[OS_WIDE];
	WIN32_FIND_DATAW found;
	char name[MAX_PATH * 4];
	uint32_t error;
	HANDLE list;

	if (!os_wide_path(path, pattern) || wcslen(pattern) + 3 > OS_WIDE) {
		return os_last_error();
	}
	wcscat(pattern, L"\\*");
	list = FindFirstFileW(pattern, &found);
	if (list == INVALID_HANDLE_VALUE) {
		return os_last_error();
	}
	do {
		if (wcscmp(found.cFileName, L".") != 0 && wcscmp(found.cFileName, L"..") != 0 &&
			os_narrow(found.cFileName, name, sizeof(name))) {
			each(arg, name);
		}
	} while (FindNextFileW(list, &found));
	/* A list that broke off is not one that ended. */
	error = GetLastError() == ERROR_NO_MORE_FILES ? OS_OK : os_last_error();
	FindClose(list);
	return error;
}

/* ---- making ---- */

uint32_t os_folder_make(const char *path, enum os_folder whose)
{
	SECURITY_ATTRIBUTES security = {.nLength = sizeof(security)};
	wchar_t wide[OS_WIDE];
	uint32_t error = OS_OK;

	if (whose == OS_FOLDER_PRIVATE) {
		security.lpSecurityDescriptor = private_descriptor();
	}
	if ((whose == OS_FOLDER_PRIVATE && security.lpSecurityDescriptor == NULL) ||
		!os_wide_path(path, wide)) {
		error = os_last_error();
		LocalFree(security.lpSecurityDescriptor);
		return error;
	}
	/* Without a list of its own it gets what the folder above passes on. */
	if (!CreateDirectoryW(wide, security.lpSecurityDescriptor != NULL ? &security : NULL)) {
		error = os_last_error();
	}
	LocalFree(security.lpSecurityDescriptor);
	return error;
}

static uint32_t write_all(HANDLE file, const char *data, size_t len)
{
	while (len > 0) {
		DWORD n = 0;

		if (!WriteFile(file, data, len < 65536 ? (DWORD)len : 65536, &n, NULL) || n == 0) {
			return os_last_error();
		}
		data += n;
		len -= n;
	}
	return FlushFileBuffers(file) ? OS_OK : os_last_error();
}

uint32_t os_file_write(const char *path, const void *data, size_t len)
{
	wchar_t wide[OS_WIDE];
	HANDLE file = INVALID_HANDLE_VALUE;
	uint32_t error;

	if (!os_wide_path(path, wide)) {
		return os_last_error();
	}
	file = CreateFileW(wide, GENERIC_WRITE, 0, NULL, CREATE_NEW, FILE_ATTRIBUTE_NORMAL, NULL);
	if (file == INVALID_HANDLE_VALUE) {
		return os_last_error();
	}
	error = write_all(file, data, len);
	CloseHandle(file);
	return error;
}

uint32_t os_file_copy(const char *from, const char *to)
{
	wchar_t source[OS_WIDE], target[OS_WIDE];

	return os_wide_path(from, source) && os_wide_path(to, target) &&
			       CopyFileW(source, target, TRUE)
		       ? OS_OK
		       : os_last_error();
}

/* ---- removing ---- */

static uint32_t absent_is_fine(BOOL done)
{
	uint32_t error = done ? OS_OK : os_last_error();

	return is_absent(error) ? OS_OK : error;
}

uint32_t os_folder_remove(const char *path)
{
	wchar_t wide[OS_WIDE];

	return os_wide_path(path, wide) ? absent_is_fine(RemoveDirectoryW(wide)) : os_last_error();
}

uint32_t os_file_remove(const char *path)
{
	wchar_t wide[OS_WIDE];

	return os_wide_path(path, wide) ? absent_is_fine(DeleteFileW(wide)) : os_last_error();
}

static uint32_t remove_below(wchar_t path[OS_WIDE], unsigned depth);

/* A link goes itself; what it leads to stays. */
static uint32_t remove_entry(wchar_t path[OS_WIDE], DWORD attributes, unsigned depth)
{
	if ((attributes & FILE_ATTRIBUTE_READONLY) != 0) {
		SetFileAttributesW(path, attributes & ~(DWORD)FILE_ATTRIBUTE_READONLY);
	}
	if ((attributes & FILE_ATTRIBUTE_DIRECTORY) == 0) {
		return absent_is_fine(DeleteFileW(path));
	}
	if ((attributes & FILE_ATTRIBUTE_REPARSE_POINT) == 0) {
		uint32_t error = remove_below(path, depth + 1);

		if (error != OS_OK) {
			return error;
		}
	}
	return absent_is_fine(RemoveDirectoryW(path));
}

static uint32_t remove_below(wchar_t path[OS_WIDE], unsigned depth)
{
	size_t len = wcslen(path);
	WIN32_FIND_DATAW found;
	uint32_t error = OS_OK;
	HANDLE list;

	if (len + 3 > OS_WIDE || depth > 512) {
		return ERROR_FILENAME_EXCED_RANGE;
	}
	wcscpy(path + len, L"\\*");
	list = FindFirstFileW(path, &found);
	path[len] = L'\0';
	if (list == INVALID_HANDLE_VALUE) {
		error = os_last_error();
		return is_absent(error) ? OS_OK : error;
	}
	do {
		if (wcscmp(found.cFileName, L".") == 0 || wcscmp(found.cFileName, L"..") == 0) {
			continue;
		}
		if (len + wcslen(found.cFileName) + 2 > OS_WIDE) {
			error = ERROR_FILENAME_EXCED_RANGE;
			break;
		}
		path[len] = L'\\';
		wcscpy(path + len + 1, found.cFileName);
		error = remove_entry(path, found.dwFileAttributes, depth);
		path[len] = L'\0';
	} while (error == OS_OK && FindNextFileW(list, &found));
	FindClose(list);
	return error;
}

uint32_t os_tree_remove(const char *path)
{
	wchar_t wide[OS_WIDE];
	DWORD attributes;

	if (!os_wide_path(path, wide)) {
		return os_last_error();
	}
	attributes = GetFileAttributesW(wide);
	if (attributes == INVALID_FILE_ATTRIBUTES) {
		return absent_is_fine(FALSE);
	}
	return remove_entry(wide, attributes, 0);
}

/* ---- journal ---- */

uint32_t os_journal_open(const char *path, uintptr_t *ret_journal)
{
	wchar_t wide[OS_WIDE];
	HANDLE file = INVALID_HANDLE_VALUE;

	if (!os_wide_path(path, wide)) {
		return os_last_error();
	}
	/* Shared for reading only: a second opener learns that the first lives. */
	file = CreateFileW(wide, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ, NULL, OPEN_ALWAYS,
		FILE_ATTRIBUTE_NORMAL | FILE_FLAG_WRITE_THROUGH | FILE_FLAG_OPEN_REPARSE_POINT,
		NULL);
	if (file == INVALID_HANDLE_VALUE) {
		return os_last_error();
	}
	*ret_journal = (uintptr_t)file;
	return OS_OK;
}

uint32_t os_journal_append(uintptr_t journal, const char *line)
{
	LARGE_INTEGER zero = {.QuadPart = 0};

	if (!SetFilePointerEx((HANDLE)journal, zero, NULL, FILE_END)) {
		return os_last_error();
	}
	return write_all((HANDLE)journal, line, strlen(line));
}

uint32_t os_journal_read(uintptr_t journal, char **ret_text)
{
	LARGE_INTEGER zero = {.QuadPart = 0}, size;
	char *text;
	DWORD got = 0;

	if (!GetFileSizeEx((HANDLE)journal, &size) || size.QuadPart > 64 * 1024 * 1024 ||
		!SetFilePointerEx((HANDLE)journal, zero, NULL, FILE_BEGIN)) {
		return os_last_error();
	}
	text = malloc((size_t)size.QuadPart + 1);
	if (text == NULL) {
		return OS_EMEMORY;
	}
	if (!ReadFile((HANDLE)journal, text, (DWORD)size.QuadPart, &got, NULL) ||
		got != (DWORD)size.QuadPart) {
		free(text);
		return os_last_error();
	}
	text[got] = '\0';
	*ret_text = text;
	return OS_OK;
}

void os_journal_close(uintptr_t journal)
{
	CloseHandle((HANDLE)journal);
}

/* ---- junctions ---- */

/* The mount point buffer of REPARSE_DATA_BUFFER, whose header is not in every SDK. */
struct mount_point {
	DWORD tag;
	WORD length, reserved;
	WORD name_offset, name_length, print_offset, print_length;
	wchar_t names[2 * OS_WIDE];
};
enum { MOUNT_POINT_HEAD = 8, MOUNT_POINT_FIXED = 8 };

uint32_t os_junction_make(const char *path, const char *target)
{
	static const wchar_t prefix[] = L"\\??\\";
	struct mount_point *m = calloc(1, sizeof(*m));
	wchar_t wide[OS_WIDE], print[OS_WIDE];
	HANDLE file = INVALID_HANDLE_VALUE;
	DWORD len;
	uint32_t error = OS_OK;

	if (m == NULL) {
		return OS_EMEMORY;
	}
	if (!os_wide_path(path, wide) || !os_wide(target, print, OS_WIDE)) {
		error = os_last_error();
		free(m);
		return error;
	}
	swprintf(m->names, OS_WIDE, L"%ls%ls", prefix, print);
	m->tag = IO_REPARSE_TAG_MOUNT_POINT;
	m->name_length = (WORD)(wcslen(m->names) * sizeof(wchar_t));
	m->print_offset = (WORD)(m->name_length + sizeof(wchar_t));
	m->print_length = (WORD)(wcslen(print) * sizeof(wchar_t));
	wcscpy(m->names + m->print_offset / sizeof(wchar_t), print);
	m->length = (WORD)(MOUNT_POINT_FIXED + m->print_offset + m->print_length + sizeof(wchar_t));
	if (!CreateDirectoryW(wide, NULL)) {
		error = os_last_error();
		free(m);
		return error;
	}
	error = open_itself(path, GENERIC_WRITE, &file);
	if (error == OS_OK) {
		if (!DeviceIoControl(file, FSCTL_SET_REPARSE_POINT, m,
			    (DWORD)m->length + MOUNT_POINT_HEAD, NULL, 0, &len, NULL)) {
			error = os_last_error();
		}
		CloseHandle(file);
	}
	if (error != OS_OK) {
		RemoveDirectoryW(wide);
	}
	free(m);
	return error;
}

uint32_t os_junction_read(const char *path, char ret_target[WINPATH_MAX])
{
	struct mount_point *m = calloc(1, sizeof(*m));
	char text[WINPATH_MAX];
	wchar_t *name;
	HANDLE file = INVALID_HANDLE_VALUE;
	DWORD len = 0;
	uint32_t error;

	if (m == NULL) {
		return OS_EMEMORY;
	}
	error = open_itself(path, FILE_READ_ATTRIBUTES, &file);
	if (error == OS_OK) {
		if (!DeviceIoControl(
			    file, FSCTL_GET_REPARSE_POINT, NULL, 0, m, sizeof(*m), &len, NULL)) {
			error = os_last_error();
		}
		CloseHandle(file);
	}
	if (error == OS_OK && (m->tag != IO_REPARSE_TAG_MOUNT_POINT ||
				      len < MOUNT_POINT_HEAD + MOUNT_POINT_FIXED ||
				      m->name_offset + m->name_length >
					      len - MOUNT_POINT_HEAD - MOUNT_POINT_FIXED)) {
		error = ERROR_INVALID_REPARSE_DATA;
	}
	if (error == OS_OK) {
		name = m->names + m->name_offset / sizeof(wchar_t);
		name[m->name_length / sizeof(wchar_t)] = L'\0';
		if (wcsncmp(name, L"\\??\\", 4) != 0 || !os_narrow(name + 4, text, sizeof(text)) ||
			winpath_canonical(text, ret_target) != WINPATH_OK) {
			error = ERROR_INVALID_REPARSE_DATA;
		}
	}
	free(m);
	return error;
}
