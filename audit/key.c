/*
 * Key files. The secret half is made once for an installation and never leaves its file and this
 * process; whoever only verifies needs the public half.
 */
#include "audit/note.h"
#include "audit/segments.h"

#include <mbedtls/platform_util.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY_FILE = 4096 };

static int read_file(const char *path, char *text, size_t size, size_t *ret_len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd >= 0 ? read(fd, text, size) : -1;

	if (fd >= 0) {
		close(fd);
	}
	if (got < 0) {
		return AUDIT_EIO;
	}
	*ret_len = (size_t)got;
	return (size_t)got < size ? AUDIT_OK : AUDIT_EFORMAT;
}

static int write_file(const char *path, int flags, mode_t mode, const char *text)
{
	size_t len = strlen(text);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, mode);
	bool done = fd >= 0 && write(fd, text, len) == (ssize_t)len && fsync(fd) == 0;

	if (fd >= 0) {
		close(fd);
	}
	return done ? AUDIT_OK : AUDIT_EIO;
}

static int make_key(const char *path, struct audit_key *ret_key, struct audit_diag *diag)
{
	char text[AUDIT_KEY_TEXT + 1], public[256];
	int error;

	if (!note_key_make(ret_key)) {
		errno = ENOSYS;
		return audit_say(diag, AUDIT_EIO, path, "the sealing key cannot be made");
	}
	note_secret_text(ret_key, text);
	strcat(text, "\n");
	error = write_file(path, O_EXCL, 0600, text);
	mbedtls_platform_zeroize(text, sizeof(text));
	if (error == AUDIT_OK) {
		note_key_text(&ret_key->public, text);
		strcat(text, "\n");
		error = snprintf(public, sizeof(public), "%s.pub", path) < (int)sizeof(public)
				? write_file(public, O_TRUNC, 0644, text)
				: AUDIT_ETOOLONG;
	}
	return error == AUDIT_OK
		       ? AUDIT_OK
		       : audit_say(diag, error, path, "the sealing key cannot be written");
}

int audit_key_load(const char *path, struct audit_key *ret_key, struct audit_diag *diag)
{
	char text[KEY_FILE];
	size_t len = 0;
	int error = AUDIT_OK;

	/* Of two runs that make it at once one comes late, and reads. */
	if (access(path, F_OK) != 0 && errno == ENOENT) {
		error = make_key(path, ret_key, diag);
		if (error == AUDIT_OK || errno != EEXIST) {
			return error;
		}
	}
	for (int i = 0; i < 50; i++) {
		static const struct timespec moment = {.tv_nsec = 2000000};

		error = read_file(path, text, sizeof(text), &len);
		if (error != AUDIT_OK || (len > 0 && text[len - 1] == '\n')) {
			break;
		}
		nanosleep(&moment, NULL);
	}
	if (error == AUDIT_EIO) {
		return audit_say(diag, error, path, "the sealing key cannot be read");
	}
	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r')) {
		len--;
	}
	error = error == AUDIT_OK && note_secret_read(text, len, ret_key) ? AUDIT_OK
									  : AUDIT_EFORMAT;
	mbedtls_platform_zeroize(text, sizeof(text));
	return error == AUDIT_OK ? error : audit_say(diag, error, path, "this is no sealing key");
}

bool audit_can_seal(void)
{
	return ed25519_works();
}

void audit_key_wipe(struct audit_key *key)
{
	mbedtls_platform_zeroize(key->seed, sizeof(key->seed));
}

int audit_keys_read(const char *path, struct audit_public_key ret_keys[AUDIT_KEYS], size_t *ret_n,
	struct audit_diag *diag)
{
	char text[KEY_FILE];
	size_t len, n = 0;
	int error = read_file(path, text, sizeof(text), &len);

	if (error != AUDIT_OK) {
		return audit_say(diag, error, path, "the public key cannot be read");
	}
	for (size_t at = 0, end; at < len; at = end + 1) {
		for (end = at; end < len && text[end] != '\n'; end++) {
		}
		if (end == at) {
			continue;
		}
		if (n == AUDIT_KEYS || !note_key_read(text + at, end - at, &ret_keys[n++])) {
			n = 0;
			break;
		}
	}
	if (n == 0) {
		return audit_say(diag, AUDIT_EFORMAT, path, "this is no public key for seals");
	}
	*ret_n = n;
	return AUDIT_OK;
}
