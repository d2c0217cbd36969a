/*
 * The installation's key for digests in records: made at first use, kept where records are kept,
 * readable by its user alone. A record and a value prove each other only with it.
 */
#include "cli/gateway/digest_key.h"
#include "audit/verify.h"
#include "certs/certs.h"
#include "cli/cures.h"
#include "cli/gateway/digest_text.h"
#include "cli/place.h"
#include "cli/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_key(const char *path, unsigned char key[AUDIT_KEY])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char text[DIGEST_TEXT_MAX + 1] = "";
	struct stat st;
	ssize_t got;
	bool is_private;

	if (fd < 0) {
		return -1;
	}
	got = read(fd, text, DIGEST_TEXT_MAX);
	is_private = fstat(fd, &st) == 0 && (st.st_mode & 077) == 0;
	close(fd);
	if (!is_private) {
		errno = EPERM;
		return -1;
	}
	if (got < 0 || !digest_text_unwrap(text, (size_t)got, key)) {
		errno = EINVAL;
		return -1;
	}
	return 0;
}

static int make_key(const char *path, unsigned char key[AUDIT_KEY])
{
	char text[DIGEST_TEXT_MAX];
	size_t len;

	if (certs_random(NULL, key, AUDIT_KEY) != 0) {
		return -1;
	}
	len = digest_text_wrap(key, text);
	return len != 0 && audit_key_file_make(path, text, len) == AUDIT_OK ? read_key(path, key)
									    : -1;
}

int digest_key(unsigned char ret_key[AUDIT_KEY])
{
	char folder[PATH_MAX], path[PATH_MAX + 16];

	/* The folder may be out of reach: nobody need hear of it. */
	if (place_state(folder, sizeof(folder)) == 0 && place_try_folders(folder) == 0) {
		snprintf(path, sizeof(path), "%s/digest.key", folder);
		if (read_key(path, ret_key) == 0) {
			return 0;
		}
		if (errno == EINVAL) {
			return complain("%s is no key: take it away, and digests in new records "
					"will differ from those in old ones",
				path);
		}
		if (errno == EPERM) {
			return complain("%s lets others in; only its owner may read it", path);
		}
		if (errno == ENOENT && make_key(path, ret_key) == 0) {
			return 0;
		}
	}
	/* Nowhere to keep one: digests can then be compared within this run only. */
	return certs_random(NULL, ret_key, AUDIT_KEY) == 0
		       ? 0
		       : complain("no random bytes: " CURE_RANDOM);
}
