/*
 * Any bytes as a list of checksums: what is taken names files inside the folder, each once, and is
 * the same when written and read again.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "cli/files/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct manifest m, again;
	struct text t = {0};
	const char *why;

	if (manifest_read(&m, (const char *)data, size, &why) != 0) {
		assert(why != NULL && m.lines == NULL);
		return 0;
	}
	for (size_t i = 0; i < m.n; i++) {
		const char *name = m.lines[i].name;

		assert(name[0] != '\0' && name[0] != '/' && strlen(m.lines[i].sha256) == 64);
		assert(strncmp(name, "../", 3) != 0 && strcmp(name, "..") != 0);
		assert(strstr(name, "/../") == NULL && manifest_find(&m, name) == &m.lines[i]);
		manifest_write(&t, name, m.lines[i].sha256);
	}
	if (m.n > 0) {
		assert(manifest_read(&again, t.data, t.len, &why) == 0 && again.n == m.n);
		for (size_t i = 0; i < m.n; i++) {
			assert(manifest_find(&again, m.lines[i].name) != NULL);
		}
		manifest_finish(&again);
	}
	text_finish(&t);
	manifest_finish(&m);
	return 0;
}
