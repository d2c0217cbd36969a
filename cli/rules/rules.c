/*
 * sallyport rules check|explain: the rules asked offline, by the code that the gateway runs.
 */
#include "certs/certs.h"
#include "cli/rules/replay.h"
#include "cli/rules/ruleset.h"
#include "cli/rules/upstreams.h"
#include "cli/verbs.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"usage: sallyport rules check [--use PRESET,...] [--expand] [FILE]\n"
	"       sallyport rules explain [--rules FILE] [--use PRESET,...] [--body BYTES] [--by "
	"PROGRAM]\n"
	"                               METHOD URL\n"
	"       sallyport rules replay [OPTION...] [RECORD]\n"
	"\n"
	"check     reads FILE (sallyport.rules of this folder by default) and says whether it is "
	"well-formed;\n"
	"          --expand prints every network statement in force, presets included.\n"
	"explain   says what the rules decide of one request and which statement decides it; "
	"without --by of\n"
	"          one whose program is not known. Exit status 0: allowed, 1: refused.\n"
	"replay    judges the requests of a record with other rules; its own --help says more.\n"
	"\n"
	"The language is described in docs/rules.md.\n";

static void print_statement(void *arg, const char *origin, unsigned line, const char *statement)
{
	(void)arg;
	printf("%-60s # %s:%u\n", statement, origin, line);
}

/* Certificates and keys that are named must be there and be what they should. */
static int check_files(struct rules *rules)
{
	struct upstreams_problem problem = {""};
	struct upstreams *upstreams = NULL;
	struct text files = {0};
	struct certs_diag diag;
	int status = 0;

	if (certs_init(&diag) != CERTS_OK) {
		return complain("%s", diag.message);
	}
	if (upstreams_read(rules, &files, &problem) != 0 ||
		upstreams_make(rules, &files, NULL, &upstreams, &problem) != 0) {
		status = complain("%s", problem.text);
	}
	upstreams_wipe(&files);
	upstreams_destroy(upstreams);
	return status;
}

static int check(int argc, char **argv)
{
	static const struct option options[] = {{"use", required_argument, NULL, 'u'},
		{"expand", no_argument, NULL, 'e'}, {"help", no_argument, NULL, 'h'}, {0}};
	const char *uses = NULL, *path;
	bool expand = false;
	struct ruleset set;
	int option, status;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'u': uses = optarg; break;
		case 'e': expand = true; break;
		case 'h': fputs(help, stdout); return 0;
		default: return EXIT_OURS;
		}
	}
	path = optind < argc ? argv[optind] : NULL;
	if (optind + 1 < argc) {
		return complain("rules check takes one file");
	}
	status = ruleset_load(path, uses, &set);
	if (status != 0) {
		return status;
	}
	if (check_files(set.rules) != 0) {
		ruleset_finish(&set);
		return EXIT_OURS;
	}
	if (expand) {
		rules_each_statement(set.rules, print_statement, NULL);
	} else {
		printf("%s: well-formed\n", path != NULL ? path : "sallyport.rules");
	}
	ruleset_finish(&set);
	return 0;
}

static int explain_url(const struct rules *rules, const char *method, const char *url, int64_t body,
	const char *program)
{
	struct rules_target target;
	struct rules_request request = {
		.method = method, .target = &target, .body_length = body, .program = program};
	struct rules_decision d;
	char buf[16384], line[16384];
	int error = rules_target_from_url(url, strlen(url), &target, buf, sizeof(buf));

	if (error != RULES_TARGET_OK) {
		printf("refused: %s (%s)\n", rules_target_strerror(error),
			rules_target_word(error));
		return 1;
	}
	rules_judge(rules, &request, &d);
	printf("%s %s://%s:%u%s%s%s\n", method, rules_scheme_name(target.scheme), target.host,
		target.port, target.path, target.query != NULL ? "?" : "",
		target.query != NULL ? target.query : "");
	printf("%s: %s (%s)\n", d.verdict == RULES_ALLOW ? "allowed" : "refused",
		rules_reason_sentence(d.reason), rules_reason_word(d.reason));
	if (d.origin != NULL) {
		printf("by %s:%u: %s\n", d.origin, d.line, d.statement);
	}
	if (d.upstream != NULL && d.upstream->ca != NULL) {
		printf("its origin may be vouched for by %s too (%s:%u)\n", d.upstream->ca,
			d.upstream->origin, d.upstream->line);
	}
	if (d.upstream != NULL && d.upstream->cert != NULL) {
		printf("its origin is shown %s when it asks who we are (%s:%u)\n", d.upstream->cert,
			d.upstream->origin, d.upstream->line);
	}
	for (size_t at = 0; d.verdict == RULES_ALLOW;) {
		const struct rules_inject *injected = rules_injected(rules, &target, &at);

		if (injected == NULL) {
			break;
		}
		printf("%s is put in on its way (%s:%u)\n", injected->header, injected->origin,
			injected->line);
	}
	if (d.by) {
		printf("it is for another program than %s\n",
			program != NULL ? program : "one that is not known (--by PROGRAM)");
	}
	if (d.verdict == RULES_DENY && d.reason == RULES_NO_RULE) {
		request.program = NULL;
		rules_suggest(&request, line, sizeof(line));
		printf("to allow it, add: %s\n", line);
	}
	return d.verdict == RULES_ALLOW ? 0 : 1;
}

static int explain(int argc, char **argv)
{
	static const struct option options[] = {{"rules", required_argument, NULL, 'r'},
		{"use", required_argument, NULL, 'u'}, {"body", required_argument, NULL, 'b'},
		{"by", required_argument, NULL, 'y'}, {"help", no_argument, NULL, 'h'}, {0}};
	const char *path = NULL, *uses = NULL, *program = NULL;
	struct ruleset set;
	int64_t body = 0;
	int option, status;

	while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		switch (option) {
		case 'r': path = optarg; break;
		case 'u': uses = optarg; break;
		case 'b': body = strtoll(optarg, NULL, 10); break;
		case 'y': program = optarg; break;
		case 'h': fputs(help, stdout); return 0;
		default: return EXIT_OURS;
		}
	}
	if (argc - optind != 2) {
		return complain("rules explain wants METHOD and URL: sallyport rules explain GET "
				"https://example.com/");
	}
	status = ruleset_load(path, uses, &set);
	if (status == 0) {
		status = explain_url(set.rules, argv[optind], argv[optind + 1], body, program);
		ruleset_finish(&set);
	}
	return status;
}

int verb_rules(int argc, char **argv)
{
	if (argc >= 2 && strcmp(argv[1], "check") == 0) {
		return check(argc - 1, argv + 1);
	}
	if (argc >= 2 && strcmp(argv[1], "explain") == 0) {
		return explain(argc - 1, argv + 1);
	}
	if (argc >= 2 && strcmp(argv[1], "replay") == 0) {
		return rules_replay(argc - 1, argv + 1);
	}
	if (argc >= 2 && strcmp(argv[1], "--help") == 0) {
		fputs(help, stdout);
		return 0;
	}
	return complain(
		"rules wants check, explain or replay%s%s; sallyport rules --help says more",
		argc >= 2 ? ", not " : "", argc >= 2 ? argv[1] : "");
}
