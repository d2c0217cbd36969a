/*
 * A folder on Windows. Links of every kind are refused: their content cannot be vouched for. A copy
 * is kept from being changed by its access list, which the jailer writes.
 */
#include "cli/files/tree_system.h"
#include "cli/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <windows.h>

enum { WIDE = 4200, DEPTH_MAX = 512 };

/* "\\?\C:\x", for paths of any length; `path` has "/" between names. */
static bool to_native(const char *path, wchar_t wide[WIDE])
{
	wcscpy(wide, L"\\\\?\\");
	if (MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, wide + 4, WIDE - 4) <= 0) {
		return false;
	}
	for (wchar_t *at = wide; *at != L'\0'; at++) {
		*at = *at == L'/' ? L'\\' : *at;
	}
	return true;
}

/* ---- listing ---- */

static int walk_folder(
	struct tree *t, const char *folder, struct text *ret_problem, unsigned depth);

static int take(struct tree *t, const char *folder, const WIN32_FIND_DATAW *found,
	struct text *ret_problem, unsigned depth)
{
	char name[MAX_PATH * 4], path[PATH_MAX];
	const char *below;

	if (WideCharToMultiByte(CP_UTF8, WC_ERR_INVALID_CHARS, found->cFileName, -1, name,
		    sizeof(name), NULL, NULL) <= 0 ||
		snprintf(path, sizeof(path), "%s/%s", folder, name) >= PATH_MAX) {
		return tree_refuse(
			ret_problem, folder, "a name in it cannot be told, or is too long");
	}
	below = path + strlen(t->root) + 1;
	if ((found->dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0) {
		return tree_refuse(ret_problem, path, "a link: its content cannot be vouched for");
	}
	if ((found->dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0) {
		list_add(&t->folders, below);
		return walk_folder(t, path, ret_problem, depth + 1);
	}
	tree_found(t, below, ((uint64_t)found->nFileSizeHigh << 32) | found->nFileSizeLow);
	return 0;
}

static int walk_folder(struct tree *t, const char *folder, struct text *ret_problem, unsigned depth)
{
	wchar_t pattern[WIDE];
	WIN32_FIND_DATAW found;
	HANDLE list = INVALID_HANDLE_VALUE;
	int status = 0;

	if (depth < DEPTH_MAX && to_native(folder, pattern) && wcslen(pattern) + 3 < WIDE) {
		wcscat(pattern, L"\\*");
		list = FindFirstFileW(pattern, &found);
	}
	if (list == INVALID_HANDLE_VALUE) {
		return tree_refuse(ret_problem, folder, "cannot be looked into");
	}
	do {
		if (wcscmp(found.cFileName, L".") != 0 && wcscmp(found.cFileName, L"..") != 0) {
			status = take(t, folder, &found, ret_problem, depth);
		}
	} while (status == 0 && FindNextFileW(list, &found));
	if (status == 0 && GetLastError() != ERROR_NO_MORE_FILES) {
		status = tree_refuse(ret_problem, folder, "cannot be looked into");
	}
	FindClose(list);
	return status;
}

int tree_walk(struct tree *t, const char *root, struct text *ret_problem)
{
	WIN32_FILE_ATTRIBUTE_DATA data;
	wchar_t wide[WIDE];
	char real[PATH_MAX];

	if (realpath(root, real) == NULL || (t->root = strdup(real)) == NULL) {
		return tree_refuse(ret_problem, root, strerror(errno));
	}
	if (!to_native(real, wide) || !GetFileAttributesExW(wide, GetFileExInfoStandard, &data)) {
		return tree_refuse(ret_problem, root, "cannot be looked at");
	}
	if ((data.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) == 0) {
		tree_found(t, "", ((uint64_t)data.nFileSizeHigh << 32) | data.nFileSizeLow);
		return 0;
	}
	return walk_folder(t, real, ret_problem, 0);
}

/* ---- reading ---- */

/* Nothing that became a link meanwhile. */
int tree_open(const char *path)
{
	return open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

bool tree_clone(int to, int from)
{
	(void)to;
	(void)from;
	return false;
}

int tree_settle(int to, int from)
{
	(void)to;
	(void)from;
	return 0;
}

int tree_close_folder(const char *path)
{
	(void)path;
	return 0;
}

unsigned tree_cores(void)
{
	SYSTEM_INFO info;

	GetSystemInfo(&info);
	return info.dwNumberOfProcessors > 0 ? (unsigned)info.dwNumberOfProcessors : 1;
}

/* ---- types ---- */

const char tree_types_absent[] =
	"Windows has nothing that tells types of content apart: name globs instead";

struct tree_types *tree_types_open(void)
{
	return NULL;
}

void tree_types_close(struct tree_types *types)
{
	(void)types;
}

void tree_types_find(struct tree_types *types, struct tree_file *f, const char *data, size_t len)
{
	(void)types;
	(void)data;
	(void)len;
	snprintf(f->type, sizeof(f->type), "unknown/unknown");
}

/* ---- removing ---- */

/* A link goes itself; what it leads to stays. */
static void remove_wide(wchar_t path[WIDE], unsigned depth)
{
	DWORD attributes = GetFileAttributesW(path);
	size_t len = wcslen(path);
	WIN32_FIND_DATAW found;
	HANDLE list;

	if (attributes == INVALID_FILE_ATTRIBUTES) {
		return;
	}
	if ((attributes & FILE_ATTRIBUTE_DIRECTORY) == 0) {
		(void)SetFileAttributesW(path, FILE_ATTRIBUTE_NORMAL);
		(void)DeleteFileW(path);
		return;
	}
	if ((attributes & FILE_ATTRIBUTE_REPARSE_POINT) == 0 && depth < DEPTH_MAX &&
		len + MAX_PATH + 2 < WIDE) {
		wcscpy(path + len, L"\\*");
		list = FindFirstFileW(path, &found);
		while (list != INVALID_HANDLE_VALUE) {
			if (wcscmp(found.cFileName, L".") != 0 &&
				wcscmp(found.cFileName, L"..") != 0) {
				wcscpy(path + len + 1, found.cFileName);
				remove_wide(path, depth + 1);
			}
			if (!FindNextFileW(list, &found)) {
				FindClose(list);
				list = INVALID_HANDLE_VALUE;
			}
		}
		path[len] = L'\0';
	}
	(void)RemoveDirectoryW(path);
}

void tree_remove(const char *folder)
{
	wchar_t path[WIDE];
	char real[PATH_MAX];

	if (realpath(folder, real) != NULL && to_native(real, path)) {
		remove_wide(path, 0);
	}
}
