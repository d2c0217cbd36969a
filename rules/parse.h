/*
 * What the parsers of single statements share. Private to rules/.
 */
#ifndef SALLYPORT_RULES_PARSE_H
#define SALLYPORT_RULES_PARSE_H

#include "rules/lex.h"
#include "rules/rules_private.h"

struct parser {
	struct rules *r;
	struct rules_diag *diag;
	const char *origin;
	unsigned line_number;
	struct line line;
	size_t at; /* next word */
};

/* The next word, or NULL at the end. */
const struct word *parse_next(struct parser *p);
/* The next word; at the end an error that says what was expected. */
int parse_want(struct parser *p, const char *expected, const struct word **ret_word);
/* An error at a word (NULL: at the line's end). Returns RULES_ESYNTAX. */
int parse_error(struct parser *p, const struct word *word, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* "did you mean `x'?" when one of the NULL-terminated words is near; "" otherwise. */
const char *parse_near(const char *word, const char *const *words);

/* "8MiB", "1000" -> bytes; false when it is none. */
bool parse_size(const char *text, uint64_t *ret_bytes);
bool parse_duration(const char *text, uint64_t *ret_seconds);

/* network.c: after the verb. */
int parse_network(struct parser *p, enum verb verb);
/* statements.c: everything else; the verb's word is given. */
int parse_use(struct parser *p);
int parse_file(struct parser *p, enum rules_file_kind kind);
int parse_limit(struct parser *p);
int parse_mode(struct parser *p);
/* inject.c */
int parse_inject(struct parser *p);

#endif
