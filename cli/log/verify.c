/*
 * sallyport log verify, prove, verify-proof: for whoever has to believe a record, offline.
 */
#include "cli/log/verify.h"
#include "audit/verify.h"
#include "cli/log/query.h"
#include "cli/place.h"
#include "cli/verbs.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BAD = 1, INPUT_MAX = 4 * 1024 * 1024 };

static const char help[] =
	"usage: sallyport log verify [--key FILE] [--since CHECKPOINT] DIR\n"
	"       sallyport log prove SEQ DIR\n"
	"       sallyport log verify-proof [--key FILE] [PROOF]\n"
	"\n"
	"verify checks every record of a folder against its signed checkpoints, and names the\n"
	"first that is not what was sealed. prove prints a proof that one record is under the\n"
	"last checkpoint; verify-proof checks such a proof, alone, and prints the record.\n"
	"  --key FILE          whom to believe: public keys, one a line (default: this\n"
	"                      installation's; else the folder's own, which shows accidents but\n"
	"                      no forger)\n"
	"  --since CHECKPOINT  a file with a checkpoint kept elsewhere (--checkpoint-to): the\n"
	"                      record has to continue it\n"
	"\n"
	"Exit status: 0 good, 1 bad, 125 when it cannot be told.\n";

struct question {
	const char *key, *since;
	struct audit_public_key keys[AUDIT_KEYS];
	size_t n_keys;
};

/* 0; an exit status; -1: help was given. */
static int parse(struct question *q, int argc, char **argv)
{
	static const struct option options[] = {{"key", required_argument, NULL, 'k'},
		{"since", required_argument, NULL, 's'}, {"help", no_argument, NULL, 'h'}, {0}};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'k': q->key = optarg; break;
		case 's': q->since = optarg; break;
		case 'h': fputs(help, stdout); return -1;
		default: return complain("sallyport log verify --help lists the options");
		}
	}
	return 0;
}

/* The key that was named; this installation's; the folder's. */
static int load_keys(struct question *q, const char *dir)
{
	char path[PATH_MAX], state[PATH_MAX];
	struct audit_diag diag;

	if (q->key != NULL) {
		snprintf(path, sizeof(path), "%s", q->key);
	} else if (place_state(state, sizeof(state)) != 0 ||
		   snprintf(path, sizeof(path), "%s/record.key.pub", state) >= (int)sizeof(path) ||
		   access(path, R_OK) != 0) {
		if (dir == NULL) {
			return complain("there is no key of this installation: say --key FILE");
		}
		if (snprintf(path, sizeof(path), "%s/key.pub", dir) >= (int)sizeof(path)) {
			return complain("the path of the record folder is too long");
		}
		complain("no --key: the folder's own key is believed, which shows accidents but "
			 "no forger");
	}
	if (audit_keys_read(path, q->keys, &q->n_keys, &diag) != AUDIT_OK) {
		return complain("%s %s", diag.path, diag.message);
	}
	return 0;
}

static char *read_input(const char *path)
{
	FILE *in = path != NULL ? fopen(path, "rb") : stdin;
	char *text = in != NULL ? malloc(INPUT_MAX + 1) : NULL;
	size_t len = text != NULL ? fread(text, 1, INPUT_MAX, in) : 0;

	if (in != NULL && path != NULL) {
		fclose(in);
	}
	if (text == NULL) {
		complain("%s cannot be read: %s", path != NULL ? path : "the input",
			strerror(errno));
		return NULL;
	}
	text[len] = '\0';
	return text;
}

/* A file of pushed checkpoints holds many: the last is the one that says most. */
static const char *last_note(char *text)
{
	char *at = text, *last = text, *end;

	while ((end = strstr(at, "\n\n")) != NULL && (end = strstr(end + 2, "\n\n")) != NULL) {
		at = end + 2;
		if (*at == '\0') {
			break;
		}
		last = at;
	}
	return last;
}

static void print_bodies(const struct audit_verdict *v)
{
	if (v->bodies == 0) {
		return;
	}
	printf("good: %llu stored bodies hold what their names say, and none that a record tells "
	       "of is missing",
		(unsigned long long)v->bodies);
	if (v->untold > 0) {
		printf("; of %llu no record tells", (unsigned long long)v->untold);
	}
	printf("\n");
}

static int print_verdict(const char *dir, const struct audit_verdict *v)
{
	static const char *const what[] = {
		"unknown", "good", "record", "checkpoint", "tree", "since", "body"};

	if (v->bad == AUDIT_GOOD) {
		printf("good: %llu records, %llu of them sealed by %llu checkpoints",
			(unsigned long long)v->records, (unsigned long long)v->sealed,
			(unsigned long long)v->checkpoints);
		if (v->retired > 0) {
			printf(", %llu taken by retention", (unsigned long long)v->retired);
		}
		if (v->torn > 0) {
			printf(", %llu bytes of an unfinished record at the end",
				(unsigned long long)v->torn);
		}
		printf("\n");
		print_bodies(v);
		return 0;
	}
	if (v->bad == AUDIT_BAD_BODY && v->first == UINT64_MAX) {
		printf("BAD: a body of no record");
	} else {
		printf("BAD: %s %s%llu", what[v->bad], v->bad == AUDIT_BAD_BODY ? "of record " : "",
			(unsigned long long)v->first);
	}
	if (!v->exact && v->before > v->first) {
		printf(" or later, below %llu", (unsigned long long)v->before);
	}
	printf(": %s%s%s", dir, v->path[0] ? "/" : "", v->path);
	if (v->line > 0) {
		printf(":%llu", (unsigned long long)v->line);
	}
	printf(": ");
	log_print(v->message); /* it may name what stands in a file that anybody wrote */
	printf("\n");
	return BAD;
}

int log_verify(int argc, char **argv)
{
	struct question q = {NULL};
	struct audit_verdict verdict;
	struct audit_diag diag;
	char *since = NULL;
	int status = parse(&q, argc, argv);

	if (status == 0 && argc - optind != 1) {
		status = complain("log verify wants one record folder");
	}
	if (status == 0) {
		status = load_keys(&q, argv[optind]);
	}
	if (status == 0 && q.since != NULL && (since = read_input(q.since)) == NULL) {
		status = EXIT_OURS;
	}
	if (status == 0) {
		status = audit_verify(argv[optind], q.keys, q.n_keys,
				 since != NULL ? last_note(since) : NULL, &verdict,
				 &diag) == AUDIT_OK
				 ? print_verdict(argv[optind], &verdict)
				 : complain("%s %s", diag.path, diag.message);
	}
	free(since);
	return status < 0 ? 0 : status;
}

int log_prove(int argc, char **argv)
{
	struct question q = {NULL};
	struct audit_diag diag;
	char *proof, *end;
	unsigned long long seq;
	int status = parse(&q, argc, argv);

	if (status != 0) {
		return status < 0 ? 0 : status;
	}
	if (argc - optind != 2 || argv[optind][0] < '0' || argv[optind][0] > '9') {
		return complain("log prove wants the number of a record and a record folder");
	}
	seq = strtoull(argv[optind], &end, 10);
	if (*end != '\0') {
		return complain("this is no number of a record: %s", argv[optind]);
	}
	if (audit_prove(argv[optind + 1], seq, &proof, &diag) != AUDIT_OK) {
		return complain("%s %s", diag.path, diag.message);
	}
	fputs(proof, stdout);
	free(proof);
	return 0;
}

int log_verify_proof(int argc, char **argv)
{
	struct question q = {NULL};
	struct audit_diag diag;
	char *proof = NULL, *line;
	int status = parse(&q, argc, argv), error;

	if (status == 0 && argc - optind > 1) {
		status = complain("log verify-proof wants one proof");
	}
	if (status == 0) {
		status = load_keys(&q, NULL);
	}
	if (status == 0 && (proof = read_input(argc > optind ? argv[optind] : NULL)) == NULL) {
		status = EXIT_OURS;
	}
	if (status == 0) {
		error = audit_verify_proof(proof, q.keys, q.n_keys, &line, &diag);
		if (error == AUDIT_OK) {
			printf("%s\n", line);
			free(line);
		} else {
			complain("%s", diag.message);
			status = error == AUDIT_EFORMAT ? BAD : EXIT_OURS;
		}
	}
	free(proof);
	return status < 0 ? 0 : status;
}
