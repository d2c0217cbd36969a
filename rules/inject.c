/*
 * `inject HOST header NAME "VALUE"`: which value is put into a request's head on its way out. What
 * `${...}` in it becomes is the caller's to find; here it is read, and chosen by the host alone.
 */
#include "rules/parse.h"
#include "rules/text.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* ---- the value ---- */

static bool is_variable(const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		bool letter = (name[i] >= 'A' && name[i] <= 'Z') ||
			      (name[i] >= 'a' && name[i] <= 'z') || name[i] == '_';

		if (!letter && (i == 0 || !text_is_digit(name[i]))) {
			return false;
		}
	}
	return len > 0;
}

enum rules_part rules_inject_part(const char **at, const char **ret_text, size_t *ret_len)
{
	const char *begin = *at, *end;
	enum rules_part part = RULES_PART_BAD;

	if (*begin == '\0') {
		return RULES_PART_END;
	}
	if (strncmp(begin, "${", 2) != 0) {
		end = strstr(begin, "${");
		*ret_text = begin;
		*ret_len = end != NULL ? (size_t)(end - begin) : strlen(begin);
		*at = begin + *ret_len;
		return RULES_PART_TEXT;
	}
	end = strchr(begin, '}');
	if (end == NULL) {
		return RULES_PART_BAD;
	}
	if (strncmp(begin, "${env:", 6) == 0 && is_variable(begin + 6, (size_t)(end - begin) - 6)) {
		*ret_text = begin + 6;
		part = RULES_PART_ENV;
	} else if (strncmp(begin, "${file:", 7) == 0 && end > begin + 7) {
		*ret_text = begin + 7;
		part = RULES_PART_FILE;
	} else {
		return RULES_PART_BAD;
	}
	*ret_len = (size_t)(end - *ret_text);
	*at = end + 1;
	return part;
}

static int parse_value(struct parser *p, const char **ret_value)
{
	const struct word *word;
	int error = parse_want(p, "its value, such as \"Bearer ${env:API_KEY}\"", &word);
	bool secret = false;

	if (error != RULES_OK) {
		return error;
	}
	for (const char *at = word->text, *text;;) {
		size_t len;
		enum rules_part part = rules_inject_part(&at, &text, &len);

		if (part == RULES_PART_BAD) {
			return parse_error(
				p, word, "`%.40s`: expected ${env:NAME} or ${file:PATH}", at);
		}
		if (part == RULES_PART_END) {
			break;
		}
		secret |= part != RULES_PART_TEXT;
	}
	if (!secret) {
		return parse_error(p, word,
			"what stands in the rules is no secret: expected ${env:NAME} or "
			"${file:PATH} in it");
	}
	*ret_value = memory_copy(p->r, word->text, strlen(word->text));
	return *ret_value != NULL ? RULES_OK : RULES_EMEMORY;
}

/* ---- the header ---- */

/* Framing, routing, and what is for one hop: written by the gateway itself. */
static bool is_ours(const char *name)
{
	static const char *const names[] = {"Host", "Content-Length", "Transfer-Encoding",
		"Connection", "Keep-Alive", "TE", "Trailer", "Upgrade", "HTTP2-Settings", "Expect"};
	static const char proxy[] = "proxy-";
	size_t n = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (text_same(name, names[i])) {
			return true;
		}
	}
	while (proxy[n] != '\0' && text_lower(name[n]) == proxy[n]) {
		n++;
	}
	return proxy[n] == '\0';
}

static bool is_token(const char *text)
{
	return *text != '\0' && text[strspn(text, "!#$%&'*+-.^_`|~0123456789"
						  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
						  "abcdefghijklmnopqrstuvwxyz")] == '\0';
}

static int parse_header(struct parser *p, const char **ret_name)
{
	const struct word *word;
	int error = parse_want(p, "header NAME", &word);

	if (error == RULES_OK && strcmp(word->text, "header") != 0) {
		return parse_error(p, word, "`%.40s`: expected header NAME", word->text);
	}
	if (error == RULES_OK) {
		error = parse_want(p, "the header's name", &word);
	}
	if (error != RULES_OK) {
		return error;
	}
	if (!is_token(word->text)) {
		return parse_error(p, word, "`%.40s` is no name of a header", word->text);
	}
	if (is_ours(word->text)) {
		return parse_error(p, word,
			"`%.40s` is written by the gateway itself and cannot be injected",
			word->text);
	}
	*ret_name = memory_copy(p->r, word->text, strlen(word->text));
	return *ret_name != NULL ? RULES_OK : RULES_EMEMORY;
}

/* ---- the host ---- */

static int parse_host(struct parser *p, struct rules_inject *inject)
{
	const struct word *word;
	char host[RULES_HOST_MAX], pattern[RULES_HOST_MAX + 4];
	const char *at, *wild = "";
	bool is_address;
	int error = parse_want(p, "a host such as api.example.com", &word);

	if (error != RULES_OK) {
		return error;
	}
	at = word->text;
	if (strncmp(at, "http://", 7) == 0) {
		return parse_error(p, word, "a secret is not sent in clear: expected https");
	}
	at += strncmp(at, "https://", 8) == 0 ? 8 : 0;
	if (strncmp(at, "**.", 3) == 0) {
		wild = "**.";
	} else if (strncmp(at, "*.", 2) == 0) {
		wild = "*.";
	}
	at += strlen(wild);
	if (strchr(at, '*') != NULL) {
		return parse_error(p, word, "a secret for every host: expected a host");
	}
	if (strchr(at, '/') != NULL) {
		return parse_error(p, word,
			"`%.40s`: expected a host alone; which paths may be asked for is said by "
			"allow",
			at);
	}
	error = rules_authority(at, strlen(at), host, &is_address, &inject->port);
	if (error != RULES_TARGET_OK) {
		return parse_error(
			p, word, "`%.80s` is no host: %s", at, rules_target_strerror(error));
	}
	inject->port = inject->port != 0 ? inject->port : 443;
	snprintf(pattern, sizeof(pattern), "%s%s", wild, host);
	inject->host = memory_copy(p->r, pattern, strlen(pattern));
	return inject->host != NULL ? RULES_OK : RULES_EMEMORY;
}

int parse_inject(struct parser *p)
{
	struct rules_inject inject = {.origin = p->origin, .line = p->line_number}, *kept;
	const struct word *word;
	int error = parse_host(p, &inject);

	error = error == RULES_OK ? parse_header(p, &inject.header) : error;
	error = error == RULES_OK ? parse_value(p, &inject.value) : error;
	if (error != RULES_OK) {
		return error;
	}
	word = parse_next(p);
	if (word != NULL) {
		return parse_error(p, word, "`%.40s`: expected the line to end", word->text);
	}
	kept = array_push(
		(void **)&p->r->injects, &p->r->n_injects, &p->r->injects_size, sizeof(inject));
	if (kept == NULL) {
		return RULES_EMEMORY;
	}
	*kept = inject;
	return RULES_OK;
}

/* ---- which ---- */

int inject_check(const struct rules *r, struct rules_diag *diag)
{
	for (size_t i = 0; i < r->n_injects; i++) {
		const struct rules_inject *a = &r->injects[i];

		for (size_t k = 0; k < i; k++) {
			const struct rules_inject *b = &r->injects[k];

			if (a->port == b->port && strcmp(a->host, b->host) == 0 &&
				text_same(a->header, b->header)) {
				memset(diag, 0, sizeof(*diag));
				snprintf(diag->origin, sizeof(diag->origin), "%s", a->origin);
				diag->line = a->line;
				diag->column = 1;
				snprintf(diag->message, sizeof(diag->message),
					"%.120s:%u injects the same header for the same host",
					b->origin, b->line);
				return RULES_ECONFLICT;
			}
		}
	}
	return RULES_OK;
}

static bool covers(const struct rules_inject *inject, const struct rules_target *target)
{
	return target->scheme == RULES_HTTPS && inject->port == target->port &&
	       rules_host_matches(inject->host, target->host);
}

/* Exact before `*.` before `**.`, and of one kind the longer name. */
static bool is_narrower(const struct rules_inject *a, const struct rules_inject *b)
{
	size_t wild_a = strspn(a->host, "*"), wild_b = strspn(b->host, "*");

	return wild_a != wild_b ? wild_a < wild_b : strlen(a->host) > strlen(b->host);
}

const struct rules_inject *rules_injected(
	const struct rules *r, const struct rules_target *target, size_t *at)
{
	while (*at < r->n_injects) {
		const struct rules_inject *inject = &r->injects[(*at)++];
		bool best = covers(inject, target);

		for (size_t i = 0; best && i < r->n_injects; i++) {
			const struct rules_inject *other = &r->injects[i];

			best = other == inject || !text_same(other->header, inject->header) ||
			       !covers(other, target) || !is_narrower(other, inject);
		}
		if (best) {
			return inject;
		}
	}
	return NULL;
}

void rules_inject_attach(struct rules *r, size_t i, const char *value)
{
	assert(r->compiled && i < r->n_injects);
	r->injects[i].attached = value;
}
