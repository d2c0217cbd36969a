/*
 * The first line is a condition, "key=pattern"; what follows, any bytes as the query of a request.
 * The origin's reading is not known, so each of many is asked: an `allow` that holds is true in
 * all of them, a `deny` that does not hold is true in none.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/rules.h"

enum { CONDITION_MAX = 64, QUERY_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* How an origin reads: what ends a pair, what is decoded, what is the same key. */
struct reader {
	const char *ends;
	bool percent, plus, fold, underscore, brackets;
};

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static int hex(char c)
{
	return c <= '9' ? c - '0' : lower(c) - 'a' + 10;
}

static void decode(const struct reader *how, const char *text, size_t len, char out[QUERY_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (how->percent && text[i] == '%') {
			out[n++] = (char)(hex(text[i + 1]) * 16 + hex(text[i + 2]));
			i += 2;
		} else {
			out[n++] = how->plus && text[i] == '+' ? ' ' : text[i];
		}
	}
	out[n] = '\0';
}

/* What this origin calls the key. */
static void name(const struct reader *how, char *key)
{
	char *open = strchr(key, '[');

	if (how->brackets && open != NULL && open != key) {
		*open = strchr(open, ']') != NULL ? '\0' : '_';
	}
	for (char *c = key; *c != '\0'; c++) {
		*c = how->fold ? lower(*c) : *c;
		*c = how->underscore && strchr(". ", *c) != NULL ? '_' : *c;
	}
}

/* reached[i]: the text so far is one that the first i characters of the pattern stand for. */
static bool fits(const char *pattern, const char *text)
{
	size_t n = strlen(pattern);
	bool reached[CONDITION_MAX + 1] = {true};

	assert(n <= CONDITION_MAX);
	for (size_t i = 0; i < n; i++) {
		reached[i + 1] = reached[i] && pattern[i] == '*';
	}
	for (; *text != '\0'; text++) {
		for (size_t i = n; i > 0; i--) {
			bool star = pattern[i - 1] == '*';

			reached[i] = (star && reached[i]) ||
				     (reached[i - 1] && (star || pattern[i - 1] == *text));
		}
		reached[0] = false;
		for (size_t i = 0; i < n; i++) {
			reached[i + 1] |= reached[i] && pattern[i] == '*';
		}
	}
	return reached[n];
}

/* Counts the values that this origin finds for the key, and those of them that fit. */
static void read_query(const struct reader *how, const char *query, const char *key,
	const char *pattern, size_t *ret_values, size_t *ret_fit)
{
	char wanted[CONDITION_MAX + 1], found[QUERY_MAX], value[QUERY_MAX];

	strcpy(wanted, key);
	name(how, wanted);
	*ret_values = *ret_fit = 0;
	for (;;) {
		size_t len = strcspn(query, how->ends), n = strcspn(query, "=");

		n = n < len ? n : len;
		decode(how, query, n, found);
		name(how, found);
		if (strcmp(found, wanted) == 0) {
			n += n < len;
			decode(how, query + n, len - n, value);
			*ret_values += 1;
			*ret_fit += fits(pattern, value);
		}
		if (query[len] == '\0') {
			return;
		}
		query += len + 1;
	}
}

static bool holds(const char *statements, const char *verb, const char *condition,
	const struct rules_target *target, bool allow)
{
	char page[400], quoted[2 * CONDITION_MAX + 1], *to = quoted;
	struct rules *r = rules_create();
	struct rules_request req = {.method = "GET", .target = target};
	struct rules_decision decision;
	struct rules_diag diag;

	for (const char *c = condition; *c != '\0'; c++) {
		if (*c == '"' || *c == '\\') {
			*to++ = '\\';
		}
		*to++ = *c;
	}
	*to = '\0';
	snprintf(page, sizeof(page), "%s%s a.example query \"%s\"\n", statements, verb, quoted);
	assert(r != NULL && rules_add(r, page, strlen(page), "page", &diag) == RULES_OK);
	assert(rules_compile(r, &diag) == RULES_OK);
	rules_judge(r, &req, &decision);
	rules_destroy(r);
	return (decision.verdict == RULES_ALLOW) == allow;
}

/* "key=pattern" that a page can say. */
static size_t take_condition(const uint8_t *data, size_t size, char condition[CONDITION_MAX + 1])
{
	const uint8_t *end = memchr(data, '\n', size < CONDITION_MAX ? size : CONDITION_MAX);
	size_t len = end != NULL ? (size_t)(end - data) : 0;

	for (size_t i = 0; i < len; i++) {
		if (data[i] < 0x20 || data[i] == 0x7f) {
			return 0;
		}
	}
	memcpy(condition, data, len);
	condition[len] = '\0';
	return strchr(condition, '=') > condition &&
			       strcspn(condition, "%+;&") >= strcspn(condition, "=")
		       ? len + 1
		       : 0;
}

static void check(const char *condition, const struct rules_target *target)
{
	bool allowed = holds("", "allow GET", condition, target, true);
	bool denied = holds("allow GET a.example\n", "deny *", condition, target, false);
	bool all = true, some = false;
	char key[CONDITION_MAX + 1], *pattern;

	strcpy(key, condition);
	pattern = strchr(key, '=');
	*pattern++ = '\0';
	for (unsigned i = 0; i < 64; i++) {
		struct reader how = {i & 1 ? "&" : "&;", i & 2, i & 4, i & 8, i & 16, i & 32};
		size_t values, fit;

		read_query(&how, target->query, key, pattern, &values, &fit);
		all &= values > 0 && fit == values;
		some |= fit > 0;
	}
	assert(!allowed || (all && denied));
	assert(denied || !some);
	/* Plain text has one reading, and it is found. */
	if (condition[strspn(condition, "abcdefghijklmnopqrstuvwxyz0123456789-*=")] == '\0' &&
		target->query[strspn(target->query, "abcdefghijklmnopqrstuvwxyz0123456789-=&")] ==
			'\0' &&
		strlen(target->query) < 1000) {
		assert(allowed == all && denied == some);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rules_target target = {.scheme = RULES_HTTPS, .host = "a.example", .port = 443};
	char condition[CONDITION_MAX + 1], text[QUERY_MAX], buf[QUERY_MAX + 3];
	size_t skip = take_condition(data, size, condition), len = size - skip;

	if (skip == 0 || len > QUERY_MAX - 2) {
		return 0;
	}
	memcpy(text, "/?", 2);
	memcpy(text + 2, data + skip, len);
	if (rules_path(text, len + 2, &target, buf, sizeof(buf)) != RULES_TARGET_OK) {
		return 0;
	}
	if (target.query != NULL) {
		check(condition, &target);
	}
	return 0;
}
