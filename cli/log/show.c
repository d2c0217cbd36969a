/*
 * sallyport log show, log follow: a record as a table that people read.
 */
#include "cli/log/query.h"
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
	struct text row, url;
	time_t second; /* that `clock` tells */
	char clock[16];
};

enum { VERDICT_WIDTH = 6, DIGEST_WIDTH = 12, OUTPUT = 64 * 1024 };
enum colour { PLAIN = 0, BOLD = 1, DIM = 2, RED = 31, GREEN = 32, YELLOW = 33, CYAN = 36 };

static void paint(struct shown *s, enum colour colour)
{
	if (s->colour) {
		text_print(&s->row, "\033[%dm", (int)colour);
	}
}

static void put(struct shown *s, const char *words)
{
	text_put(&s->row, words);
}

/* The row is whole. */
static void print_row(struct shown *s)
{
	text_put(&s->row, "\n");
	fwrite(s->row.data, 1, s->row.len, stdout);
	s->row.len = 0;
}

static void put_time(struct shown *s, int64_t ns)
{
	time_t second = (time_t)(ns / 1000000000);
	unsigned ms = (unsigned)(ns / 1000000 % 1000);
	const char fraction[] = {'.', (char)('0' + ms / 100), (char)('0' + ms / 10 % 10),
		(char)('0' + ms % 10), ' '};
	struct tm tm;

	if (second != s->second) {
		strftime(s->clock, sizeof(s->clock), "%H:%M:%S", gmtime_r(&second, &tm));
		s->second = second;
	}
	paint(s, DIM);
	put(s, s->clock);
	text_add(&s->row, fraction, sizeof(fraction));
	paint(s, PLAIN);
}

static void put_verdict(struct shown *s, const char *verdict)
{
	static const char blanks[VERDICT_WIDTH + 1] = "      ";
	const char *word = verdict != NULL ? verdict : "-";
	size_t len = strlen(word);

	paint(s, strcmp(word, "deny") == 0 ? RED : strcmp(word, "tunnel") == 0 ? YELLOW : GREEN);
	log_add_some(&s->row, word, VERDICT_WIDTH);
	put(s, blanks + (len < VERDICT_WIDTH ? len : VERDICT_WIDTH));
	paint(s, PLAIN);
}

/* To the nearest, in the middle to the even one. */
static uint64_t rounded(uint64_t value, uint64_t unit)
{
	uint64_t whole = value / unit, rest = value % unit;

	return whole + (rest > unit / 2 || (unit > 1 && rest * 2 == unit && whole % 2 == 1));
}

static void put_size(struct shown *s, int64_t bytes)
{
	const char *name = "BKMGTP";
	uint64_t unit = 1;

	if (bytes < 0) {
		put(s, "     -");
		return;
	}
	while (name[1] != '\0' && rounded((uint64_t)bytes, unit) > 9999) {
		unit *= 1024;
		name++;
	}
	put(s, " ");
	text_number(&s->row, rounded((uint64_t)bytes, unit), 4);
	text_add(&s->row, name, 1);
}

static void put_duration(struct shown *s, int64_t ns)
{
	put(s, " ");
	if (ns <= 0) {
		put(s, "      -");
	} else if (ns < 10000000000) {
		text_number(&s->row, rounded((uint64_t)ns, 1000000), 5);
		put(s, "ms");
	} else {
		text_number(&s->row, rounded((uint64_t)ns, 1000000000), 6);
		put(s, "s");
	}
}

static void put_status(struct shown *s, int status)
{
	if (status <= 0) {
		put(s, "  - ");
		return;
	}
	paint(s, status >= 500 ? RED : status >= 400 ? YELLOW : PLAIN);
	put(s, " ");
	text_number(&s->row, (unsigned)status, 3);
	paint(s, PLAIN);
}

/* "dir/x.rules:3" as "x.rules:3". */
static const char *short_rule(const char *rule)
{
	const char *slash = strrchr(rule, '/');

	return slash != NULL ? slash + 1 : rule;
}

/* Where nothing named one, a captured connection still had a destination. */
static void put_target(struct shown *s, const struct audit_record *r)
{
	if (r->host != NULL) {
		log_url(&s->url, r);
		put(s, " ");
		log_add(&s->row, s->url.data);
	} else if (r->wanted != NULL) {
		put(s, " for ");
		log_add(&s->row, r->wanted);
	} else if (r->method != NULL) {
		put(s, " (no target)");
	}
}

/* By its name alone, unless everything is wanted. */
static void put_program(struct shown *s, const struct audit_record *r)
{
	const char *slash = r->program != NULL ? strrchr(r->program, '/') : NULL;

	if (r->program == NULL) {
		return;
	}
	paint(s, DIM);
	put(s, " by ");
	log_add(&s->row, slash != NULL && !s->all ? slash + 1 : r->program);
	if (s->all && r->pid != 0) {
		text_print(&s->row, " (%lld)", (long long)r->pid);
	}
	if (r->program_doubt != NULL && slash != NULL) {
		put(s, "?");
	}
	paint(s, PLAIN);
}

static void print_request(struct shown *s, const struct audit_record *r, const char *word)
{
	put_time(s, r->time_ns);
	text_number(&s->row, r->request, 5);
	put(s, " ");
	put_verdict(s, r->verdict);
	put_status(s, r->status);
	put_size(s, r->kind == AUDIT_OUTCOME ? r->request_bytes : -1);
	put_size(s, r->kind == AUDIT_OUTCOME ? r->response_bytes : -1);
	put_duration(s, r->kind == AUDIT_OUTCOME ? r->total_ns : 0);
	put(s, " ");
	log_add(&s->row, log_method(r));
	put_target(s, r);
	paint(s, DIM);
	put(s, "  [");
	log_add(&s->row, word);
	if (r->rule != NULL) {
		put(s, " ");
		log_add(&s->row, short_rule(r->rule));
	}
	put(s, "]");
	paint(s, PLAIN);
	put_program(s, r);
	if (r->detail != NULL) {
		put(s, " ");
		log_add(&s->row, r->detail);
	}
	print_row(s);
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
	put_time(s, r->time_ns);
	paint(s, BOLD);
	text_print(&s->row, "      start  %s ", day);
	log_add(&s->row, r->command);
	paint(s, PLAIN);
	put(s, " by ");
	log_add(&s->row, r->user);
	put(s, ", run ");
	log_add(&s->row, r->run);
	put(s, ", rules ");
	log_add_some(&s->row, r->rules_digest, DIGEST_WIDTH);
	put(s, ", CA ");
	log_add_some(&s->row, r->ca_digest, DIGEST_WIDTH);
	print_row(s);
}

static void print_stop(struct shown *s, const struct audit_record *r)
{
	put_time(s, r->time_ns);
	paint(s, BOLD);
	text_print(&s->row, "      stop   exit status %d, %llu allowed, %llu refused",
		r->exit_status, (unsigned long long)r->allowed, (unsigned long long)r->refused);
	if (r->detail != NULL) {
		put(s, ", ");
		log_add(&s->row, r->detail);
	}
	paint(s, PLAIN);
	print_row(s);
}

static void print_other(struct shown *s, const struct audit_record *r)
{
	put_time(s, r->time_ns);
	put(s, "      ");
	if (r->kind == AUDIT_DNS) {
		put_verdict(s, r->verdict);
		put(s, " name ");
		log_add(&s->row, r->host);
	} else {
		text_print(&s->row, "%-6s", audit_kind_name(r->kind));
	}
	if (r->detail != NULL) {
		put(s, " ");
		log_add(&s->row, r->detail);
	}
	put(s, "  [");
	log_add(&s->row, r->reason);
	put(s, "]");
	print_row(s);
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
	case AUDIT_START: print_start(s, r); break;
	case AUDIT_STOP: print_stop(s, r); break;
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

static void print_heading(struct shown *s)
{
	paint(s, DIM);
	text_print(&s->row, "%-12s %5s %-6s %3s %6s%6s%8s request", "time (UTC)", "no", "", " st",
		"out", "in", "took");
	paint(s, PLAIN);
	print_row(s);
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
	static char output[OUTPUT];
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
	if (!isatty(1)) {
		setvbuf(stdout, output, _IOFBF, sizeof(output));
	}
	s.open = log_pairs_create();
	status = show(&s);
	log_pairs_destroy(s.open);
	text_finish(&s.row);
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
