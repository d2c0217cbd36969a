/*
 * Does a query say this of a key? Every value of the key counts. Origins differ in what they take
 * for the key (case, percent-encoding, blanks, `key[]`), for its value ("+", percent-encoding) and
 * for the end of both (";" beside "&"): where their readings differ the answer is that nobody
 * knows, which an `allow` does not take and a `deny` does.
 */
#include "rules/rules_private.h"
#include "rules/text.h"

#include <string.h>

enum { VALUE_MAX = 1024 };

/* What was seen of the key so far. */
struct seen {
	bool fits, differs, unsure;
};

/* How an origin may read a value: all of these, or none. */
enum { READ_PERCENT = 1, READ_PLUS = 2, READ_CUT = 4, READINGS = 8 };

/* False: it does not fit. */
static bool decode(const char *text, size_t len, unsigned reading, char out[VALUE_MAX])
{
	const char *cut = reading & READ_CUT ? memchr(text, ';', len) : NULL;
	size_t n = 0;

	len = cut != NULL ? (size_t)(cut - text) : len;
	if (len >= VALUE_MAX) {
		return false;
	}
	for (size_t i = 0; i < len; i++) {
		if (reading & READ_PERCENT && text[i] == '%' && i + 2 < len) {
			out[n++] = (char)(text_hex(text[i + 1]) << 4 | text_hex(text[i + 2]));
			i += 2;
		} else {
			out[n++] = reading & READ_PLUS && text[i] == '+' ? ' ' : text[i];
		}
	}
	out[n] = '\0';
	return true;
}

/* What some origin makes of it in a key. */
static char fold(char c)
{
	return c != '\0' && strchr(". +[", c) != NULL ? '_' : text_lower(c);
}

/* No case, "." and its like as "_", nothing from "[" on. */
static bool same_key(const char *a, const char *b)
{
	while ((*a != '\0' && *a != '[') || (*b != '\0' && *b != '[')) {
		if (*a == '\0' || *b == '\0' || fold(*a++) != fold(*b++)) {
			return false;
		}
	}
	return true;
}

/* Some origin's key. Blanks before it are nothing to some, and characters like others to some. */
static bool may_be_key(const char *text, size_t len, const char *key)
{
	static const char blanks[] = " +";
	char decoded[VALUE_MAX];
	const char *bare = decoded, *bare_key = key + strspn(key, blanks);

	if (!decode(text, len, READ_PERCENT, decoded) || strchr(decoded, '%') != NULL) {
		return true;
	}
	bare += strspn(decoded, blanks);
	return same_key(decoded, key) || same_key(bare, key) || same_key(decoded, bare_key) ||
	       same_key(bare, bare_key);
}

static void take_value(const char *text, size_t len, const char *pattern, struct seen *seen)
{
	char value[VALUE_MAX];
	unsigned fit = 0;

	for (unsigned i = 0; i < READINGS; i++) {
		if (!decode(text, len, i, value)) {
			seen->unsure = true;
			return;
		}
		fit += pattern_text(pattern, value);
	}
	seen->unsure |= fit > 0 && fit < READINGS;
	seen->fits |= fit > 0;
	seen->differs |= fit < READINGS;
}

/* "key=value" or "key", and the pair's key has no character that is read otherwise; `certain`:
 * between two "&", not behind a ";". */
static void take_part(
	const char *part, size_t len, const struct pair *pair, bool certain, struct seen *seen)
{
	const char *equals = memchr(part, '=', len);
	size_t n = equals != NULL ? (size_t)(equals - part) : len;
	size_t begin = equals != NULL ? n + 1 : len;

	if (certain && n == strlen(pair->key) && memcmp(part, pair->key, n) == 0) {
		take_value(part + begin, len - begin, pair->pattern, seen);
	} else if (may_be_key(part, n, pair->key)) {
		seen->unsure = true;
	}
}

enum answer query_matches(const char *query, const struct pair *pair)
{
	struct seen seen = {false, false, false};

	while (query != NULL && *query != '\0') {
		size_t len = strcspn(query, "&"), begin = strcspn(query, "&;");

		take_part(query, len, pair, true, &seen);
		if (begin < len && memchr(query, '=', begin) == NULL) {
			take_part(query, begin, pair, false, &seen); /* its key has another end */
		}
		while (begin < len) {
			size_t n = strcspn(query + begin + 1, "&;");

			take_part(query + begin + 1, n, pair, false, &seen);
			begin += 1 + n;
		}
		query += len + (query[len] == '&');
	}
	if (seen.unsure || (seen.fits && seen.differs)) {
		return ANSWER_UNKNOWN;
	}
	return seen.fits ? ANSWER_YES : ANSWER_NO;
}
