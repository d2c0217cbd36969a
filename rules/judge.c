/*
 * The verdict. Pure and without order: every statement whose host matches is asked, deny beats
 * allow, and what nobody allows is denied.
 */
#include "rules/rules_private.h"
#include "rules/text.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static unsigned scheme_bit(enum rules_scheme scheme)
{
	switch (scheme) {
	case RULES_HTTP: return SCHEME_HTTP;
	case RULES_HTTPS: return SCHEME_HTTPS;
	case RULES_TCP: return SCHEME_TCP;
	case RULES_SCHEME_NONE: break;
	}
	return 0;
}

/* ---- conditions: what each says of this request ---- */

static bool method_matches(const struct rule *rule, const char *method)
{
	if (rule->methods == NULL) {
		return true;
	}
	for (const char *const *m = rule->methods; *m != NULL; m++) {
		if (strcmp(*m, method) == 0) {
			return true;
		}
	}
	return false;
}

/* Of values that stand there several times, any may be the one that counts for the origin. */
static enum answer both(bool fits, bool differs)
{
	return !fits ? ANSWER_NO : differs ? ANSWER_UNKNOWN : ANSWER_YES;
}

static enum answer header_matches(const struct rules_request *req, const struct pair *pair)
{
	bool fits = false, differs = false;

	for (size_t i = 0; i < req->n_headers; i++) {
		if (text_same(req->headers[i].name, pair->key)) {
			bool fit = pattern_text(pair->pattern, req->headers[i].value);

			fits |= fit;
			differs |= !fit;
		}
	}
	return both(fits, differs);
}

static enum answer type_matches(const struct rules_request *req, const char *type)
{
	bool fits = false, differs = false;

	for (size_t i = 0; i < req->n_headers; i++) {
		if (text_same(req->headers[i].name, "Content-Type")) {
			char value[256];
			size_t n = strcspn(req->headers[i].value, "; \t");
			bool fit;

			if (n >= sizeof(value)) {
				return ANSWER_UNKNOWN;
			}
			for (size_t k = 0; k < n; k++) {
				value[k] = text_lower(req->headers[i].value[k]);
			}
			value[n] = '\0';
			fit = pattern_text(type, value);
			fits |= fit;
			differs |= !fit;
		}
	}
	return both(fits, differs);
}

static enum answer least(enum answer a, enum answer b)
{
	return a < b ? a : b;
}

const char rules_anyone[] = "anyone";

/* Who is not known for sure is nobody's match, and could be anybody. */
static enum answer program_matches(const struct rule *rule, const char *program)
{
	if (rule->program == NULL) {
		return ANSWER_YES;
	}
	if (program == NULL) {
		return ANSWER_UNKNOWN;
	}
	return pattern_text(rule->program, program) ? ANSWER_YES : ANSWER_NO;
}

/* All conditions together but the program, and body and encoded slash, which have reasons of their
 * own. */
static enum answer conditions(const struct rule *rule, const struct rules_request *req)
{
	enum answer answer = ANSWER_YES;

	for (const struct pair *p = rule->query; p != NULL; p = p->next) {
		answer = least(answer, query_matches(req->target->query, p));
	}
	for (const struct pair *p = rule->headers; p != NULL; p = p->next) {
		answer = least(answer, header_matches(req, p));
	}
	if (rule->type != NULL) {
		answer = least(answer, type_matches(req, rule->type));
	}
	return answer;
}

static bool body_fits(const struct rule *rule, int64_t length)
{
	return !rule->has_body_max || length <= rule->body_max;
}

/* ---- judging a request ---- */

struct judging {
	const struct rules_request *req;
	const char *
		other_path; /* the second reading of an encoded slash; NULL: there is one reading */
	/* as origins read it that merge slashes and cut parameters; NULL: there is one reading */
	const char *loose_path;
	bool loose_unknown; /* it did not fit */
	unsigned scheme;
	const struct rule *best;
	const struct rule *upstream;       /* says `ca` or `cert` for the narrowest host */
	bool allowed_plain, allowed_other; /* each reading, by a rule that says encoded-slash */
	bool any_without_body_max;
	struct rules_decision decision;
};

static bool reading_matches(const struct rule *rule, const char *path)
{
	return rule->path == NULL || pattern_path(rule->path, path);
}

static size_t weight(const struct rule *rule)
{
	return (rule->host_kind == HOST_EXACT        ? 1000
		       : rule->host_kind == HOST_ANY ? 0
						     : 500) +
	       (rule->path != NULL ? strlen(rule->path) : 0);
}

static void name_statement(struct rules_decision *d, const struct rule *rule)
{
	d->origin = rule->origin;
	d->line = rule->line;
	d->where = rule->where;
	d->statement = rule->text;
}

/* Remembers the nearest miss, for the words of the refusal. */
static void missed(struct judging *j, const struct rule *rule, enum rules_reason reason)
{
	if (j->decision.reason == RULES_NO_RULE) {
		j->decision.reason = reason;
		name_statement(&j->decision, rule);
	}
}

static bool on_deny(struct judging *j, const struct rule *rule)
{
	bool path = reading_matches(rule, j->req->target->path) ||
		    (j->other_path != NULL && reading_matches(rule, j->other_path)) ||
		    (j->loose_path != NULL && reading_matches(rule, j->loose_path)) ||
		    j->loose_unknown;

	/* What cannot be known is taken as if it matched: a deny may not be slipped by silence. */
	if (!path || least(conditions(rule, j->req), program_matches(rule, j->req->program)) ==
			     ANSWER_NO) {
		return true;
	}
	memset(&j->decision, 0, sizeof(j->decision));
	j->decision.reason = RULES_DENIED;
	j->decision.body_max = -1;
	name_statement(&j->decision, rule);
	j->best = NULL;
	return false;
}

static void on_allow(struct judging *j, const struct rule *rule)
{
	const struct rules_request *req = j->req;
	bool plain = reading_matches(rule, req->target->path);
	bool other = j->other_path == NULL ? plain : reading_matches(rule, j->other_path);
	struct rules_decision *d = &j->decision;

	if (!plain && !other) {
		return;
	}
	if (conditions(rule, req) != ANSWER_YES || (req->websocket && !rule->websocket)) {
		missed(j, rule, RULES_CONDITION);
		return;
	}
	if (program_matches(rule, req->program) != ANSWER_YES) {
		missed(j, rule, RULES_CONDITION);
		d->by = true;
		return;
	}
	if (!body_fits(rule, req->body_length)) {
		missed(j, rule, RULES_BODY_TOO_LARGE);
		return;
	}
	if (j->other_path != NULL && !rule->encoded_slash) {
		missed(j, rule, RULES_ENCODED_SLASH);
		return;
	}
	j->allowed_plain |= plain;
	j->allowed_other |= other;
	d->private_ok |= rule->private_ok;
	d->websocket_ok |= rule->websocket;
	d->log_body |= rule->log_body;
	d->relax |= rule->relax;
	j->any_without_body_max |= !rule->has_body_max;
	if (rule->has_body_max && rule->body_max > d->body_max) {
		d->body_max = rule->body_max;
	}
	if (j->best == NULL || weight(rule) > weight(j->best)) {
		j->best = rule;
	}
	if (rule->upstream != 0) {
		j->upstream = upstream_narrower(j->upstream, rule);
	}
}

static bool on_rule(void *arg, const struct rule *rule)
{
	struct judging *j = arg;
	const struct rules_target *target = j->req->target;

	if ((rule->schemes & j->scheme) == 0 || (rule->port != 0 && rule->port != target->port) ||
		!method_matches(rule, j->req->method)) {
		return true;
	}
	if (rule->verb == VERB_DENY) {
		return on_deny(j, rule);
	}
	if (rule->verb == VERB_ALLOW) {
		on_allow(j, rule);
	}
	return true;
}

static bool is_safe(const struct rules_request *req)
{
	bool method = strcmp(req->method, "GET") == 0 || strcmp(req->method, "HEAD") == 0 ||
		      strcmp(req->method, "OPTIONS") == 0;

	return method && req->body_length == 0 && !req->websocket;
}

/* %2F as a slash, in place of the path kept as it is. */
static bool decode_slashes(const char *path, char *out, size_t size)
{
	size_t n = 0;

	while (*path != '\0') {
		if (n + 1 >= size) {
			return false;
		}
		if (strncmp(path, "%2F", 3) == 0) {
			out[n++] = '/';
			path += 3;
		} else {
			out[n++] = *path++;
		}
	}
	out[n] = '\0';
	return true;
}

/*
 * "//" as "/", and a segment without what begins at ";": so do some origins read, so that a `deny`
 * of "/x" covers "//x" and "/x;y". What a looser reading allows is not asked: it is not sent so.
 */
static void read_loosely(struct judging *j, const char *path, char *out, size_t size)
{
	size_t n = 0;

	if (strchr(path, ';') == NULL && strstr(path, "//") == NULL) {
		return;
	}
	while (*path != '\0') {
		if (*path == ';') {
			path += strcspn(path, "/");
			continue;
		}
		if (n + 1 >= size) {
			j->loose_unknown = true;
			return;
		}
		if (*path != '/' || n == 0 || out[n - 1] != '/') {
			out[n++] = *path;
		}
		path++;
	}
	out[n] = '\0';
	j->loose_path = out;
}

void rules_judge(
	const struct rules *r, const struct rules_request *req, struct rules_decision *ret_decision)
{
	struct judging j = {.req = req, .scheme = scheme_bit(req->target->scheme)};
	char other[8192], loose[8192];

	assert(r->compiled);
	j.decision.body_max = -1;
	if (r->receive_only && !is_safe(req)) {
		j.decision.reason = RULES_RECEIVE_ONLY;
		*ret_decision = j.decision;
		return;
	}
	if (req->target->encoded_slash) {
		if (!decode_slashes(req->target->path, other, sizeof(other))) {
			j.decision.reason = RULES_ENCODED_SLASH;
			*ret_decision = j.decision;
			return;
		}
		j.other_path = other;
	}
	read_loosely(&j, j.other_path != NULL ? other : req->target->path, loose, sizeof(loose));
	index_each(r, req->target->host, on_rule, &j);
	if (j.decision.reason != RULES_DENIED && j.best != NULL) {
		if (j.allowed_plain && j.allowed_other) {
			j.decision.verdict = RULES_ALLOW;
			j.decision.reason = RULES_ALLOWED;
			if (j.any_without_body_max) {
				j.decision.body_max = -1;
			}
			if (j.upstream != NULL) {
				j.decision.upstream = &r->upstreams[j.upstream->upstream - 1];
			}
		} else {
			j.decision.reason = RULES_ENCODED_SLASH;
		}
		name_statement(&j.decision, j.best);
	}
	if (j.decision.verdict != RULES_ALLOW) {
		j.decision.private_ok = j.decision.websocket_ok = j.decision.log_body = false;
		j.decision.relax = 0;
		j.decision.body_max = -1;
	}
	j.decision.by &= j.decision.reason == RULES_CONDITION;
	*ret_decision = j.decision;
}

/* ---- judging a host ---- */

struct host_judging {
	const struct rules *r;
	unsigned schemes;
	uint16_t port;
	const char *program;
	const struct rule *allow, *tunnel, *deny, *other; /* for other programs */
	bool tunnel_private;
	unsigned allowed, denied; /* SCHEME_* bits: allowed by some rule, denied whole */
};

static enum answer program_of_host(const struct host_judging *j, const struct rule *rule)
{
	bool anyone = j->program == rules_anyone;

	return !anyone ? program_matches(rule, j->program)
	       : rule->verb == VERB_DENY && rule->program != NULL ? ANSWER_NO
								  : ANSWER_YES;
}

static bool is_whole(const struct rule *rule)
{
	return rule->methods == NULL && rule->path == NULL && rule->query == NULL &&
	       rule->headers == NULL && rule->type == NULL;
}

static bool on_host_rule(void *arg, const struct rule *rule)
{
	struct host_judging *j = arg;
	bool port = rule->port == 0 || j->port == 0 || rule->port == j->port;
	enum answer program;

	if ((rule->schemes & j->schemes) == 0 || !port ||
		(rule->verb == VERB_TUNNEL && j->r->receive_only)) {
		return true;
	}
	program = program_of_host(j, rule);
	if (program == ANSWER_NO || (program == ANSWER_UNKNOWN && rule->verb != VERB_DENY)) {
		j->other = rule->verb != VERB_DENY ? rule : j->other;
		return true;
	}
	if (rule->verb == VERB_DENY) {
		/* Asked for any port, a deny of one port leaves the others. */
		if (is_whole(rule) && (rule->port == 0 || j->port != 0)) {
			j->denied |= rule->schemes;
			j->deny = rule;
		}
	} else if (rule->verb == VERB_ALLOW) {
		j->allowed |= rule->schemes;
		if (j->allow == NULL || weight(rule) > weight(j->allow)) {
			j->allow = rule;
		}
	} else {
		j->tunnel_private |= rule->private_ok;
		if (j->tunnel == NULL || weight(rule) > weight(j->tunnel)) {
			j->tunnel = rule;
		}
	}
	return true;
}

void rules_judge_host(const struct rules *r, enum rules_scheme scheme, const char *host,
	uint16_t port, const char *program, struct rules_decision *ret_decision)
{
	struct host_judging j = {.r = r, .port = port, .program = program};
	struct rules_decision d = {.body_max = -1};
	const struct rule *named;

	assert(r->compiled);
	j.schemes = scheme == RULES_SCHEME_NONE ? SCHEME_HTTP | SCHEME_HTTPS | SCHEME_TCP
						: scheme_bit(scheme) | SCHEME_TCP;
	index_each(r, host, on_host_rule, &j);
	if ((j.allowed & j.schemes & ~j.denied) != 0) {
		d.verdict = RULES_ALLOW;
		d.reason = RULES_ALLOWED;
		named = j.allow;
	} else if (j.tunnel != NULL && (j.denied & SCHEME_TCP) == 0) {
		d.verdict = RULES_TUNNEL;
		d.reason = RULES_ALLOWED;
		d.private_ok = j.tunnel_private;
		named = j.tunnel;
	} else if (j.deny != NULL) {
		d.reason = RULES_DENIED;
		named = j.deny;
	} else {
		d.reason = j.other != NULL ? RULES_CONDITION : RULES_NO_RULE;
		d.by = j.other != NULL;
		named = j.other;
	}
	if (named != NULL) {
		name_statement(&d, named);
	}
	*ret_decision = d;
}

void rules_suggest(const struct rules_request *req, char *buf, size_t size)
{
	const struct rules_target *t = req->target;
	bool v6 = strchr(t->host, ':') != NULL, http = t->scheme == RULES_HTTP;
	const char *program = req->program != NULL ? req->program : "";
	const char *quote = program[strcspn(program, " #")] != '\0' ? "\"" : "";
	char port[8] = "", by[1024] = "";

	for (const unsigned char *c = (const unsigned char *)program; *c != '\0'; c++) {
		if (*c < ' ' || *c >= 0x7f || *c == '"' || *c == '*' || *c == '\\') {
			snprintf(buf, size, "%s", ""); /* the language has no words for it */
			return;
		}
	}
	if (program[0] != '\0') {
		snprintf(by, sizeof(by), " by %s%s%s", quote, program, quote);
	}

	if (t->scheme == RULES_TCP) {
		snprintf(buf, size, "tunnel %s:%u%s", t->host, t->port, by);
		return;
	}
	/* A CONNECT does not say what will be spoken; what everybody speaks there is meant. */
	if (t->scheme == RULES_SCHEME_NONE && (t->port == 443 || t->port == 80)) {
		http = t->port == 80;
	} else if (t->port != rules_default_port(t->scheme) && t->port != 0) {
		snprintf(port, sizeof(port), ":%u", t->port);
	}
	snprintf(buf, size, "allow %s %s%s%s%s%s%s%s%s", req->method, http ? "http://" : "",
		v6 ? "[" : "", t->host, v6 ? "]" : "", port, t->path != NULL ? t->path : "/**",
		t->encoded_slash ? " encoded-slash" : "", by);
}
