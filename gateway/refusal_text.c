/*
 * Words for a refusal. Nothing of the client's bytes gets in unescaped: the target is canonical,
 * the method a token.
 */
#include "gateway/refusal_text.h"
#include "gateway/session.h"
#include "gateway/worker.h"

#include <stdio.h>
#include <string.h>

static const char *or_empty(const char *text)
{
	return text != NULL ? text : "";
}

/* JSON string content: what is not plain ASCII becomes \u00XX. */
static const char *escape(struct arena *arena, const char *text)
{
	size_t len = strlen(text), n = 0;
	char *out = arena_alloc(arena, len * 6 + 1);

	if (out == NULL) {
		return "";
	}
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '"' || c == '\\' || c < 0x20 || c >= 0x7f) {
			n += (size_t)snprintf(out + n, 7, "\\u%04x", c);
		} else {
			out[n++] = (char)c;
		}
	}
	out[n] = '\0';
	return out;
}

/* A path is the command's choice: it must not steer a terminal. */
static const char *printable(struct arena *arena, const char *text)
{
	char *copy = arena_copy(arena, text, strlen(text));

	for (char *c = copy; c != NULL && *c != '\0'; c++) {
		*c = *c < 0x20 || *c >= 0x7f ? '?' : *c;
	}
	return or_empty(copy);
}

/* Or by something that no line of theirs can change. */
static bool rules_refused(const struct exchange *x)
{
	return x->decision.verdict == RULES_DENY &&
	       strcmp(or_empty(x->refusal.reason), rules_reason_word(x->decision.reason)) == 0;
}

static const char *rule_of(struct session *s)
{
	const struct rules_decision *d = &s->exchange.decision;

	if (d->origin == NULL) {
		return rules_refused(&s->exchange) ? "none: what no statement allows is refused"
						   : "none was asked";
	}
	return arena_printf(&s->exchange.arena, "%s: %s", d->where, or_empty(d->statement));
}

const char *refusal_sentence(struct session *s)
{
	const struct asker *asker = &s->asker;
	const char *sentence = rules_reason_sentence(s->exchange.decision.reason);

	if (!s->exchange.decision.by) {
		return sentence;
	}
	return or_empty(arena_printf(&s->exchange.arena,
		"a statement allows it to another program; who asks is %s%s%s",
		asker->told != NULL ? printable(&s->exchange.arena, asker->told) : "not known",
		asker->doubt != NULL ? ": " : "",
		asker->doubt != NULL ? asker->doubt_sentence : ""));
}

/* Whether or not it is known for sure; "": no statement cares. */
static const char *program_of(const struct session *s)
{
	return (rules_needs(s->worker->gateway->rules) & RULES_NEED_PROGRAM) != 0
		       ? or_empty(s->asker.told)
		       : "";
}

const char *refusal_suggestion(struct session *s)
{
	struct exchange *x = &s->exchange;
	struct rules_target target = x->target;
	struct rules_request request = {.method = "GET", .target = &target};
	char line[1024];

	if (x->decision.by) {
		if (s->asker.program == NULL) {
			return ""; /* nothing that a line could say of it */
		}
		request.program = s->asker.program;
	}
	if (x->target.host == NULL || !rules_refused(x) ||
		(x->decision.reason != RULES_NO_RULE && x->decision.reason != RULES_CONDITION &&
			x->decision.reason != RULES_ENCODED_SLASH)) {
		return "";
	}
	if (x->request != NULL && strcmp(x->request->method, "CONNECT") != 0) {
		request.method = x->request->method;
	} else if (target.port == 22 ||
		   (x->request != NULL && http_field(x->request, "Sallyport-Connect") != NULL)) {
		/* `sallyport connect` says that no HTTP will follow. */
		target.scheme = RULES_TCP;
	}
	rules_suggest(&request, line, sizeof(line));
	return or_empty(arena_copy(&x->arena, line, strlen(line)));
}

/* What is not known is not said. */
static const char *line(struct arena *a, const char *label, const char *text)
{
	return text[0] != '\0' ? or_empty(arena_printf(a, "%s%s\n", label, text)) : "";
}

char *refusal_text(struct session *s, bool json)
{
	struct exchange *x = &s->exchange;
	struct arena *a = &x->arena;
	const char *method = x->request != NULL ? x->request->method : "";
	const char *host = or_empty(x->target.host != NULL ? x->target.host : s->origin.host);
	const char *path = or_empty(x->target.path);
	const char *add = refusal_suggestion(s), *program = program_of(s);
	unsigned port = x->target.host != NULL ? x->target.port : s->origin.port;

	if (json) {
		return arena_printf(a,
			"{\"error\":\"refused by sallyport\",\"reason\":\"%s\",\"message\":\"%s\","
			"\"method\":\"%s\",\"host\":\"%s\",\"port\":%u,\"path\":\"%s\","
			"\"rule\":\"%s\",\"program\":\"%s\",\"add\":\"%s\",\"request\":%llu}\n",
			x->refusal.reason, escape(a, x->refusal.message), escape(a, method),
			escape(a, host), port, escape(a, path), escape(a, or_empty(rule_of(s))),
			escape(a, program), escape(a, add), (unsigned long long)x->id);
	}
	host = host[0] != '\0' ? or_empty(arena_printf(a, "%s port %u", host, port)) : "";
	return arena_printf(a,
		"sallyport refused this request (%s): %s\n%s%s%s%s%s%s  record: request %llu\n",
		x->refusal.reason, x->refusal.message, line(a, "  method: ", method),
		line(a, "  host:   ", host), line(a, "  path:   ", path),
		line(a, "  rule:   ", or_empty(rule_of(s))),
		line(a, "  program: ", printable(a, program)),
		line(a, "  to allow it, add this line to the rules:\n    ", add),
		(unsigned long long)x->id);
}
