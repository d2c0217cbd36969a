/*
 * Feeds every file of the folders given to the fuzz target, so that the corpus is an ordinary test
 * where libFuzzer is not there.
 */
#include <assert.h>
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void replay(const char *folder, const char *name)
{
	static uint8_t data[1 << 20];
	char path[4096];
	FILE *file;
	size_t len;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "rb");
	assert(file != NULL);
	len = fread(data, 1, sizeof(data), file);
	fclose(file);
	/* An exact copy, so that a sanitizer sees a read behind its end. */
	uint8_t *exact = malloc(len ? len : 1);
	assert(exact != NULL);
	for (size_t i = 0; i < len; i++) {
		exact[i] = data[i];
	}
	LLVMFuzzerTestOneInput(exact, len);
	free(exact);
}

int main(int argc, char **argv)
{
	unsigned n = 0;

	for (int i = 1; i < argc; i++) {
		DIR *folder = opendir(argv[i]);
		struct dirent *entry;

		if (folder == NULL) {
			fprintf(stderr, "replay: cannot open %s\n", argv[i]);
			return 1;
		}
		while ((entry = readdir(folder)) != NULL) {
			if (entry->d_name[0] != '.') {
				replay(argv[i], entry->d_name);
				n++;
			}
		}
		closedir(folder);
	}
	printf("replayed %u inputs\n", n);
	return n > 0 ? 0 : 1;
}
