/*
 * sallyport log export: a record for other programs. Here: the choice of the format, and the
 * lines as they are; csv in csv.c, har in har.c, ocsf and otel in events.c.
 */
#include "cli/log/export.h"
#include "cli/log/query.h"
#include "cli/text.h"
#include "cli/verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

static const char help[] =
	"usage: sallyport log export --format FORMAT [OPTION...] [DIR]\n"
	"\n"
	"Writes a record to stdout for other programs.\n"
	"\n"
	"  --format jsonl   the lines as they are\n"
	"  --format csv     a row a decision, outcome and name; RFC 4180 with a heading; a text "
	"that "
	"begins like\n"
	"                   a formula has an apostrophe before it\n"
	"  --format har     HTTP Archive 1.2 of the requests, for a browser's tools\n"
	"  --format ocsf    Open Cybersecurity Schema Framework 1.3: HTTP, network and DNS "
	"activity, one JSON a line\n"
	"  --format otel    OpenTelemetry: a span a request, OTLP/JSON, one export request a "
	"line\n";

struct export
{
	struct log_query query;
	void (*begin)(struct export * e);
	void (*record)(struct export * e, const struct audit_record *r);
	void (*end)(struct export * e);
	struct log_pairs *pairs; /* owned */
	unsigned long long n;
};

/* ---- jsonl ---- */

static void jsonl_record(struct export *e, const struct audit_record *r)
{
	const char *line;
	size_t len;

	(void)r;
	if (audit_reader_line(e->query.reader, &line, &len)) {
		fwrite(line, 1, len, stdout);
		putchar('\n');
	}
}

/* ---- csv ---- */

static void begin_csv(struct export *e)
{
	(void)e;
	csv_begin();
}

static void record_csv(struct export *e, const struct audit_record *r)
{
	(void)e;
	csv_record(r);
}

/* ---- pairs of intent and outcome ---- */

static bool is_refused(const struct audit_record *r)
{
	return r->verdict != NULL && strcmp(r->verdict, "deny") == 0;
}

/* What was allowed and has no end on record. Who asks for a status does not ask for these. */
static void each_open(struct export *e, void (*fn)(void *arg, const struct audit_record *intent))
{
	if (e->query.status_to == 0) {
		log_pairs_each(e->pairs, fn, e);
	}
}

static void har_begin(struct export *e)
{
	(void)e;
	fputs("{\"log\":{\"version\":\"1.2\",\"creator\":{\"name\":\"Sallyport\",\"version\":"
	      "\"" SALLYPORT_VERSION "\"},\"entries\":[",
		stdout);
}

static void pair_har(
	struct export *e, const struct audit_record *intent, const struct audit_record *r)
{
	if (r->method != NULL) {
		har_entry(intent, r, e->n++ == 0);
	}
}

static void open_har(void *arg, const struct audit_record *intent)
{
	pair_har(arg, intent, intent);
}

static void har_end(struct export *e)
{
	each_open(e, open_har);
	fputs("]}}\n", stdout);
}

static void pair_event(struct export *e, const struct audit_record *r,
	void (*fn)(struct export *, const struct audit_record *, const struct audit_record *))
{
	struct audit_record *intent;

	if (r->kind == AUDIT_INTENT && !is_refused(r)) {
		log_pairs_put(e->pairs, r);
	} else if (r->kind == AUDIT_INTENT) {
		fn(e, r, r);
	} else if (r->kind == AUDIT_OUTCOME) {
		intent = log_pairs_take(e->pairs, r);
		fn(e, intent, r);
		free(intent);
	}
}

static void har_record(struct export *e, const struct audit_record *r)
{
	pair_event(e, r, pair_har);
}

static void pair_ocsf(
	struct export *e, const struct audit_record *intent, const struct audit_record *r)
{
	(void)e;
	ocsf_event(intent, r);
}

static void ocsf_record(struct export *e, const struct audit_record *r)
{
	if (r->kind == AUDIT_DNS) {
		ocsf_event(NULL, r);
	} else {
		pair_event(e, r, pair_ocsf);
	}
}

static void pair_otel(
	struct export *e, const struct audit_record *intent, const struct audit_record *r)
{
	(void)e;
	otel_span(intent, r);
}

static void otel_record(struct export *e, const struct audit_record *r)
{
	pair_event(e, r, pair_otel);
}

static void open_ocsf(void *arg, const struct audit_record *intent)
{
	(void)arg;
	ocsf_event(intent, intent);
}

static void ocsf_end(struct export *e)
{
	each_open(e, open_ocsf);
}

static void open_otel(void *arg, const struct audit_record *intent)
{
	(void)arg;
	otel_span(intent, intent);
}

static void otel_end(struct export *e)
{
	each_open(e, open_otel);
}

static void ignore(struct export *e)
{
	(void)e;
}

/* ---- the verb ---- */

static int choose(struct export *e, const char *format)
{
	static const struct {
		const char *name;
		void (*begin)(struct export *e);
		void (*record)(struct export *e, const struct audit_record *r);
		void (*end)(struct export *e);
		bool pairs;
	} formats[] = {
		{"jsonl", ignore, jsonl_record, ignore, false},
		{"csv", begin_csv, record_csv, ignore, false},
		{"har", har_begin, har_record, har_end, true},
		{"ocsf", ignore, ocsf_record, ocsf_end, true},
		{"otel", ignore, otel_record, otel_end, true},
	};

	for (size_t i = 0; format != NULL && i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (strcmp(formats[i].name, format) == 0) {
			e->begin = formats[i].begin;
			e->record = formats[i].record;
			e->end = formats[i].end;
			e->query.pairs = formats[i].pairs;
			return 0;
		}
	}
	return complain("log export wants --format jsonl, csv, har, ocsf or otel%s%s",
		format != NULL ? ", not " : "", format != NULL ? format : "");
}

static int export_all(struct export *e)
{
	struct audit_record r;
	int error;

	e->pairs = log_pairs_create();
	e->begin(e);
	while ((error = log_query_next(&e->query, &r)) == AUDIT_OK) {
		e->record(e, &r);
	}
	e->end(e);
	log_pairs_destroy(e->pairs);
	return log_query_close(&e->query, error);
}

int log_export(int argc, char **argv)
{
	static const struct option options[] = {LOG_QUERY_OPTIONS,
		{"format", required_argument, NULL, 'f'}, {"help", no_argument, NULL, 'h'}, {0}};
	struct export e = {.query.host = NULL};
	const char *format = NULL;
	int option, status = 0;

	while (status == 0 && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			fputs(log_query_help, stdout);
			return 0;
		}
		if (option == 'f') {
			format = optarg;
		}
		status = log_query_option(&e.query, option, optarg);
		status = status == -1 ? 0 : status;
	}
	if (status == 0) {
		status = choose(&e, format);
	}
	if (status == 0 && argc - optind > 1) {
		status = complain("log export wants one record folder");
	}
	if (status == 0) {
		status = log_query_open(&e.query, argv[optind]);
	}
	return status != 0 ? status : export_all(&e);
}
