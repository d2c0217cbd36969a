/*
 * sallyport log export: a record for other programs. Here: the choice of the format, and the two
 * that are plain; har in har.c, ocsf and otel in events.c.
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

/* ---- what formats share ---- */

void export_text(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *name, const char *text)
{
	size_t size, len;
	char *quoted;

	if (text == NULL) {
		return;
	}
	size = 6 * strlen(text) + 2;
	quoted = malloc(size);
	len = quoted != NULL ? audit_json_string(text, quoted, size) : 0;
	if (len == 0 ||
		!yyjson_mut_obj_add_val(doc, object, name, yyjson_mut_rawncpy(doc, quoted, len))) {
		abort();
	}
	free(quoted);
}

void export_print(yyjson_mut_doc *doc, const char *end)
{
	size_t len;
	char *text = yyjson_mut_write(doc, 0, &len);

	if (text == NULL) {
		abort();
	}
	fwrite(text, 1, len, stdout);
	fputs(end, stdout);
	free(text);
	yyjson_mut_doc_free(doc);
}

char *export_header(const char *headers, const char *name)
{
	yyjson_doc *doc = headers != NULL ? yyjson_read(headers, strlen(headers), 0) : NULL;
	yyjson_val *list = yyjson_doc_get_root(doc), *pair;
	yyjson_arr_iter i = yyjson_arr_iter_with(list);
	char *value = NULL;

	while (value == NULL && (pair = yyjson_arr_iter_next(&i)) != NULL) {
		const char *field = yyjson_get_str(yyjson_arr_get(pair, 0)),
			   *text = yyjson_get_str(yyjson_arr_get(pair, 1));

		if (field != NULL && text != NULL && strcasecmp(field, name) == 0) {
			value = strdup(text);
		}
	}
	yyjson_doc_free(doc);
	return value;
}

const char *export_url(struct text *text, const struct audit_record *r)
{
	if (r->host == NULL) {
		return "about:invalid";
	}
	log_url(text, r);
	return text->data;
}

static char *part_of(const char *text, size_t len)
{
	char *part = strndup(text, len);

	if (part == NULL) {
		abort(); /* as text.c does */
	}
	return part;
}

bool export_endpoint(const char *text, struct export_endpoint *ret)
{
	const char *at = text != NULL ? strrchr(text, '@') : NULL;
	const char *address = at != NULL ? at + 1 : text;
	const char *colon = address != NULL ? strrchr(address, ':') : NULL;
	bool bracketed;

	if (colon == NULL) {
		return false;
	}
	bracketed = address[0] == '[' && colon > address + 1 && colon[-1] == ']';
	ret->who = at != NULL ? part_of(text, (size_t)(at - text)) : NULL;
	ret->ip = part_of(address + bracketed, (size_t)(colon - address) - 2u * bracketed);
	ret->port = atoi(colon + 1);
	return true;
}

void export_endpoint_finish(struct export_endpoint *e)
{
	free(e->who);
	free(e->ip);
}

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

/* A text that a spreadsheet would take for a formula has an apostrophe before it. */
static void csv_text(const char *text, bool last)
{
	bool formula = text != NULL && text[0] != '\0' && strchr("=+-@\t\r", text[0]) != NULL;

	if (formula || (text != NULL && strpbrk(text, ",\"\r\n") != NULL)) {
		fputs(formula ? "\"'" : "\"", stdout);
		for (; *text != '\0'; text++) {
			if (*text == '"') {
				putchar('"');
			}
			putchar(*text);
		}
		putchar('"');
	} else if (text != NULL) {
		fputs(text, stdout);
	}
	fputs(last ? "\r\n" : ",", stdout);
}

static void csv_number(int64_t value, bool present)
{
	if (present) {
		printf("%lld", (long long)value);
	}
	putchar(',');
}

static void csv_begin(struct export *e)
{
	(void)e;
	fputs("time,seq,kind,run,session,request,way,client,program,pid,verdict,reason,rule,method,"
	      "scheme,host,"
	      "port,path,query,address,tls_version,tls_cipher,origin_cert,status,request_bytes,"
	      "response_bytes,request_sha256,response_sha256,decide_ns,connect_ns,tls_ns,"
	      "first_byte_ns,total_ns,end,detail\r\n",
		stdout);
}

static void csv_time(int64_t ns)
{
	time_t seconds = (time_t)(ns / 1000000000);
	struct tm tm;
	char text[32];

	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &tm));
	printf("%s.%09dZ,", text, (int)(ns % 1000000000));
}

static void csv_record(struct export *e, const struct audit_record *r)
{
	(void)e;
	csv_time(r->time_ns);
	csv_number((int64_t)r->seq, true);
	csv_text(audit_kind_name(r->kind), false);
	csv_text(r->run, false);
	csv_number((int64_t)r->session, r->session != 0);
	csv_number((int64_t)r->request, r->request != 0);
	csv_text(r->way != AUDIT_WAY_NONE ? audit_way_name(r->way) : NULL, false);
	csv_text(r->client, false);
	csv_text(r->program, false);
	csv_number(r->pid, r->pid != 0);
	csv_text(r->verdict, false);
	csv_text(r->reason, false);
	csv_text(r->rule, false);
	csv_text(r->method, false);
	csv_text(r->scheme, false);
	csv_text(r->host, false);
	csv_number(r->port, r->port != 0);
	csv_text(r->path, false);
	csv_text(r->query, false);
	csv_text(r->address, false);
	csv_text(r->tls_version, false);
	csv_text(r->tls_cipher, false);
	csv_text(r->origin_cert, false);
	csv_number(r->status, r->status != 0);
	csv_number(r->request_bytes, r->request_bytes >= 0);
	csv_number(r->response_bytes, r->response_bytes >= 0);
	csv_text(r->request_sha256, false);
	csv_text(r->response_sha256, false);
	csv_number(r->decide_ns, r->decide_ns != 0);
	csv_number(r->connect_ns, r->connect_ns != 0);
	csv_number(r->tls_ns, r->tls_ns != 0);
	csv_number(r->first_byte_ns, r->first_byte_ns != 0);
	csv_number(r->total_ns, r->total_ns != 0);
	csv_text(r->end, false);
	csv_text(r->detail, true);
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
		{"csv", csv_begin, csv_record, ignore, false},
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
