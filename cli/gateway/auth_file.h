/*
 * Whom a gateway serves: a file of NAME:PASSWORD lines, readable by its owner alone.
 */
#ifndef SALLYPORT_CLI_GATEWAY_AUTH_FILE_H
#define SALLYPORT_CLI_GATEWAY_AUTH_FILE_H

#include <stddef.h>

enum { AUTH_NAME = 64 };

struct auth_entry {
	char name[AUTH_NAME];
	char digest[65]; /* of the credentials as they are sent */
};

struct auth_file {
	struct auth_entry *entries; /* owned */
	size_t n;
};

/* From the file's text; `origin` for complaints. 0, or an exit status after having complained. */
int auth_file_parse(const char *text, const char *origin, struct auth_file *ret_file);
void auth_file_finish(struct auth_file *file);
/* As struct gateway_config wants it; `file` is a struct auth_file. */
const char *auth_file_name(void *file, const char *credentials);

#endif
