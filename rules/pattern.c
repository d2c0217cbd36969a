/*
 * Does it match? Each matcher walks its text once; a `*` remembers one place to come back to, so
 * that no pattern takes more than length times length.
 */
#include "rules/rules_private.h"

#include <string.h>

/* `*` matches any run of characters but `stop` ('\0': any at all). */
static bool glob(
	const char *pattern, const char *end, const char *text, const char *text_end, char stop)
{
	const char *star = NULL, *from = NULL;

	while (text < text_end) {
		if (pattern < end && *pattern == '*') {
			star = ++pattern;
			from = text;
		} else if (pattern < end && *pattern == *text) {
			pattern++;
			text++;
		} else if (star != NULL && (stop == '\0' || *from != stop)) {
			pattern = star;
			text = ++from;
		} else {
			return false;
		}
	}
	while (pattern < end && *pattern == '*') {
		pattern++;
	}
	return pattern == end;
}

bool pattern_text(const char *pattern, const char *text)
{
	return glob(pattern, pattern + strlen(pattern), text, text + strlen(text), '\0');
}

bool pattern_host(enum host_kind kind, const char *pattern, const char *host)
{
	size_t len = strlen(host), suffix;

	if (kind == HOST_ANY) {
		return true;
	}
	if (kind == HOST_EXACT) {
		return strcmp(pattern, host) == 0;
	}
	suffix = strlen(pattern);
	if (len < suffix + 2 || host[len - suffix - 1] != '.' ||
		strcmp(host + len - suffix, pattern) != 0) {
		return false;
	}
	return kind == HOST_DEEP || memchr(host, '.', len - suffix - 1) == NULL;
}

bool pattern_path(const char *pattern, const char *path)
{
	for (;;) {
		const char *pattern_end = pattern + 1 + strcspn(pattern + 1, "/");
		const char *path_end = path + 1 + strcspn(path + 1, "/");

		/* Both stand at a slash. "/" followed by ** is everything below, and the folder
		 * itself. */
		if (strcmp(pattern, "/**") == 0) {
			return true;
		}
		if (!glob(pattern + 1, pattern_end, path + 1, path_end, '/')) {
			return false;
		}
		/* "//" is no segment that `*` could stand for: some origins read one slash. */
		if (*path_end == '/' && path_end == path + 1 && pattern_end != pattern + 1) {
			return false;
		}
		if (*path_end == '\0') {
			return *pattern_end == '\0' || strcmp(pattern_end, "/**") == 0;
		}
		if (*pattern_end == '\0') {
			return false;
		}
		pattern = pattern_end;
		path = path_end;
	}
}

bool rules_host_matches(const char *pattern, const char *host)
{
	if (strcmp(pattern, "**") == 0) {
		return true;
	}
	if (strncmp(pattern, "**.", 3) == 0) {
		return pattern_host(HOST_DEEP, pattern + 3, host);
	}
	if (strncmp(pattern, "*.", 2) == 0) {
		return pattern_host(HOST_ONE, pattern + 2, host);
	}
	return pattern_host(HOST_EXACT, pattern, host);
}
