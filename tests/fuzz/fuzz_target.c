/*
 * Any bytes as a URL: what is accepted is in its one form. Reading that form again changes nothing,
 * and it holds nothing that another reader could take for something else.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_host(const struct rules_target *t)
{
	assert(t->host[0] != '\0' && strlen(t->host) < RULES_HOST_MAX);
	for (const char *c = t->host; *c != '\0'; c++) {
		assert((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == '-' ||
			*c == '_' || *c == '.' || (*c == ':' && t->host_is_address));
	}
}

static void check_path(const char *path)
{
	assert(path[0] == '/');
	for (const char *c = path; *c != '\0'; c++) {
		assert((unsigned char)*c > 0x20 && (unsigned char)*c < 0x7f);
		assert(*c != '\\' && *c != '?' && *c != '#');
	}
	assert(strstr(path, "/../") == NULL && strstr(path, "/./") == NULL);
	assert(strstr(path, "%00") == NULL && strstr(path, "%5C") == NULL &&
		strstr(path, "%2E") == NULL);
	assert(strlen(path) < 3 || strcmp(path + strlen(path) - 3, "/..") != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t room = 2 * size + 300;
	char *buf = malloc(room), *text = malloc(room + 300), *buf2 = malloc(2 * room + 1000);
	struct rules_target one, two;

	assert(buf != NULL && text != NULL && buf2 != NULL);
	if (rules_target_from_url((const char *)data, size, &one, buf, room) == RULES_TARGET_OK) {
		bool v6 = strchr(one.host, ':') != NULL;
		int n = snprintf(text, room + 300, "%s://%s%s%s:%u%s%s%s",
			rules_scheme_name(one.scheme), v6 ? "[" : "", one.host, v6 ? "]" : "",
			one.port, one.path, one.query ? "?" : "", one.query ? one.query : "");

		assert(one.port > 0 && (one.scheme == RULES_HTTP || one.scheme == RULES_HTTPS));
		check_host(&one);
		check_path(one.path);
		assert(rules_target_from_url(text, (size_t)n, &two, buf2, 2 * room + 1000) ==
			RULES_TARGET_OK);
		assert(one.scheme == two.scheme && one.port == two.port);
		assert(one.host_is_address == two.host_is_address);
		assert(one.encoded_slash == two.encoded_slash);
		assert(strcmp(one.host, two.host) == 0 && strcmp(one.path, two.path) == 0);
		assert((one.query == NULL) == (two.query == NULL));
		assert(one.query == NULL || strcmp(one.query, two.query) == 0);
	}
	free(buf);
	free(text);
	free(buf2);
	return 0;
}
