/*
 * Any text as a Windows path: what is accepted is canonical already when read again, and lies with
 * itself.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "jailer/windows/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), made[WINPATH_MAX], again[WINPATH_MAX];

	assert(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	if (winpath_canonical(text, made) == WINPATH_OK) {
		assert(winpath_canonical(made, again) == WINPATH_OK);
		assert(strcmp(made, again) == 0);
		assert(winpath_relate(made, again) == WINPATH_SAME);
		assert(strpbrk(made, "/*?\"<>|") == NULL && strchr(made + 2, ':') == NULL);
		assert(strstr(made, "\\\\") == NULL && strstr(made, "\\..\\") == NULL);
	}
	free(text);
	return 0;
}
