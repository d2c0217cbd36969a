/*
 * Text to statements: line by line, each by its verb. On an error nothing of the text is kept.
 */
#include "rules/parse.h"
#include "rules/text.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct word *parse_next(struct parser *p)
{
	return p->at < p->line.n ? &p->line.words[p->at++] : NULL;
}

int parse_want(struct parser *p, const char *expected, const struct word **ret_word)
{
	const struct word *word = parse_next(p);

	if (word == NULL) {
		return parse_error(p, NULL, "the statement ends here: expected %s", expected);
	}
	*ret_word = word;
	return RULES_OK;
}

int parse_error(struct parser *p, const struct word *word, const char *format, ...)
{
	va_list args;

	memset(p->diag, 0, sizeof(*p->diag));
	snprintf(p->diag->origin, sizeof(p->diag->origin), "%s", p->origin);
	p->diag->line = p->line_number;
	p->diag->column = word != NULL ? word->column : p->line.end_column;
	va_start(args, format);
	vsnprintf(p->diag->message, sizeof(p->diag->message), format, args);
	va_end(args);
	return RULES_ESYNTAX;
}

/* One letter changed, dropped, added or swapped with its neighbour. */
static bool is_near(const char *a, const char *b)
{
	size_t same = 0, la = strlen(a), lb = strlen(b);

	while (a[same] != '\0' && text_lower(a[same]) == b[same]) {
		same++;
	}
	if (la == lb) {
		return strcmp(a + same + (a[same] != '\0'), b + same + (b[same] != '\0')) == 0 ||
		       (la - same >= 2 && a[same] == b[same + 1] && a[same + 1] == b[same] &&
			       strcmp(a + same + 2, b + same + 2) == 0);
	}
	if (la == lb + 1) {
		return strcmp(a + same + 1, b + same) == 0;
	}
	return lb == la + 1 && strcmp(a + same, b + same + 1) == 0;
}

const char *parse_near(const char *word, const char *const *words)
{
	static _Thread_local char text[64];

	for (; *words != NULL; words++) {
		if (is_near(word, *words)) {
			snprintf(text, sizeof(text), "; did you mean `%s`?", *words);
			return text;
		}
	}
	return "";
}

static bool parse_scaled(
	const char *text, const char *const *units, const uint64_t *factors, uint64_t *ret_value)
{
	uint64_t value = 0;
	size_t digits = 0;

	while (text_is_digit(text[digits])) {
		if (value > UINT64_MAX / 10 - 9) {
			return false;
		}
		value = value * 10 + (uint64_t)(text[digits++] - '0');
	}
	if (digits == 0) {
		return false;
	}
	for (; *units != NULL; units++, factors++) {
		if (strcmp(text + digits, *units) == 0) {
			if (value > (uint64_t)INT64_MAX / *factors) {
				return false;
			}
			*ret_value = value * *factors;
			return true;
		}
	}
	return false;
}

bool parse_size(const char *text, uint64_t *ret_bytes)
{
	static const char *const units[] = {
		"", "B", "KiB", "MiB", "GiB", "TiB", "kB", "MB", "GB", "TB", NULL};
	static const uint64_t factors[] = {1, 1, 1ULL << 10, 1ULL << 20, 1ULL << 30, 1ULL << 40,
		1000, 1000000, 1000000000, 1000000000000};

	return parse_scaled(text, units, factors, ret_bytes);
}

bool parse_duration(const char *text, uint64_t *ret_seconds)
{
	static const char *const units[] = {"s", "m", "h", "d", NULL};
	static const uint64_t factors[] = {1, 60, 3600, 86400};

	return parse_scaled(text, units, factors, ret_seconds);
}

static int parse_verb(struct parser *p)
{
	static const char *const verbs[] = {"allow", "deny", "tunnel", "use", "read", "write",
		"hide", "verify", "limit", "mode", "inject", NULL};
	const struct word *verb = parse_next(p);
	const char *v = verb->text;

	if (strcmp(v, "allow") == 0) {
		return parse_network(p, VERB_ALLOW);
	} else if (strcmp(v, "deny") == 0) {
		return parse_network(p, VERB_DENY);
	} else if (strcmp(v, "tunnel") == 0) {
		return parse_network(p, VERB_TUNNEL);
	} else if (strcmp(v, "use") == 0) {
		return parse_use(p);
	} else if (strcmp(v, "read") == 0) {
		return parse_file(p, RULES_FILE_READ);
	} else if (strcmp(v, "write") == 0) {
		return parse_file(p, RULES_FILE_WRITE);
	} else if (strcmp(v, "hide") == 0) {
		return parse_file(p, RULES_FILE_HIDE);
	} else if (strcmp(v, "verify") == 0) {
		return parse_file(p, RULES_FILE_VERIFY);
	} else if (strcmp(v, "limit") == 0) {
		return parse_limit(p);
	} else if (strcmp(v, "mode") == 0) {
		return parse_mode(p);
	} else if (strcmp(v, "inject") == 0) {
		return parse_inject(p);
	}
	return parse_error(p, verb,
		"`%.40s` is no statement: expected allow, deny, tunnel, use, read, write, hide, "
		"verify, limit, "
		"mode or inject%s",
		v, parse_near(v, verbs));
}

static int parse_line(struct parser *p, const char *text, size_t len)
{
	unsigned column = 1;
	const char *wrong = lex_line(text, len, &p->line, &column);
	struct word where = {"", column, false};

	if (wrong != NULL) {
		return parse_error(p, &where, "%s", wrong);
	}
	p->at = 0;
	return p->line.n == 0 ? RULES_OK : parse_verb(p);
}

static int parse_text(struct parser *p, const char *text, size_t len)
{
	const char *end = text + len;

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t n = newline != NULL ? (size_t)(newline - text) : (size_t)(end - text);
		int error;

		p->line_number++;
		error = parse_line(p, text, n);
		if (error != RULES_OK) {
			return error;
		}
		text += n + (newline != NULL);
	}
	return RULES_OK;
}

int rules_add(
	struct rules *r, const char *text, size_t len, const char *origin, struct rules_diag *diag)
{
	struct parser *p = calloc(1, sizeof(*p));
	struct rules before = *r;
	int error = RULES_EMEMORY;

	assert(!r->compiled);
	memset(diag, 0, sizeof(*diag));
	snprintf(diag->message, sizeof(diag->message), "memory is out");
	if (p == NULL) {
		return error;
	}
	p->r = r;
	p->diag = diag;
	p->origin = memory_copy(r, origin, strlen(origin));
	if (p->origin != NULL) {
		error = parse_text(p, text, len);
	}
	if (error != RULES_OK) {
		r->n_rules = before.n_rules;
		r->n_uses = before.n_uses;
		r->n_files = before.n_files;
		r->n_injects = before.n_injects;
		r->limits = before.limits;
		r->receive_only = before.receive_only;
		r->by = before.by;
	}
	free(p);
	return error;
}
