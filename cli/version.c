/*
 * sallyport version: what it is and what it was built from.
 */
#include "certs/certs.h"
#include "cli/verbs.h"

#include <deps_versions.h>
#include <stdio.h>
#include <string.h>

int verb_version(int argc, char **argv)
{
	static const char *const built[][3] = {SALLYPORT_DEPENDENCIES};

	if (argc > 1) {
		if (strcmp(argv[1], "--help") == 0) {
			puts("usage: sallyport version\n\nVersion, crypto provider, and the "
			     "versions and "
			     "SHA-256 of the sources of what is linked in.");
			return 0;
		}
		return complain("version takes no argument");
	}
	printf("sallyport %s\ncrypto: %s\n", SALLYPORT_VERSION, certs_provider());
	for (size_t i = 0; i < sizeof(built) / sizeof(built[0]); i++) {
		printf("  %-9s %-16s sha256 %s\n", built[i][0], built[i][1], built[i][2]);
	}
	return 0;
}
