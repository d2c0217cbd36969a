/*
 * sallyport rules replay: the requests of a record judged again, by other rules, with the code that
 * judged them then.
 *
 * The record knows of a request what the rules asked of it at most: method, target, the chosen
 * fields of its head and the length of its body. A condition on a field that is not on record, or
 * only as a digest, cannot hold here; that is said for each decision it may have changed.
 */
#include "cli/rules/replay.h"
#include "cli/log/query.h"
#include "cli/rules/ruleset.h"
#include "cli/text.h"
#include "cli/verbs.h"
#include "rules/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <yyjson.h>

static const char help[] =
	"usage: sallyport rules replay [OPTION...] [RECORD]\n"
	"\n"
	"Judges the requests, tunnels and names of a record with other rules and prints the "
	"decisions that flip:\n"
	"  + refused then, allowed now    - allowed then, refused now    ~ tunnel became requests, "
	"or the other way\n"
	"\n"
	"  --rules FILE     the other rules (default: sallyport.rules here)\n"
	"  --use PRESET,... presets besides\n"
	"  --all            also what stays as it was\n"
	"\n"
	"Exit status 0: nothing flips, 1: something does. What was refused for other reasons than "
	"rules (a malformed\n"
	"request, say) is counted apart. Conditions on header fields see those that are on "
	"record.\n";

enum { FIELDS = 256 };

struct replay {
	struct log_query query;
	struct ruleset set;
	bool all;
	unsigned long long judged, opened, closed, changed, apart;
	struct text url;
};

/* The head as it was recorded. */
struct head {
	yyjson_doc *doc; /* owned */
	struct rules_header fields[FIELDS];
	size_t n;
};

static void read_head(struct head *h, const char *headers)
{
	yyjson_val *pair;
	yyjson_arr_iter i;

	h->n = 0;
	h->doc = headers != NULL ? yyjson_read(headers, strlen(headers), 0) : NULL;
	i = yyjson_arr_iter_with(yyjson_doc_get_root(h->doc));
	while (h->n < FIELDS && (pair = yyjson_arr_iter_next(&i)) != NULL) {
		struct rules_header *f = &h->fields[h->n];

		f->name = yyjson_get_str(yyjson_arr_get(pair, 0));
		f->value = yyjson_get_str(yyjson_arr_get(pair, 1));
		h->n += f->name != NULL && f->value != NULL;
	}
}

static const char *field(const struct head *h, const char *name)
{
	for (size_t i = 0; i < h->n; i++) {
		if (strcasecmp(h->fields[i].name, name) == 0) {
			return h->fields[i].value;
		}
	}
	return NULL;
}

static int64_t body_length(const struct head *h)
{
	const char *length = field(h, "content-length");

	if (field(h, "transfer-encoding") != NULL) {
		return -1;
	}
	return length != NULL ? strtoll(length, NULL, 10) : 0;
}

/* As the rules were told of it then. */
static const char *program_of(const struct audit_record *r)
{
	return r->program_doubt == NULL ? r->program : NULL;
}

/* False: not a target these rules could have seen. */
static bool judge_request(
	struct replay *p, const struct audit_record *r, struct rules_decision *ret_decision)
{
	static char buf[128 * 1024];
	struct rules_target target;
	struct head head;
	const char *upgrade;
	struct rules_request request = {.method = r->method, .target = &target};

	log_url(&p->url, r);
	if (rules_target_from_url(p->url.data, p->url.len, &target, buf, sizeof(buf)) !=
		RULES_TARGET_OK) {
		return false;
	}
	read_head(&head, r->request_headers);
	upgrade = field(&head, "upgrade");
	request.headers = head.fields;
	request.n_headers = head.n;
	request.body_length = body_length(&head);
	request.websocket = upgrade != NULL && strcasecmp(upgrade, "websocket") == 0;
	request.program = program_of(r);
	rules_judge(p->set.rules, &request, ret_decision);
	yyjson_doc_free(head.doc);
	return true;
}

/* Words of the rules; every other one is of a check that rules have no part in. */
static bool is_of_rules(const char *reason)
{
	for (int i = RULES_NO_RULE; reason != NULL && i <= RULES_ALLOWED; i++) {
		if (strcmp(rules_reason_word((enum rules_reason)i), reason) == 0) {
			return true;
		}
	}
	return false;
}

static bool judge(
	struct replay *p, const struct audit_record *r, struct rules_decision *ret_decision)
{
	if (!is_of_rules(r->reason) || r->host == NULL) {
		return false;
	}
	if (r->kind == AUDIT_INTENT && r->method != NULL && strcmp(r->method, "CONNECT") != 0) {
		return judge_request(p, r, ret_decision);
	}
	/* Known by its host alone: a name, a tunnel, a connection that got no further. */
	rules_judge_host(p->set.rules,
		r->scheme != NULL && strcmp(r->scheme, "https") == 0 ? RULES_HTTPS
								     : RULES_SCHEME_NONE,
		r->host, r->port, r->kind == AUDIT_DNS ? rules_anyone : program_of(r),
		ret_decision);
	return true;
}

static void print_decision(
	struct replay *p, char sign, const struct audit_record *r, const struct rules_decision *d)
{
	static const char *const verdicts[] = {"deny", "allow", "tunnel"};

	log_url(&p->url, r);
	printf("%c %llu ", sign, (unsigned long long)r->seq);
	log_print(r->kind == AUDIT_DNS ? "name" : log_method(r));
	putchar(' ');
	log_print(p->url.data);
	printf("  was ");
	log_print(r->verdict);
	printf(" (");
	log_print(r->rule != NULL ? r->rule : r->reason);
	printf("), is %s (", verdicts[d->verdict]);
	if (d->origin != NULL) {
		printf("%s:%u", d->origin, d->line);
	} else {
		printf("%s", rules_reason_word(d->reason));
	}
	printf(")\n");
}

static void replay(struct replay *p, const struct audit_record *r)
{
	struct rules_decision d;
	bool was_denied = r->verdict != NULL && strcmp(r->verdict, "deny") == 0, is_denied, same;
	bool was_tunnel = r->verdict != NULL && strcmp(r->verdict, "tunnel") == 0;

	if (!judge(p, r, &d)) {
		p->apart++;
		return;
	}
	p->judged++;
	is_denied = d.verdict == RULES_DENY;
	/* Of a name nothing more is asked than whether anything could pass. */
	same = r->kind == AUDIT_DNS || was_denied || was_tunnel == (d.verdict == RULES_TUNNEL);
	if (was_denied != is_denied) {
		p->opened += was_denied;
		p->closed += is_denied;
		print_decision(p, was_denied ? '+' : '-', r, &d);
	} else if (!is_denied && !same) {
		p->changed++;
		print_decision(p, '~', r, &d);
	} else if (p->all) {
		print_decision(p, ' ', r, &d);
	}
}

static int replay_all(struct replay *p)
{
	struct audit_record r;
	int error, status;

	while ((error = log_query_next(&p->query, &r)) == AUDIT_OK) {
		if (r.kind == AUDIT_INTENT || r.kind == AUDIT_DNS) {
			replay(p, &r);
		}
	}
	printf("%llu judged: %llu opened, %llu closed, %llu otherwise; %llu decided by other "
	       "checks "
	       "than rules\n",
		p->judged, p->opened, p->closed, p->changed, p->apart);
	status = log_query_close(&p->query, error);
	return status != 0 ? status : p->opened + p->closed + p->changed > 0;
}

int rules_replay(int argc, char **argv)
{
	static const struct option options[] = {LOG_QUERY_OPTIONS,
		{"rules", required_argument, NULL, 'r'}, {"use", required_argument, NULL, 'u'},
		{"all", no_argument, NULL, 'a'}, {"help", no_argument, NULL, 'h'}, {0}};
	const char *path = NULL, *uses = NULL;
	struct replay p = {.all = false};
	int option, status = 0;

	while (status == 0 && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		status = log_query_option(&p.query, option, optarg);
		if (status != -1) {
			continue;
		}
		status = 0;
		switch (option) {
		case 'r': path = optarg; break;
		case 'u': uses = optarg; break;
		case 'a': p.all = true; break;
		case 'h':
			fputs(help, stdout);
			fputs(log_query_help, stdout);
			return 0;
		default: break;
		}
	}
	if (status == 0 && argc - optind > 1) {
		status = complain("rules replay wants one record folder");
	}
	if (status != 0) {
		return status;
	}
	status = ruleset_load(path, uses, &p.set);
	if (status == 0) {
		status = log_query_open(&p.query, argv[optind]);
		if (status == 0) {
			status = replay_all(&p);
		}
		ruleset_finish(&p.set);
	}
	text_finish(&p.url);
	return status;
}
