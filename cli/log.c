/*
 * sallyport log show: a record as a table that people read.
 */
#include "audit/audit.h"
#include "cli/log_verify.h"
#include "cli/text.h"
#include "cli/verbs.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char help[] =
	"usage: sallyport log show [--all] DIR\n"
	"       sallyport log verify|prove|verify-proof --help\n"
	"\n"
	"Prints the decisions of a record, one a line, with what became of them.\n"
	"  --all   also names that were asked for, and everything else on record\n"
	"\n"
	"The record itself is JSON Lines, described in docs/audit.md.\n";

struct shown {
	bool all, colour;
	unsigned long long corrupt;
};

static const char *or_dash(const char *text)
{
	return text != NULL ? text : "-";
}

static void print_time(int64_t ns)
{
	time_t seconds = (time_t)(ns / 1000000000);
	struct tm tm;
	char text[32];

	strftime(text, sizeof(text), "%H:%M:%S", gmtime_r(&seconds, &tm));
	printf("%s.%03d ", text, (int)(ns / 1000000 % 1000));
}

static void print_url(const struct audit_record *r)
{
	printf("%s %s://%s", or_dash(r->method), r->scheme != NULL ? r->scheme : "?",
		or_dash(r->host));
	if (r->port != 0 && r->port != 443 && r->port != 80) {
		printf(":%u", r->port);
	}
	printf("%s%s%s", r->path != NULL ? r->path : "", r->query != NULL ? "?" : "",
		r->query != NULL ? r->query : "");
}

static void print_verdict(const struct shown *s, const char *verdict)
{
	bool no = verdict != NULL && strcmp(verdict, "deny") == 0;

	printf("%s%-7s%s", s->colour ? (no ? "\033[31m" : "\033[32m") : "", or_dash(verdict),
		s->colour ? "\033[0m" : "");
}

static void print_intent(const struct shown *s, const struct audit_record *r)
{
	print_time(r->time_ns);
	printf("%5llu ", (unsigned long long)r->request);
	print_verdict(s, r->verdict);
	putchar(' ');
	print_url(r);
	printf("  [%s", or_dash(r->reason));
	if (r->rule != NULL) {
		printf(" %s", r->rule);
	}
	printf("]\n");
}

static void print_outcome(const struct audit_record *r)
{
	print_time(r->time_ns);
	printf("%5llu   -> %-4d %s, %lld bytes out, %lld in, %lld ms, by %s%s%s%s\n",
		(unsigned long long)r->request, r->status, or_dash(r->end),
		(long long)r->request_bytes, (long long)r->response_bytes,
		(long long)(r->total_ns / 1000000), or_dash(r->address),
		r->tls_version != NULL ? " " : "", r->tls_version != NULL ? r->tls_version : "",
		r->detail != NULL ? r->detail : "");
}

static void print_other(const struct shown *s, const struct audit_record *r)
{
	print_time(r->time_ns);
	switch (r->kind) {
	case AUDIT_START:
		printf("      start   %s by %s, rules %.12s, CA %.12s\n", or_dash(r->command),
			or_dash(r->user), or_dash(r->rules_digest), or_dash(r->ca_digest));
		break;
	case AUDIT_STOP:
		printf("      stop    exit status %d, %llu allowed, %llu refused\n", r->exit_status,
			(unsigned long long)r->allowed, (unsigned long long)r->refused);
		break;
	case AUDIT_DNS:
		printf("      ");
		print_verdict(s, r->verdict);
		printf(" name %s %s  [%s]\n", or_dash(r->host), or_dash(r->detail),
			or_dash(r->reason));
		break;
	default:
		printf("      %-7s %s %s\n", audit_kind_name(r->kind), or_dash(r->reason),
			or_dash(r->detail));
		break;
	}
}

static void print_record(const struct shown *s, const struct audit_record *r)
{
	if (r->kind == AUDIT_INTENT) {
		print_intent(s, r);
	} else if (r->kind == AUDIT_OUTCOME) {
		print_outcome(r);
	} else if (s->all || r->kind == AUDIT_START || r->kind == AUDIT_STOP ||
		   r->kind == AUDIT_REPAIR ||
		   (r->kind == AUDIT_DNS && r->verdict != NULL &&
			   strcmp(r->verdict, "deny") == 0)) {
		print_other(s, r);
	}
}

static int show(const char *dir, struct shown *s)
{
	struct audit_reader *reader;
	struct audit_record record;
	struct audit_diag diag;
	int error = audit_reader_open(dir, &reader, &diag);

	if (error != AUDIT_OK) {
		return complain("%s %s", diag.path, diag.message);
	}
	while ((error = audit_reader_next(reader, &record, &diag)) != AUDIT_END) {
		if (error == AUDIT_EFORMAT) {
			s->corrupt++;
			complain("%s:%llu: %s", diag.path, (unsigned long long)diag.line,
				diag.message);
		} else if (error != AUDIT_OK) {
			audit_reader_close(reader);
			return complain("%s %s", diag.path, diag.message);
		} else {
			print_record(s, &record);
		}
	}
	audit_reader_close(reader);
	return s->corrupt > 0 ? 1 : 0;
}

int verb_log(int argc, char **argv)
{
	static const struct option options[] = {
		{"all", no_argument, NULL, 'a'}, {"help", no_argument, NULL, 'h'}, {0}};
	struct shown s = {.colour = isatty(1)};
	int option;

	if (argc >= 2 && strcmp(argv[1], "--help") == 0) {
		fputs(help, stdout);
		return 0;
	}
	if (argc >= 2 && strcmp(argv[1], "verify") == 0) {
		return log_verify(argc - 1, argv + 1);
	}
	if (argc >= 2 && strcmp(argv[1], "prove") == 0) {
		return log_prove(argc - 1, argv + 1);
	}
	if (argc >= 2 && strcmp(argv[1], "verify-proof") == 0) {
		return log_verify_proof(argc - 1, argv + 1);
	}
	if (argc < 2 || strcmp(argv[1], "show") != 0) {
		return complain("log wants show; sallyport log --help says more");
	}
	argc--;
	argv++;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'a': s.all = true; break;
		case 'h': fputs(help, stdout); return 0;
		default: return complain("sallyport log --help lists the options");
		}
	}
	if (argc - optind != 1) {
		return complain("log show wants one record folder");
	}
	return show(argv[optind], &s);
}
