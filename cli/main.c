/*
 * The program: a table of verbs.
 */
#include "cli/characters.h"
#include "cli/place.h"
#include "cli/verbs.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	int (*fn)(int argc, char **argv);
	const char *help;
} verbs[] = {
	{"run", verb_run, "run a command in the jail, its traffic judged and recorded"},
	{"shell", verb_shell, "the same with an interactive shell, on a terminal of its own"},
	{"gateway", verb_gateway, "serve many clients without a jail, until told to end"},
	{"ca", verb_ca, "make, show and export the CA of a gateway"},
	{"rules", verb_rules, "check a rules file, or explain what it says of a request"},
	{"log", verb_log, "show, follow, export and verify a record"},
	{"files", verb_files, "make and check lists of checksums"},
	{"changes", verb_changes, "show, take or drop what a run with --review changed"},
	{"connect", verb_connect, "carry standard input and output through the proxy (for ssh)"},
	{"doctor", verb_doctor, "what this machine gives; --probe tries to get out of a jail"},
	{"version", verb_version, "say what this program is and was built from"},
};

/* Names of files, and what others said, are in it. */
int complain(const char *format, ...)
{
	char line[1024], *more = NULL;
	va_list args, again;
	int len;

	va_start(args, format);
	va_copy(again, args);
	len = vsnprintf(line, sizeof(line), format, args);
	if (len >= (int)sizeof(line) && (more = malloc((size_t)len + 1)) != NULL) {
		vsnprintf(more, (size_t)len + 1, format, again);
	}
	va_end(again);
	va_end(args);
	fputs("sallyport: ", stderr);
	print_visible(stderr, more != NULL ? more : line, "");
	fputc('\n', stderr);
	free(more);
	return EXIT_OURS;
}

static void print_help(FILE *to)
{
	fputs("usage: sallyport VERB [OPTION...]\n\n"
	      "A jail for a command whose only way out reads, judges and records every "
	      "request.\n\n",
		to);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		fprintf(to, "  %-9s %s\n", verbs[i].name, verbs[i].help);
	}
	fputs("\nsallyport VERB --help says more. For example:\n"
	      "  sallyport run --use npm -- npm install\n",
		to);
}

int main(int argc, char **argv)
{
	const char *verb;

	place_hold_standard();
	if (argc < 2) {
		print_help(stderr);
		return EXIT_OURS;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0 ||
		strcmp(argv[1], "-h") == 0) {
		print_help(stdout);
		return 0;
	}
	/* What only the program itself asks of itself. */
	if (strcmp(argv[1], "probe") == 0) {
		return verb_probe(argc - 1, argv + 1);
	}
	if (strcmp(argv[1], "__relay") == 0) {
		return verb_relay(argc - 1, argv + 1);
	}
	verb = strcmp(argv[1], "--version") == 0 ? "version" : argv[1];
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(verb, verbs[i].name) == 0) {
			return verbs[i].fn(argc - 1, argv + 1);
		}
	}
	return complain("`%s` is no verb; sallyport --help lists them", verb);
}
