/*
 * Lock files of every kind: the first byte says which. Whatever is read must be whole strings, and
 * comparing it must end.
 */
#include "cli/log/lockfile.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {
		"package-lock.json", "requirements.txt", "Cargo.lock", "a/go.sum", "other"};
	struct lockfile l = {0};
	char message[160] = "";

	if (size == 0) {
		return 0;
	}
	if (lockfile_read(&l, lockfile_kind(names[data[0] % 5]), (const char *)data + 1, size - 1,
		    message, sizeof(message)) != 0) {
		assert(message[0] != '\0');
	}
	for (size_t i = 0; i < l.n; i++) {
		const struct lock_entry *e = &l.entries[i];
		const struct lock_digests all = {e->digest, e->digest, e->digest};

		assert(strlen(e->label) >= strlen(e->name) + 1);
		assert(e->hash == LOCK_HASH_NONE || strlen(e->digest) == 64 ||
			strlen(e->digest) == 128);
		(void)lock_entry_names(e, "/some/name/-/name-1.0.0.tgz");
		(void)lock_entry_names(e, "/packages/name-1.0.0-py3-none-any.whl");
		assert(lock_entry_fits(e, &all) ==
			(e->hash != LOCK_HASH_NONE && e->hash != LOCK_HASH_GO_MOD));
	}
	lockfile_finish(&l);
	return 0;
}
