/*
 * Windows: the system's random bytes, files whose access list names only their owner and whose text
 * is wrapped for that user, and the roots of the current user's ROOT store. Knows nothing of
 * certificates. Paths are UTF-8.
 */
#include "certs/system.h"

#include <private.h>
#include <secret.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <windows.h>
#include <bcrypt.h>
#include <wincrypt.h>

#include "certs/diag.h"

#define WIDE_MAX 4096
static const char secret_label[] = "Sallyport private file";

int certs_system_random(unsigned char *out, size_t len)
{
	while (len > 0) {
		ULONG n = len < 65536 ? (ULONG)len : 65536;

		if (BCryptGenRandom(NULL, out, n, BCRYPT_USE_SYSTEM_PREFERRED_RNG) != 0) {
			return -1;
		}
		out += n;
		len -= n;
	}
	return 0;
}

long certs_system_process(void)
{
	return (long)GetCurrentProcessId();
}

static int fail_file(struct certs_diag *diag, const char *path, const char *what)
{
	return certs_fail(diag, CERTS_EFILE, CERTS_CHECK_NONE, "%s: %s: Windows error %lu", path,
		what, (unsigned long)GetLastError());
}

static bool to_wide(const char *path, wchar_t wide[WIDE_MAX])
{
	return MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, wide, WIDE_MAX) > 0;
}

static HANDLE create_fresh(const wchar_t *path, bool is_private)
{
	SECURITY_ATTRIBUTES sa = {.nLength = sizeof(sa)};
	HANDLE file;

	if (is_private) {
		sa.lpSecurityDescriptor = private_descriptor();
		if (sa.lpSecurityDescriptor == NULL) {
			return INVALID_HANDLE_VALUE;
		}
	}
	file = CreateFileW(path, GENERIC_WRITE | READ_CONTROL, 0, &sa, CREATE_NEW,
		FILE_ATTRIBUTE_NORMAL, NULL);
	if (sa.lpSecurityDescriptor != NULL) {
		LocalFree(sa.lpSecurityDescriptor);
	}
	return file;
}

static bool write_all(HANDLE file, const char *data, size_t len)
{
	while (len > 0) {
		DWORD n = 0;

		if (!WriteFile(file, data, len < 65536 ? (DWORD)len : 65536, &n, NULL) || n == 0) {
			return false;
		}
		data += n;
		len -= n;
	}
	return FlushFileBuffers(file);
}

int certs_system_write_new(
	const char *path, const char *data, size_t len, bool is_private, struct certs_diag *diag)
{
	char fresh[WIDE_MAX];
	wchar_t wide[WIDE_MAX];
	wchar_t wide_fresh[WIDE_MAX];
	char *wrapped = NULL;
	int err = CERTS_OK;
	HANDLE file;

	if (snprintf(fresh, sizeof(fresh), "%s.%ld", path, certs_system_process()) >=
			(int)sizeof(fresh) ||
		!to_wide(path, wide) || !to_wide(fresh, wide_fresh)) {
		return fail_file(diag, path, "cannot create");
	}
	file = create_fresh(wide_fresh, is_private);
	if (file == INVALID_HANDLE_VALUE) {
		return fail_file(diag, fresh, "cannot create");
	}
	if (is_private) {
		wrapped = secret_wrap(secret_label, data, len);
	}
	if (is_private && wrapped == NULL) {
		err = fail_file(diag, path, "cannot be wrapped by DPAPI");
	} else if (is_private && !private_holds(file)) {
		err = certs_fail(diag, CERTS_EFILE, CERTS_CHECK_NONE,
			"%s: its access list is not the one that was set: is this NTFS?", path);
	} else if (!write_all(
			   file, is_private ? wrapped : data, is_private ? strlen(wrapped) : len)) {
		err = fail_file(diag, fresh, "cannot write");
	}
	free(wrapped);
	CloseHandle(file);
	/* Without MOVEFILE_REPLACE_EXISTING it fails where a file of that name exists. */
	if (err == CERTS_OK && !MoveFileExW(wide_fresh, wide, MOVEFILE_WRITE_THROUGH)) {
		err = fail_file(diag, path, "cannot create");
	}
	if (err != CERTS_OK) {
		DeleteFileW(wide_fresh);
	}
	return err;
}

static int check_file(HANDLE file, const char *path, size_t max, bool is_private, size_t *ret_len,
	struct certs_diag *diag)
{
	BY_HANDLE_FILE_INFORMATION info;
	LARGE_INTEGER size;

	if (GetFileType(file) != FILE_TYPE_DISK || !GetFileInformationByHandle(file, &info) ||
		!GetFileSizeEx(file, &size)) {
		return fail_file(diag, path, "not a regular file");
	}
	if (size.QuadPart < 0 || (ULONGLONG)size.QuadPart > max) {
		return certs_fail(diag, CERTS_EFILE, CERTS_CHECK_NONE, "%s: larger than %lu octets",
			path, (unsigned long)max);
	}
	if (is_private && (info.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0) {
		return certs_fail(diag, CERTS_EFILE, CERTS_CHECK_NONE,
			"%s: a link; a private key must be the file itself", path);
	}
	if (is_private && !private_holds(file)) {
		return certs_fail(diag, CERTS_EFILE, CERTS_CHECK_NONE,
			"%s: its access list lets others in; only its owner may be there", path);
	}
	*ret_len = (size_t)size.QuadPart;
	return CERTS_OK;
}

static bool read_all(HANDLE file, unsigned char *data, size_t len)
{
	while (len > 0) {
		DWORD n = 0;

		if (!ReadFile(file, data, len < 65536 ? (DWORD)len : 65536, &n, NULL) || n == 0) {
			return false;
		}
		data += n;
		len -= n;
	}
	return true;
}

int certs_system_read(const char *path, size_t max, bool is_private, unsigned char **ret_data,
	size_t *ret_len, struct certs_diag *diag)
{
	wchar_t wide[WIDE_MAX];
	unsigned char *data;
	size_t len = 0;
	HANDLE file;
	int err;

	if (!to_wide(path, wide)) {
		return fail_file(diag, path, "cannot open");
	}
	file = CreateFileW(wide, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING,
		is_private ? FILE_FLAG_OPEN_REPARSE_POINT : FILE_ATTRIBUTE_NORMAL, NULL);
	if (file == INVALID_HANDLE_VALUE) {
		return fail_file(diag, path, "cannot open");
	}
	err = check_file(file, path, max, is_private, &len, diag);
	if (err != CERTS_OK) {
		goto out;
	}
	data = malloc(len + 1);
	if (data == NULL) {
		err = CERTS_EMEMORY;
		goto out;
	}
	if (!read_all(file, data, len)) {
		err = fail_file(diag, path, "cannot read");
		free(data);
		goto out;
	}
	data[len] = '\0';
	if (is_private && secret_is_wrapped(data, len)) {
		char *plain = secret_unwrap(secret_label, data, len, &len);

		free(data);
		data = (unsigned char *)plain;
	}
	if (data == NULL) {
		err = certs_fail(diag, CERTS_EFILE, CERTS_CHECK_NONE,
			"%s: it was wrapped by another user, or is damaged", path);
		goto out;
	}
	*ret_data = data;
	*ret_len = len;
out:
	CloseHandle(file);
	return err;
}

/* No bundle, and nothing that waits: see certs_system_bundle(). */
int certs_system_open(const char *path, size_t max, char *ret_head, size_t size, int *ret_fd,
	struct certs_diag *diag)
{
	(void)max;
	(void)ret_head;
	(void)size;
	(void)ret_fd;
	return certs_fail(diag, CERTS_EFILE, CERTS_CHECK_NONE, "%s: no bundle is read here", path);
}

int certs_system_read_opened(int fd, const char *path, size_t max, unsigned char **ret_data,
	size_t *ret_len, struct certs_diag *diag)
{
	(void)fd;
	(void)max;
	(void)ret_data;
	(void)ret_len;
	return certs_fail(diag, CERTS_EFILE, CERTS_CHECK_NONE, "%s: no bundle is read here", path);
}

void certs_system_close(int fd)
{
	(void)fd;
}

void certs_system_remove(const char *path)
{
	wchar_t wide[WIDE_MAX];

	if (to_wide(path, wide)) {
		DeleteFileW(wide);
	}
}

const char *certs_system_bundle(void)
{
	return NULL; /* the roots are in a store, not in a file */
}

int certs_system_each_root(certs_system_take take, void *context, struct certs_diag *diag)
{
	HCERTSTORE store = CertOpenSystemStoreW(0, L"ROOT");
	const CERT_CONTEXT *cert = NULL;
	int err = CERTS_OK;

	if (store == NULL) {
		return fail_file(diag, "ROOT", "cannot open the store");
	}
	while (err == CERTS_OK && (cert = CertEnumCertificatesInStore(store, cert)) != NULL) {
		err = take(context, cert->pbCertEncoded, cert->cbCertEncoded);
	}
	if (cert != NULL) {
		CertFreeCertificateContext(cert);
	}
	CertCloseStore(store, 0);
	return err;
}

/* Memory is there as soon as it is given. */
void certs_system_populate(void *memory, size_t len)
{
	(void)memory;
	(void)len;
}
