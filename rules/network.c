/*
 * allow, deny and tunnel: methods, target pattern, conditions.
 */
#include "rules/parse.h"
#include "rules/text.h"

#include <stdio.h>
#include <string.h>

static int parse_methods(struct parser *p, struct rule *rule)
{
	const struct word *word;
	int error = parse_want(p, "methods (GET,HEAD or *)", &word);
	size_t n = 1, i = 0;
	const char **methods;
	char *text;

	if (error != RULES_OK) {
		return error;
	}
	if (strcmp(word->text, "*") == 0) {
		return RULES_OK;
	}
	for (const char *c = word->text; *c != '\0'; c++) {
		if (*c == ',') {
			n++;
		} else if ((*c < 'A' || *c > 'Z') && *c != '-') {
			return parse_error(p, word,
				"`%.40s`: expected methods in capitals, separated by commas, or *",
				word->text);
		}
	}
	text = memory_copy(p->r, word->text, strlen(word->text));
	methods = memory_alloc(p->r, (n + 1) * sizeof(*methods));
	if (text == NULL || methods == NULL) {
		return RULES_EMEMORY;
	}
	for (char *part = text; part != NULL;) {
		char *comma = strchr(part, ',');

		if (comma != NULL) {
			*comma++ = '\0';
		}
		if (*part == '\0') {
			return parse_error(p, word, "an empty method in `%.40s`", word->text);
		}
		methods[i++] = part;
		part = comma;
	}
	methods[i] = NULL;
	rule->methods = methods;
	return RULES_OK;
}

/* ---- the target pattern ---- */

static int parse_host(struct parser *p, struct rule *rule, const struct word *word, char *host)
{
	char canonical[RULES_HOST_MAX];
	bool is_address;
	uint16_t port;
	int error;

	if (strcmp(host, "**") == 0) {
		rule->host_kind = HOST_ANY;
		rule->host = "";
		return RULES_OK;
	}
	if (strncmp(host, "**.", 3) == 0) {
		rule->host_kind = HOST_DEEP;
		host += 3;
	} else if (strncmp(host, "*.", 2) == 0) {
		rule->host_kind = HOST_ONE;
		host += 2;
	}
	if (strchr(host, '*') != NULL) {
		return parse_error(p, word,
			"in a host * stands for one whole label in front (*.example.com), ** for "
			"any number");
	}
	error = rules_authority(host, strlen(host), canonical, &is_address, &port);
	if (error != RULES_TARGET_OK) {
		return parse_error(
			p, word, "`%.80s` is no host: %s", host, rules_target_strerror(error));
	}
	if (is_address && rule->host_kind != HOST_EXACT) {
		return parse_error(p, word, "a wildcard in front of an address means nothing");
	}
	rule->port = port;
	rule->host = memory_copy(p->r, canonical, strlen(canonical));
	return rule->host != NULL ? RULES_OK : RULES_EMEMORY;
}

static int parse_path(
	struct parser *p, struct rule *rule, const struct word *word, const char *path)
{
	struct rules_target target = {0};
	const char *deep = strstr(path, "**");
	char buf[LEX_LINE + 8];
	int error;

	if (deep != NULL && (strcmp(deep, "**") != 0 || deep[-1] != '/')) {
		return parse_error(p, word,
			"** stands for the whole rest of a path: expected it last, after /");
	}
	error = rules_path(path, strlen(path), &target, buf, sizeof(buf));
	if (error != RULES_TARGET_OK) {
		return parse_error(
			p, word, "`%.80s` is no path: %s", path, rules_target_strerror(error));
	}
	if (target.query != NULL) {
		return parse_error(p, word,
			"a target has no query: expected the condition `query key=pattern`");
	}
	rule->path = memory_copy(p->r, target.path, strlen(target.path));
	return rule->path != NULL ? RULES_OK : RULES_EMEMORY;
}

static int parse_target(struct parser *p, struct rule *rule)
{
	const struct word *word;
	int error = parse_want(p, "a target such as example.com/path/**", &word);
	char host[LEX_LINE];
	const char *rest;
	size_t n;

	if (error != RULES_OK) {
		return error;
	}
	rest = word->text;
	/* A deny without a scheme is meant for the host, however it is spoken to. */
	rule->schemes = rule->verb == VERB_TUNNEL ? SCHEME_TCP
			: rule->verb == VERB_DENY ? SCHEME_HTTP | SCHEME_HTTPS | SCHEME_TCP
						  : SCHEME_HTTPS;
	if (strncmp(rest, "https://", 8) == 0) {
		rule->schemes = SCHEME_HTTPS;
		rest += 8;
	} else if (strncmp(rest, "http://", 7) == 0) {
		rule->schemes = SCHEME_HTTP;
		rest += 7;
	} else if (strstr(rest, "://") != NULL) {
		return parse_error(p, word, "`%.40s`: expected http:// or https://", rest);
	}
	n = strcspn(rest, "/");
	memcpy(host, rest, n);
	host[n] = '\0';
	if (strncmp(host, "**:", 3) == 0) {
		uint16_t port;

		if (text_port(host + 3, n - 3, &port) != RULES_TARGET_OK) {
			return parse_error(
				p, word, "`%.40s`: expected a port from 1 to 65535", host + 3);
		}
		rule->host_kind = HOST_ANY;
		rule->host = "";
		rule->port = port;
	} else {
		error = parse_host(p, rule, word, host);
	}
	if (error == RULES_OK && rest[n] == '/') {
		error = parse_path(p, rule, word, rest + n);
	}
	if (error != RULES_OK) {
		return error;
	}
	if (rule->verb == VERB_TUNNEL &&
		(rule->path != NULL || strstr(word->text, "://") != NULL)) {
		return parse_error(p, word, "a tunnel is not read: expected host:port alone");
	}
	if (rule->verb == VERB_TUNNEL && rule->port == 0) {
		return parse_error(p, word, "a tunnel needs its port: expected host:port");
	}
	if (rule->port == 0 && rule->verb == VERB_ALLOW) {
		rule->port = rule->schemes == SCHEME_HTTP ? 80 : 443;
	}
	if (rule->port == 0 && rule->verb == VERB_DENY && (rule->schemes & SCHEME_TCP) == 0) {
		rule->port = rule->schemes == SCHEME_HTTP ? 80 : 443;
	}
	return RULES_OK;
}

/* ---- conditions ---- */

/* `barred`: characters that a key may not have. */
static int parse_pair(struct parser *p, struct pair **list, const char *what, const char *barred)
{
	const struct word *word;
	struct pair *pair;
	const char *equals;
	int error = parse_want(p, what, &word);

	if (error != RULES_OK) {
		return error;
	}
	equals = strchr(word->text, '=');
	if (equals == NULL || equals == word->text) {
		return parse_error(p, word, "`%.40s`: expected %s", word->text, what);
	}
	if (strcspn(word->text, barred) < (size_t)(equals - word->text)) {
		return parse_error(p, word,
			"`%.40s`: a key with one of %s is read in more ways than one", word->text,
			barred);
	}
	pair = memory_alloc(p->r, sizeof(*pair));
	if (pair == NULL) {
		return RULES_EMEMORY;
	}
	pair->key = memory_copy(p->r, word->text, (size_t)(equals - word->text));
	pair->pattern = memory_copy(p->r, equals + 1, strlen(equals + 1));
	pair->next = *list;
	*list = pair;
	return pair->key != NULL && pair->pattern != NULL ? RULES_OK : RULES_EMEMORY;
}

static int parse_text_condition(struct parser *p, const char **ret_text, const char *what)
{
	const struct word *word;
	int error = parse_want(p, what, &word);

	if (error != RULES_OK) {
		return error;
	}
	*ret_text = memory_copy(p->r, word->text, strlen(word->text));
	return *ret_text != NULL ? RULES_OK : RULES_EMEMORY;
}

static int parse_path_condition(struct parser *p, const struct word *word, const char **ret_path)
{
	if (*ret_path != NULL) {
		return parse_error(p, word, "`%s` is said twice", word->text);
	}
	return parse_text_condition(p, ret_path, "a file, absolute or beside the rules");
}

static int parse_program(struct parser *p, const struct word *word, const char **ret_program)
{
	int error;

	if (*ret_program != NULL) {
		return parse_error(p, word, "`by` is said twice");
	}
	error = parse_text_condition(p, ret_program, "a program such as /usr/bin/git");
	if (error == RULES_OK && **ret_program != '/') {
		return parse_error(p, word,
			"`by %.80s`: expected the whole path of a program, such as /usr/bin/git",
			*ret_program);
	}
	return error;
}

/* A certificate says who asks: whoever may hear that has a name. */
static int check_upstream(struct parser *p, const struct rule *rule)
{
	if ((rule->cert != NULL) != (rule->key != NULL)) {
		return parse_error(p, NULL, "expected `cert FILE key FILE`, both of them");
	}
	if ((rule->ca != NULL || rule->cert != NULL) && rule->schemes != SCHEME_HTTPS) {
		return parse_error(p, NULL, "`ca` and `cert` are about TLS: expected https://");
	}
	if (rule->cert != NULL && rule->host_kind == HOST_ANY) {
		return parse_error(p, NULL, "a client certificate for every host: expected a host");
	}
	return RULES_OK;
}

static int parse_relax(struct parser *p, struct rule *rule)
{
	static const struct {
		const char *word;
		enum rules_relax bit;
	} checks[] = {{"expired", RULES_RELAX_EXPIRED}, {"name", RULES_RELAX_NAME},
		{"untrusted", RULES_RELAX_UNTRUSTED}, {"weak", RULES_RELAX_WEAK},
		{"staple", RULES_RELAX_STAPLE}};
	const struct word *word;
	int error = parse_want(p, "expired, name, untrusted, weak or staple", &word);

	if (error != RULES_OK) {
		return error;
	}
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		if (strcmp(word->text, checks[i].word) == 0) {
			rule->relax |= checks[i].bit;
			return RULES_OK;
		}
	}
	return parse_error(
		p, word, "`%.40s`: expected expired, name, untrusted, weak or staple", word->text);
}

static int parse_body(struct parser *p, struct rule *rule, const struct word *word)
{
	uint64_t size;

	if (!parse_size(word->text + 6, &size)) {
		return parse_error(
			p, word, "`%.40s`: expected body<= and a size such as 8MiB", word->text);
	}
	rule->has_body_max = true;
	rule->body_max = (int64_t)size;
	return RULES_OK;
}

static int parse_condition(struct parser *p, struct rule *rule, const struct word *word)
{
	static const char *const words[] = {"private", "websocket", "encoded-slash", "query",
		"header", "type", "by", "log", "insecure", "ca", "cert", "key", NULL};
	const char *w = word->text;
	const struct word *second;
	int error;

	if (strcmp(w, "private") == 0) {
		rule->private_ok = true;
	} else if (strcmp(w, "by") == 0) {
		return parse_program(p, word, &rule->program);
	} else if (rule->verb == VERB_TUNNEL) {
		return parse_error(
			p, word, "`%.40s`: a tunnel takes no condition but private and by", w);
	} else if (strcmp(w, "websocket") == 0) {
		rule->websocket = true;
	} else if (strcmp(w, "encoded-slash") == 0) {
		rule->encoded_slash = true;
	} else if (strncmp(w, "body<=", 6) == 0) {
		return parse_body(p, rule, word);
	} else if (strcmp(w, "query") == 0) {
		return parse_pair(p, &rule->query, "key=pattern", "%+;&");
	} else if (strcmp(w, "header") == 0) {
		return parse_pair(p, &rule->headers, "Name=pattern", "");
	} else if (strcmp(w, "type") == 0) {
		return parse_text_condition(
			p, &rule->type, "a media type such as application/json");
	} else if (strcmp(w, "ca") == 0) {
		return parse_path_condition(p, word, &rule->ca);
	} else if (strcmp(w, "cert") == 0) {
		return parse_path_condition(p, word, &rule->cert);
	} else if (strcmp(w, "key") == 0) {
		return parse_path_condition(p, word, &rule->key);
	} else if (strcmp(w, "insecure") == 0) {
		return parse_relax(p, rule);
	} else if (strcmp(w, "log") == 0) {
		error = parse_want(p, "body", &second);
		if (error == RULES_OK && strcmp(second->text, "body") != 0) {
			error = parse_error(p, second, "`%.40s`: expected log body", second->text);
		}
		rule->log_body = true;
		return error;
	} else {
		return parse_error(p, word,
			"`%.40s` is no condition: expected body<=SIZE, query, header, type, "
			"websocket, private, "
			"by, log body, encoded-slash, insecure, ca, cert or key%s",
			w, parse_near(w, words));
	}
	return RULES_OK;
}

/* Words that widen an allow say nothing of a deny. */
static int check_deny(struct parser *p, const struct rule *rule)
{
	if (rule->private_ok || rule->websocket || rule->log_body || rule->encoded_slash ||
		rule->has_body_max || rule->relax != 0 || rule->ca != NULL || rule->cert != NULL ||
		rule->key != NULL) {
		return parse_error(p, NULL,
			"a deny takes the conditions query, header, type and by; the others widen "
			"an allow");
	}
	return RULES_OK;
}

int parse_network(struct parser *p, enum verb verb)
{
	struct rule rule = {.verb = verb, .line = p->line_number, .origin = p->origin}, *kept;
	const struct word *word;
	char where[320];
	int error = verb == VERB_TUNNEL ? RULES_OK : parse_methods(p, &rule);

	if (error == RULES_OK) {
		error = parse_target(p, &rule);
	}
	while (error == RULES_OK && (word = parse_next(p)) != NULL) {
		error = parse_condition(p, &rule, word);
	}
	if (error == RULES_OK && verb == VERB_DENY) {
		error = check_deny(p, &rule);
	}
	if (error == RULES_OK) {
		error = check_upstream(p, &rule);
	}
	if (error != RULES_OK) {
		return error;
	}
	rule.text = memory_copy(p->r, p->line.raw, strlen(p->line.raw));
	snprintf(where, sizeof(where), "%s:%u", rule.origin, rule.line);
	rule.where = memory_copy(p->r, where, strlen(where));
	kept = array_push((void **)&p->r->rules, &p->r->n_rules, &p->r->rules_size, sizeof(rule));
	if (rule.text == NULL || rule.where == NULL || kept == NULL) {
		return RULES_EMEMORY;
	}
	*kept = rule;
	p->r->by |= rule.program != NULL;
	return RULES_OK;
}
