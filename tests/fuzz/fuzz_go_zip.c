/*
 * Stored bodies that may be zips: whatever minizip makes of them, a digest is whole or untouched.
 */
#include "certs/certs.h"
#include "cli/log/go_zip.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[] = "/tmp/fuzz-go-zip-XXXXXX", bodies[sizeof(dir) + 8];

static void take_away(void)
{
	rmdir(bodies);
	rmdir(dir);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char name[65], path[sizeof(bodies) + 66], hex[65] = "untouched";
	FILE *f;

	if (bodies[0] == '\0') {
		if (mkdtemp(dir) == NULL) {
			abort();
		}
		snprintf(bodies, sizeof(bodies), "%s/bodies", dir);
		if (mkdir(bodies, 0700) != 0) {
			abort();
		}
		atexit(take_away);
	}
	certs_sha256(data, size, name);
	snprintf(path, sizeof(path), "%s/%s", bodies, name);
	f = fopen(path, "wb");
	if (f == NULL || fwrite(data, 1, size, f) != size || fclose(f) != 0) {
		abort();
	}
	if (go_zip_hash(dir, name, hex)) {
		assert(strlen(hex) == 64);
	} else {
		assert(strcmp(hex, "untouched") == 0);
	}
	unlink(path);
	return 0;
}
