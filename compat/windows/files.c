/*
 * POSIX files over Windows' own calls: folders as descriptors, no link followed where none is
 * wanted, locks, flushes. Paths are UTF-8. Knows nothing of what is written.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <limits.h>
#include <private.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <windows.h>
#include <io.h>

enum { PATH_WIDE = 4096 };

static int set_errno(DWORD error)
{
	switch (error) {
	case ERROR_FILE_NOT_FOUND:
	case ERROR_PATH_NOT_FOUND:
	case ERROR_INVALID_NAME: errno = ENOENT; break;
	case ERROR_ACCESS_DENIED:
	case ERROR_SHARING_VIOLATION: errno = EACCES; break;
	case ERROR_FILE_EXISTS:
	case ERROR_ALREADY_EXISTS: errno = EEXIST; break;
	case ERROR_LOCK_VIOLATION:
	case ERROR_IO_PENDING: errno = EWOULDBLOCK; break;
	case ERROR_DISK_FULL:
	case ERROR_HANDLE_DISK_FULL: errno = ENOSPC; break;
	case ERROR_NOT_ENOUGH_MEMORY: errno = ENOMEM; break;
	case ERROR_INVALID_HANDLE: errno = EBADF; break;
	case ERROR_DIRECTORY: errno = ENOTDIR; break;
	case ERROR_TOO_MANY_OPEN_FILES: errno = EMFILE; break;
	default: errno = EIO; break;
	}
	return -1;
}

static HANDLE handle_of(int fd)
{
	return (HANDLE)_get_osfhandle(fd);
}

static bool to_wide(const char *path, wchar_t wide[PATH_WIDE])
{
	if (MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, wide, PATH_WIDE) > 0) {
		return true;
	}
	errno = EINVAL;
	return false;
}

/* ---- open ---- */

static bool is_as_wanted(HANDLE file, int flags)
{
	BY_HANDLE_FILE_INFORMATION info;

	if (!GetFileInformationByHandle(file, &info)) {
		set_errno(GetLastError());
		return false;
	}
	if ((flags & O_NOFOLLOW) != 0 &&
		(info.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0) {
		errno = ELOOP;
		return false;
	}
	if ((flags & O_DIRECTORY) != 0 && (info.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) == 0) {
		errno = ENOTDIR;
		return false;
	}
	return true;
}

static DWORD access_of(int flags)
{
	switch (flags & (O_RDONLY | O_WRONLY | O_RDWR)) {
	case O_WRONLY: return GENERIC_WRITE | FILE_READ_ATTRIBUTES;
	case O_RDWR: return GENERIC_READ | GENERIC_WRITE;
	default: return GENERIC_READ;
	}
}

static DWORD disposition_of(int flags)
{
	if ((flags & O_CREAT) != 0) {
		return (flags & O_EXCL) != 0    ? CREATE_NEW
		       : (flags & O_TRUNC) != 0 ? CREATE_ALWAYS
						: OPEN_ALWAYS;
	}
	return (flags & O_TRUNC) != 0 ? TRUNCATE_EXISTING : OPEN_EXISTING;
}

/* A mode that keeps others out becomes an access list that does, where a file is made; one that was
 * there already with another list, or a file system without any, does not serve. */
static int open_wide(const wchar_t *path, int flags, int mode)
{
	SECURITY_ATTRIBUTES security = {.nLength = sizeof(security)};
	const bool is_private = (flags & O_CREAT) != 0 && (mode & 077) == 0;
	DWORD attributes = FILE_ATTRIBUTE_NORMAL;
	HANDLE file;
	int fd;

	if ((flags & O_DIRECTORY) != 0) {
		attributes |= FILE_FLAG_BACKUP_SEMANTICS;
	}
	if ((flags & O_NOFOLLOW) != 0) {
		attributes |= FILE_FLAG_OPEN_REPARSE_POINT;
	}
	if (is_private) {
		security.lpSecurityDescriptor = private_descriptor();
		if (security.lpSecurityDescriptor == NULL) {
			return set_errno(GetLastError());
		}
	}
	file = CreateFileW(path, access_of(flags),
		FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, &security,
		disposition_of(flags), attributes, NULL);
	if (security.lpSecurityDescriptor != NULL) {
		DWORD error = GetLastError();

		LocalFree(security.lpSecurityDescriptor);
		SetLastError(error);
	}
	if (file == INVALID_HANDLE_VALUE) {
		return set_errno(GetLastError());
	}
	if (!is_as_wanted(file, flags)) {
		CloseHandle(file);
		return -1;
	}
	if (is_private && !private_holds(file)) {
		CloseHandle(file);
		errno = EPERM;
		return -1;
	}
	fd = _open_osfhandle((intptr_t)file,
		(flags & (O_APPEND | O_RDONLY | O_WRONLY | O_RDWR)) | O_BINARY | O_NOINHERIT);
	if (fd < 0) {
		CloseHandle(file);
	}
	return fd;
}

static int mode_in(int flags, va_list args)
{
	return (flags & O_CREAT) != 0 ? va_arg(args, int) : 0;
}

int compat_open(const char *path, int flags, ...)
{
	wchar_t wide[PATH_WIDE];
	va_list args;
	int mode;

	va_start(args, flags);
	mode = mode_in(flags, args);
	va_end(args);
	return to_wide(path, wide) ? open_wide(wide, flags, mode) : -1;
}

/* "\\?\C:\folder\name": one name below an open folder. */
static bool below(int dir, const char *name, wchar_t path[PATH_WIDE])
{
	wchar_t wide[PATH_WIDE];
	DWORD len;

	if (strpbrk(name, "/\\:") != NULL) {
		errno = EINVAL;
		return false;
	}
	if (!to_wide(name, wide)) {
		return false;
	}
	len = GetFinalPathNameByHandleW(
		handle_of(dir), path, PATH_WIDE, FILE_NAME_NORMALIZED | VOLUME_NAME_DOS);
	if (len == 0 || len + wcslen(wide) + 2 > PATH_WIDE) {
		set_errno(GetLastError());
		return false;
	}
	if (wcscmp(wide, L".") != 0) {
		path[len] = L'\\';
		wcscpy(path + len + 1, wide);
	}
	return true;
}

int compat_openat(int dir, const char *name, int flags, ...)
{
	wchar_t path[PATH_WIDE];
	va_list args;
	int mode;

	va_start(args, flags);
	mode = mode_in(flags, args);
	va_end(args);
	return below(dir, name, path) ? open_wide(path, flags, mode) : -1;
}

int faccessat(int dir, const char *name, int mode, int flags)
{
	wchar_t path[PATH_WIDE];

	(void)mode;
	(void)flags;
	if (!below(dir, name, path)) {
		return -1;
	}
	return GetFileAttributesW(path) != INVALID_FILE_ATTRIBUTES ? 0 : set_errno(GetLastError());
}

int unlinkat(int dir, const char *name, int flags)
{
	wchar_t path[PATH_WIDE];

	(void)flags; /* files alone */
	if (!below(dir, name, path)) {
		return -1;
	}
	return DeleteFileW(path) ? 0 : set_errno(GetLastError());
}

DIR *fdopendir(int dir)
{
	wchar_t wide[PATH_WIDE];
	char path[PATH_WIDE * 3];
	const char *plain = path;
	DIR *list;

	if (!below(dir, ".", wide) ||
		WideCharToMultiByte(CP_UTF8, 0, wide, -1, path, sizeof(path), NULL, NULL) <= 0) {
		return NULL;
	}
	if (strncmp(path, "\\\\?\\", 4) == 0) {
		plain = path + 4; /* opendir() adds a pattern of its own behind it */
	}
	list = opendir(plain);
	if (list != NULL) {
		close(dir);
	}
	return list;
}

/* ---- the rest ---- */

char *realpath(const char *path, char *ret_path)
{
	static const wchar_t local[] = L"\\\\?\\";
	wchar_t wide[PATH_WIDE], real[PATH_WIDE];
	HANDLE file;
	DWORD len;

	if (!to_wide(path, wide)) {
		return NULL;
	}
	file = CreateFileW(wide, FILE_READ_ATTRIBUTES,
		FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL, OPEN_EXISTING,
		FILE_FLAG_BACKUP_SEMANTICS, NULL);
	if (file == INVALID_HANDLE_VALUE) {
		set_errno(GetLastError());
		return NULL;
	}
	len = GetFinalPathNameByHandleW(
		file, real, PATH_WIDE, FILE_NAME_NORMALIZED | VOLUME_NAME_DOS);
	CloseHandle(file);
	if (len == 0 || len >= PATH_WIDE || wcsncmp(real, local, 4) != 0 || real[5] != L':') {
		errno = ENOENT; /* of another machine, or a volume without a letter */
		return NULL;
	}
	for (wchar_t *at = real; *at != L'\0'; at++) {
		*at = *at == L'\\' ? L'/' : *at;
	}
	if (WideCharToMultiByte(CP_UTF8, WC_ERR_INVALID_CHARS, real + 4, -1, ret_path, PATH_MAX,
		    NULL, NULL) <= 0) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	return ret_path;
}

int fdatasync(int fd)
{
	return fsync(fd);
}

int futimens(int fd, const struct timespec times[2])
{
	FILETIME now;

	(void)times;
	GetSystemTimeAsFileTime(&now);
	return SetFileTime(handle_of(fd), NULL, &now, &now) ? 0 : set_errno(GetLastError());
}

int compat_fstat(int fd, struct stat *ret_stat)
{
	if (_fstat64(fd, ret_stat) != 0) {
		return -1;
	}
	ret_stat->st_mode |= 077;
	if (private_holds(handle_of(fd))) {
		ret_stat->st_mode &= (unsigned short)~077;
	}
	return 0;
}

int fsync(int fd)
{
	BY_HANDLE_FILE_INFORMATION info;

	if (GetFileInformationByHandle(handle_of(fd), &info) &&
		(info.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0) {
		return 0;
	}
	return FlushFileBuffers(handle_of(fd)) ? 0 : set_errno(GetLastError());
}

ssize_t pread(int fd, void *buf, size_t size, off_t offset)
{
	OVERLAPPED at = {.Offset = (DWORD)offset, .OffsetHigh = (DWORD)((uint64_t)offset >> 32)};
	DWORD got = 0;

	if (!ReadFile(
		    handle_of(fd), buf, size < 0x40000000 ? (DWORD)size : 0x40000000, &got, &at) &&
		GetLastError() != ERROR_HANDLE_EOF) {
		return set_errno(GetLastError());
	}
	return (ssize_t)got;
}

ssize_t pwrite(int fd, const void *buf, size_t size, off_t offset)
{
	OVERLAPPED at = {.Offset = (DWORD)offset, .OffsetHigh = (DWORD)((uint64_t)offset >> 32)};
	DWORD put = 0;

	if (!WriteFile(
		    handle_of(fd), buf, size < 0x40000000 ? (DWORD)size : 0x40000000, &put, &at)) {
		return set_errno(GetLastError());
	}
	return (ssize_t)put;
}

int flock(int fd, int operation)
{
	OVERLAPPED at = {.Offset = 0xfffffff0, .OffsetHigh = 0x7fffffff};
	DWORD flags = ((operation & LOCK_EX) != 0 ? LOCKFILE_EXCLUSIVE_LOCK : 0) |
		      ((operation & LOCK_NB) != 0 ? LOCKFILE_FAIL_IMMEDIATELY : 0);

	if ((operation & LOCK_UN) != 0) {
		return UnlockFileEx(handle_of(fd), 0, 1, 0, &at) ? 0 : set_errno(GetLastError());
	}
	return LockFileEx(handle_of(fd), flags, 0, 1, 0, &at) ? 0 : set_errno(GetLastError());
}

int compat_mkdir(const char *path, int mode)
{
	SECURITY_ATTRIBUTES security = {.nLength = sizeof(security)};
	wchar_t wide[PATH_WIDE];
	BOOL made;
	DWORD error;

	if (!to_wide(path, wide)) {
		return -1;
	}
	if ((mode & 077) == 0) {
		security.lpSecurityDescriptor = private_descriptor();
		if (security.lpSecurityDescriptor == NULL) {
			return set_errno(GetLastError());
		}
	}
	made = CreateDirectoryW(wide, &security);
	error = GetLastError();
	if (security.lpSecurityDescriptor != NULL) {
		LocalFree(security.lpSecurityDescriptor);
	}
	/* A drive's root and its like: there, whatever the refusal says. */
	if (!made && error == ERROR_ACCESS_DENIED &&
		GetFileAttributesW(wide) != INVALID_FILE_ATTRIBUTES) {
		error = ERROR_ALREADY_EXISTS;
	}
	return made ? 0 : set_errno(error);
}
