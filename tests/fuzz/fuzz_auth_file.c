/*
 * Any text as a file of names and passwords: who is found is one that the file names, by what a
 * client sends for that line, and by nothing else.
 */
#include "cli/gateway/auth_file.h"
#include "cli/verbs.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int complain(const char *format, ...)
{
	(void)format;
	return EXIT_OURS;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct auth_file file = {0};
	char *text = malloc(size + 1);
	size_t lines = 1;

	assert(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	for (size_t i = 0; i < size; i++) {
		lines += data[i] == '\n';
	}
	if (auth_file_parse(text, "given", &file) == 0) {
		assert(file.n > 0 && file.n <= lines);
		for (size_t i = 0; i < file.n; i++) {
			size_t len = strlen(file.entries[i].name);

			assert(len > 0 && len < AUTH_NAME && strlen(file.entries[i].digest) == 64);
			assert(strpbrk(file.entries[i].name, ":@ \r\n") == NULL);
		}
		assert(auth_file_name(&file, "") == NULL);
		/* The lone line of the corpus: known by what a client sends for it, not by half of
		 * it. */
		if (size == 8 && memcmp(data, "user:pw\n", 8) == 0) {
			assert(strcmp(auth_file_name(&file, "dXNlcjpwdw=="), "user") == 0);
			assert(auth_file_name(&file, "dXNlcjpw") == NULL);
			assert(auth_file_name(&file, "dXNlcjpwdw") == NULL);
		}
	} else {
		assert(file.entries == NULL && file.n == 0);
	}
	auth_file_finish(&file);
	free(text);
	return 0;
}
