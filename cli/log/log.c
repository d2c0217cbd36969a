/*
 * sallyport log: a table of its verbs.
 */
#include "cli/log/query.h"
#include "cli/log/verify.h"
#include "cli/verbs.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	int (*fn)(int argc, char **argv);
	const char *help;
} verbs[] = {
	{"show", log_show, "one line a request: verdict, status, bytes, time, rule"},
	{"follow", log_follow, "the same, live"},
	{"stats", log_stats, "requests, refusals, bytes and latencies by host"},
	{"export", log_export, "as jsonl, csv, har, ocsf or otel, for other programs"},
	{"artifacts", log_artifacts, "what was downloaded, with digests; held against a lock file"},
	{"verify", log_verify, "is the record what was sealed? names the first bad record"},
	{"prove", log_prove, "a proof that one record is in it"},
	{"verify-proof", log_verify_proof, "checks such a proof alone"},
};

static void print_help(void)
{
	fputs("usage: sallyport log VERB [OPTION...] [DIR]\n\n"
	      "Reads a record: a folder of JSON Lines, described in docs/audit.md.\n\n",
		stdout);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		printf("  %-12s %s\n", verbs[i].name, verbs[i].help);
	}
	fputs("\nsallyport log VERB --help says more. Options that most of them share:\n\n",
		stdout);
	fputs(log_query_help, stdout);
}

int verb_log(int argc, char **argv)
{
	if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)) {
		print_help();
		return 0;
	}
	for (size_t i = 0; argc >= 2 && i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(argv[1], verbs[i].name) == 0) {
			return verbs[i].fn(argc - 1, argv + 1);
		}
	}
	return complain("log wants show, follow, stats, export, artifacts, verify, prove or "
			"verify-proof%s%s; "
			"sallyport log --help "
			"says more",
		argc >= 2 ? ", not " : "", argc >= 2 ? argv[1] : "");
}
