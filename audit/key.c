/*
 * Key files. The secret half is made once for an installation and never leaves its file and this
 * process; whoever only verifies needs the public half.
 */
#include "audit/key_text.h"
#include "audit/note.h"
#include "audit/segments.h"

#include <mbedtls/platform_util.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY_FILE = 4096 };

static int read_file(
	const char *path, char *text, size_t size, size_t *ret_len, bool *ret_is_private)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd >= 0 ? read(fd, text, size) : -1;
	struct stat st;

	*ret_is_private = fd >= 0 && fstat(fd, &st) == 0 && (st.st_mode & 077) == 0;
	if (fd >= 0) {
		close(fd);
	}
	if (got < 0) {
		return AUDIT_EIO;
	}
	*ret_len = (size_t)got;
	return (size_t)got < size ? AUDIT_OK : AUDIT_EFORMAT;
}

static bool write_text(int fd, const char *text, size_t len)
{
	return write(fd, text, len) == (ssize_t)len && fsync(fd) == 0;
}

int audit_key_file_make(const char *path, const char *text, size_t len)
{
	char fresh[PATH_MAX];
	bool done = false;
	int fd;

	if (snprintf(fresh, sizeof(fresh), "%s.new", path) >= (int)sizeof(fresh)) {
		return AUDIT_ETOOLONG;
	}
	fd = open(fresh, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		return AUDIT_EIO;
	}
	if (flock(fd, LOCK_EX) == 0) {
		if (access(path, F_OK) == 0) {
			done = true;
			(void)unlink(fresh);
		} else { /* on failure it stays: another may hold it open, to try next */
			done = ftruncate(fd, 0) == 0 && write_text(fd, text, len) &&
			       rename(fresh, path) == 0;
		}
	}
	close(fd);
	return done ? AUDIT_OK : AUDIT_EIO;
}

static int make_key(const char *path, struct audit_diag *diag)
{
	struct audit_key key;
	char text[KEY_FILE];
	int error;

	if (!note_key_make(&key)) {
		errno = ENOSYS;
		return audit_say(diag, AUDIT_EIO, path, "the sealing key cannot be made");
	}
	note_secret_text(&key, text);
	strcat(text, "\n");
	error = key_text_wrap(text, sizeof(text)) ? audit_key_file_make(path, text, strlen(text))
						  : AUDIT_EIO;
	mbedtls_platform_zeroize(text, sizeof(text));
	audit_key_wipe(&key);
	return error == AUDIT_OK
		       ? AUDIT_OK
		       : audit_say(diag, error, path, "the sealing key cannot be written");
}

/* The public half beside it: a convenience, so where it cannot be nobody is stopped. */
static void write_public(const char *path, const struct audit_public_key *key)
{
	char public[PATH_MAX], text[AUDIT_KEY_TEXT + 1], there[AUDIT_KEY_TEXT + 2];
	size_t len = 0;
	bool is_private;
	int fd;

	note_key_text(key, text);
	strcat(text, "\n");
	if (snprintf(public, sizeof(public), "%s.pub", path) >= (int)sizeof(public) ||
		(read_file(public, there, sizeof(there), &len, &is_private) == AUDIT_OK &&
			len == strlen(text) && memcmp(there, text, len) == 0)) {
		return;
	}
	fd = open(public, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd >= 0) {
		(void)write_text(fd, text, strlen(text));
		close(fd);
	}
}

int audit_key_load(const char *path, struct audit_key *ret_key, struct audit_diag *diag)
{
	char text[KEY_FILE];
	size_t len = 0;
	bool is_private;
	int error = AUDIT_OK;

	if (access(path, F_OK) != 0 && errno == ENOENT) {
		error = make_key(path, diag);
		if (error != AUDIT_OK) {
			return error;
		}
	}
	error = read_file(path, text, sizeof(text), &len, &is_private);
	if (error == AUDIT_EIO) {
		return audit_say(diag, error, path, "the sealing key cannot be read");
	}
	if (error == AUDIT_OK && !key_text_unwrap(text, sizeof(text), &len)) {
		mbedtls_platform_zeroize(text, sizeof(text));
		return audit_say(diag, AUDIT_EFORMAT, path,
			"the sealing key was wrapped by another user, or is damaged");
	}
	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r')) {
		len--;
	}
	error = error == AUDIT_OK && note_secret_read(text, len, ret_key) ? AUDIT_OK
									  : AUDIT_EFORMAT;
	mbedtls_platform_zeroize(text, sizeof(text));
	if (error != AUDIT_OK) {
		return audit_say(diag, error, path, "this is no sealing key");
	}
	if (!is_private) {
		audit_key_wipe(ret_key);
		return audit_say(diag, AUDIT_EFORMAT, path,
			"the sealing key lets others in; only its owner may read it");
	}
	write_public(path, &ret_key->public);
	return AUDIT_OK;
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
	bool is_private; /* public: whoever reads it */
	int error = read_file(path, text, sizeof(text), &len, &is_private);

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
