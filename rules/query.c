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

/* Percent-encoding and "+" undone. False: it does not fit. */
static bool decode(const char *text, size_t len, char out[VALUE_MAX])
{
	size_t n = 0;

	if (len >= VALUE_MAX) {
		return false;
	}
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '%' && i + 2 < len) {
			out[n++] = (char)(text_hex(text[i + 1]) << 4 | text_hex(text[i + 2]));
			i += 2;
		} else {
			out[n++] = text[i] == '+' ? ' ' : text[i];
		}
	}
	out[n] = '\0';
	return true;
}

/* Some origin's key: no case, no blanks before it, "." and " " as "_", nothing from "[" on. */
static bool may_be_key(const char *text, size_t len, const char *key)
{
	char decoded[VALUE_MAX];
	const char *at = decoded;

	if (!decode(text, len, decoded) || strchr(decoded, '%') != NULL) {
		return true;
	}
	at += strspn(at, " ");
	while (*at != '\0' && *at != '[' && *key != '\0') {
		char a = text_lower(*at++), b = text_lower(*key++);

		if ((a == '.' || a == ' ' ? '_' : a) != (b == '.' || b == ' ' ? '_' : b)) {
			return false;
		}
	}
	return *key == '\0' && (*at == '\0' || *at == '[');
}

static void take_value(const char *text, size_t len, const char *pattern, struct seen *seen)
{
	char value[VALUE_MAX], decoded[VALUE_MAX];
	bool fits;

	if (len >= VALUE_MAX || !decode(text, len, decoded)) {
		seen->unsure = true;
		return;
	}
	memcpy(value, text, len);
	value[len] = '\0';
	fits = pattern_text(pattern, value);
	if (pattern_text(pattern, decoded) != fits) {
		seen->unsure = true;
	}
	value[strcspn(value, ";")] = '\0';
	if (pattern_text(pattern, value) != fits) {
		seen->unsure = true;
	}
	seen->fits |= fits;
	seen->differs |= !fits;
}

/* "key=value" or "key"; `certain`: between two "&", not behind a ";". */
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
