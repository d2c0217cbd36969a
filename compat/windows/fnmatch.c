/*
 * Shell patterns, fnmatch(3): "*", "?", "[a-z]", "[!a-z]", and a backslash before what is to be
 * itself. Of the flags FNM_PERIOD; "/" is a letter like any other.
 */
#include <fnmatch.h>
#include <stdbool.h>
#include <stddef.h>

int compat_fnmatch(const char *pattern, const char *text, int flags);

/* One letter of a set, a backslash taken for what it stands for. */
static const char *letter(const char *at, unsigned char *ret)
{
	if (*at == '\\' && at[1] != '\0') {
		at++;
	}
	*ret = (unsigned char)*at;
	return at + (*at != '\0');
}

/* Behind the set, or NULL: it has no end, and "[" means itself. `at` is behind the "[". */
static const char *match_set(const char *at, unsigned char c, bool *ret_in)
{
	bool inverted = *at == '!' || *at == '^', in = false;

	at += inverted;
	for (bool first = true; *at != ']' || first; first = false) {
		unsigned char low, high;

		if (*at == '\0') {
			return NULL;
		}
		at = letter(at, &low);
		high = low;
		if (*at == '-' && at[1] != ']' && at[1] != '\0') {
			at = letter(at + 1, &high);
		}
		in = in || (c >= low && c <= high);
	}
	*ret_in = in != inverted;
	return at + 1;
}

/* One letter of the pattern against one of the text; behind it, or NULL. */
static const char *match_one(const char *pattern, unsigned char c)
{
	const char *after;
	bool in = false;

	switch (*pattern) {
	case '?': return pattern + 1;
	case '[':
		after = match_set(pattern + 1, c, &in);
		if (after != NULL) {
			return in ? after : NULL;
		}
		return c == '[' ? pattern + 1 : NULL;
	case '\\':
		if (pattern[1] != '\0') {
			pattern++;
		}
		break;
	default: break;
	}
	return (unsigned char)*pattern == c ? pattern + 1 : NULL;
}

int compat_fnmatch(const char *pattern, const char *text, int flags)
{
	const char *star = NULL, *from = NULL;

	if ((flags & FNM_PERIOD) != 0 && *text == '.' && *pattern != '.' &&
		!(*pattern == '\\' && pattern[1] == '.')) {
		return FNM_NOMATCH;
	}
	while (*text != '\0') {
		const char *after = NULL;

		if (*pattern == '*') {
			star = ++pattern;
			from = text;
			continue;
		}
		if (*pattern != '\0') {
			after = match_one(pattern, (unsigned char)*text);
		}
		if (after != NULL) {
			pattern = after;
			text++;
		} else if (star != NULL) {
			/* The last star takes one letter more. */
			pattern = star;
			text = ++from;
		} else {
			return FNM_NOMATCH;
		}
	}
	while (*pattern == '*') {
		pattern++;
	}
	return *pattern == '\0' ? 0 : FNM_NOMATCH;
}
