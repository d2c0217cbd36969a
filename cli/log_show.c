/*
 * sallyport log show, log follow: a record as a table that people read.
 */
#include "cli/log_query.h"
#include "cli/text.h"
#include "cli/verbs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char help_show[] =
	"usage: sallyport log show [OPTION...] [DIR]\n"
	"       sallyport log follow [OPTION...] [DIR]\n"
	"\n"
	"Prints a record, one line a request when it is over or refused: time, number, verdict, "
	"status, bytes of its\n"
	"body out and in, duration, request, and in brackets what decided. follow goes on as the "
	"record grows, until\n"
	"^C.\n"
	"\n"
	"  --all            also names that were asked for, requests as they begin, and everything "
	"else on record\n"
	"  --color WHEN     auto (on a terminal, unless NO_COLOR is set), always or never\n";

struct shown {
	struct log_query query;
	bool all, colour, follow;
	struct log_pairs *open; /* owned: intents whose outcome did not come yet */
	struct text url;
};

enum { VERDICT_WIDTH = 6, DIGEST_WIDTH = 12 };
enum colour { PLAIN = 0, BOLD = 1, DIM = 2, RED = 31, GREEN = 32, YELLOW = 33, CYAN = 36 };

static void paint(const struct shown *s, enum colour colour)
{
	if (s->colour) {
		printf("\033[%dm", (int)colour);
	}
}

static void print_time(const struct shown *s, int64_t ns)
{
	time_t seconds = (time_t)(ns / 1000000000);
	struct tm tm;
	char text[32];

	strftime(text, sizeof(text), "%H:%M:%S", gmtime_r(&seconds, &tm));
	paint(s, DIM);
	printf("%s.%03d ", text, (int)(ns / 1000000 % 1000));
	paint(s, PLAIN);
}

static void print_verdict(const struct shown *s, const char *verdict)
{
	const char *word = verdict != NULL ? verdict : "-";

	paint(s, strcmp(word, "deny") == 0 ? RED : strcmp(word, "tunnel") == 0 ? YELLOW : GREEN);
	log_print_some(word, VERDICT_WIDTH);
	printf("%*s", strlen(word) < VERDICT_WIDTH ? (int)(VERDICT_WIDTH - strlen(word)) : 0, "");
	paint(s, PLAIN);
}

static void print_size(int64_t bytes)
{
	static const char units[] = "BKMGTP";
	double value = (double)bytes;
	int unit = 0;

	while (value >= 9999.5 && units[unit + 1] != '\0') {
		value /= 1024;
		unit++;
	}
	if (bytes < 0) {
		printf("     -");
	} else {
		printf(" %4.0f%c", value, units[unit]);
	}
}

static void print_duration(int64_t ns)
{
	if (ns <= 0) {
		printf("       -");
	} else if (ns < 10000000000) {
		printf(" %5.0fms", (double)ns / 1e6);
	} else {
		printf(" %6.0fs", (double)ns / 1e9);
	}
}

static void print_status(const struct shown *s, int status)
{
	if (status == 0) {
		printf("  - ");
		return;
	}
	paint(s, status >= 500 ? RED : status >= 400 ? YELLOW : PLAIN);
	printf(" %3d", status);
	paint(s, PLAIN);
}

/* "dir/x.rules:3" as "x.rules:3". */
static const char *short_rule(const char *rule)
{
	const char *slash = strrchr(rule, '/');

	return slash != NULL ? slash + 1 : rule;
}

/* Where nothing named one, a captured connection still had a destination. */
static void print_target(struct shown *s, const struct audit_record *r)
{
	if (r->host != NULL) {
		log_url(&s->url, r);
		putchar(' ');
		log_print(s->url.data);
	} else if (r->wanted != NULL) {
		printf(" for ");
		log_print(r->wanted);
	} else if (r->method != NULL) {
		printf(" (no target)");
	}
}

/* By its name alone, unless everything is wanted. */
static void print_program(const struct shown *s, const struct audit_record *r)
{
	const char *slash = r->program != NULL ? strrchr(r->program, '/') : NULL;

	if (r->program == NULL) {
		return;
	}
	paint(s, DIM);
	printf(" by ");
	log_print(slash != NULL && !s->all ? slash + 1 : r->program);
	if (s->all && r->pid != 0) {
		printf(" (%lld)", (long long)r->pid);
	}
	if (r->program_doubt != NULL) {
		fputs(slash != NULL ? "?" : "", stdout);
	}
	paint(s, PLAIN);
}

static void print_request(struct shown *s, const struct audit_record *r, const char *word)
{
	print_time(s, r->time_ns);
	printf("%5llu ", (unsigned long long)r->request);
	print_verdict(s, r->verdict);
	print_status(s, r->status);
	print_size(r->kind == AUDIT_OUTCOME ? r->request_bytes : -1);
	print_size(r->kind == AUDIT_OUTCOME ? r->response_bytes : -1);
	print_duration(r->kind == AUDIT_OUTCOME ? r->total_ns : 0);
	putchar(' ');
	log_print(log_method(r));
	print_target(s, r);
	paint(s, DIM);
	printf("  [");
	log_print(word);
	if (r->rule != NULL) {
		putchar(' ');
		log_print(short_rule(r->rule));
	}
	printf("]");
	paint(s, PLAIN);
	print_program(s, r);
	if (r->detail != NULL) {
		putchar(' ');
		log_print(r->detail);
	}
	putchar('\n');
}

static void print_open(void *arg, const struct audit_record *intent)
{
	print_request(arg, intent, "without an end");
}

static void print_start(struct shown *s, const struct audit_record *r)
{
	time_t seconds = (time_t)(r->time_ns / 1000000000);
	struct tm tm;
	char day[32];

	strftime(day, sizeof(day), "%Y-%m-%d", gmtime_r(&seconds, &tm));
	print_time(s, r->time_ns);
	paint(s, BOLD);
	printf("      start  %s ", day);
	log_print(r->command);
	paint(s, PLAIN);
	printf(" by ");
	log_print(r->user);
	printf(", run ");
	log_print(r->run);
	printf(", rules ");
	log_print_some(r->rules_digest, DIGEST_WIDTH);
	printf(", CA ");
	log_print_some(r->ca_digest, DIGEST_WIDTH);
	putchar('\n');
}

static void print_other(struct shown *s, const struct audit_record *r)
{
	if (r->kind == AUDIT_START) {
		print_start(s, r);
		return;
	}
	print_time(s, r->time_ns);
	if (r->kind == AUDIT_STOP) {
		paint(s, BOLD);
		printf("      stop   exit status %d, %llu allowed, %llu refused", r->exit_status,
			(unsigned long long)r->allowed, (unsigned long long)r->refused);
		if (r->detail != NULL) {
			printf(", ");
			log_print(r->detail);
		}
		printf("\n");
		paint(s, PLAIN);
		return;
	}
	printf("      ");
	if (r->kind == AUDIT_DNS) {
		print_verdict(s, r->verdict);
		printf(" name ");
		log_print(r->host);
	} else {
		printf("%-6s", audit_kind_name(r->kind));
	}
	if (r->detail != NULL) {
		putchar(' ');
		log_print(r->detail);
	}
	printf("  [");
	log_print(r->reason);
	printf("]\n");
}

static bool is_refused(const struct audit_record *r)
{
	return r->verdict != NULL && strcmp(r->verdict, "deny") == 0;
}

static void print_record(struct shown *s, const struct audit_record *r)
{
	switch (r->kind) {
	case AUDIT_INTENT:
		if (!is_refused(r)) {
			log_pairs_put(s->open, r);
		}
		if (is_refused(r) || s->all) {
			print_request(s, r, r->reason);
		}
		break;
	case AUDIT_OUTCOME:
		free(log_pairs_take(s->open, r));
		print_request(s, r, r->end);
		break;
	case AUDIT_DNS:
		if (s->all || is_refused(r)) {
			print_other(s, r);
		}
		break;
	case AUDIT_EVENT:
		if (!s->all) {
			break;
		}
		/* fall through */
	default: print_other(s, r); break;
	}
}

static void print_heading(const struct shown *s)
{
	paint(s, DIM);
	printf("%-12s %5s %-6s %3s %6s%6s%8s request\n", "time (UTC)", "no", "", " st", "out", "in",
		"took");
	paint(s, PLAIN);
}

/* What was asked and not answered stands at the end; with a status in the filter it cannot fit. */
static int show(struct shown *s)
{
	static const struct timespec moment = {.tv_nsec = 200000000};
	struct audit_record record;
	int error;

	print_heading(s);
	while ((error = log_query_next(&s->query, &record)) == AUDIT_OK ||
		(error == AUDIT_END && s->follow)) {
		if (error == AUDIT_OK) {
			print_record(s, &record);
		} else {
			if (fflush(stdout) != 0) {
				break;
			}
			nanosleep(&moment, NULL);
		}
	}
	log_pairs_each(s->open, print_open, s);
	return log_query_close(&s->query, error);
}

static bool wants_colour(const char *when)
{
	if (strcmp(when, "auto") == 0) {
		const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

		return isatty(1) && (no == NULL || no[0] == '\0') &&
		       (term == NULL || strcmp(term, "dumb") != 0);
	}
	return strcmp(when, "always") == 0;
}

static int run(int argc, char **argv, bool follow)
{
	static const struct option options[] = {LOG_QUERY_OPTIONS, {"all", no_argument, NULL, 'a'},
		{"color", required_argument, NULL, 'c'}, {"help", no_argument, NULL, 'h'}, {0}};
	struct shown s = {.follow = follow};
	const char *colour = "auto";
	int option, status = 0;

	while (status == 0 && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		status = log_query_option(&s.query, option, optarg);
		if (status != -1) {
			continue;
		}
		status = 0;
		switch (option) {
		case 'a': s.all = true; break;
		case 'c': colour = optarg; break;
		case 'h':
			fputs(help_show, stdout);
			fputs(log_query_help, stdout);
			return 0;
		default: break;
		}
	}
	if (status == 0 && strcmp(colour, "auto") != 0 && strcmp(colour, "always") != 0 &&
		strcmp(colour, "never") != 0) {
		status = complain("--color wants auto, always or never: %s", colour);
	}
	if (status == 0 && argc - optind > 1) {
		status = complain("log %s wants one record folder", argv[0]);
	}
	if (status == 0) {
		status = log_query_open(&s.query, argv[optind]);
	}
	if (status != 0) {
		return status;
	}
	s.colour = wants_colour(colour);
	s.open = log_pairs_create();
	status = show(&s);
	log_pairs_destroy(s.open);
	text_finish(&s.url);
	return status;
}

int log_show(int argc, char **argv)
{
	return run(argc, argv, false);
}

int log_follow(int argc, char **argv)
{
	return run(argc, argv, true);
}
