/*
 * sallyport log stats: a record in sums, by host.
 *
 * Latencies are counted in buckets that grow by an eighth, so that a percentile is exact to 12.5%
 * whatever the size of the record.
 */
#include "cli/log/query.h"
#include "cli/text.h"
#include "cli/verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"usage: sallyport log stats [OPTION...] [DIR]\n"
	"\n"
	"Sums a record up by host: requests allowed and refused, answers of 4xx and 5xx, bytes of "
	"bodies out and in,\n"
	"and how long requests took from their first byte to the end: median, 95th and 99th "
	"percentile (to an eighth),\n"
	"longest. Tunnels count as requests.\n"
	"\n"
	"  --json           the same for programs; times in nanoseconds\n";

enum { STEPS = 8, BUCKETS = 64 * STEPS, HASH = 4096 };

struct host {
	struct host *next;
	char *name; /* owned */
	uint64_t allowed, refused, failed, names_refused, out, in;
	uint64_t n_times;
	int64_t longest;
	uint32_t times[BUCKETS];
};

struct stats {
	struct log_query query;
	struct host *hosts[HASH]; /* owned */
	size_t n;
	struct host total;
};

static unsigned bucket_of(int64_t ns)
{
	uint64_t value = ns > 0 ? (uint64_t)ns : 0;
	unsigned top;

	if (value < STEPS) {
		return (unsigned)value;
	}
	top = 63 - (unsigned)__builtin_clzll(value);
	return (top - 2) * STEPS + (unsigned)(value >> (top - 3) & (STEPS - 1));
}

/* The upper end of a bucket. */
static int64_t value_of(unsigned bucket)
{
	unsigned top = bucket / STEPS + 2;

	return bucket < STEPS
		       ? bucket
		       : (int64_t)((((uint64_t)STEPS + bucket % STEPS + 1) << (top - 3)) - 1);
}

static int64_t percentile(const struct host *h, unsigned percent)
{
	uint64_t wanted = (h->n_times * percent + 99) / 100, seen = 0;

	for (unsigned i = 0; i < BUCKETS; i++) {
		seen += h->times[i];
		if (seen >= wanted && seen > 0) {
			int64_t value = value_of(i);

			return value < h->longest ? value : h->longest;
		}
	}
	return 0;
}

static struct host *find(struct stats *s, const char *name)
{
	uint32_t hash = 2166136261u;
	struct host **bucket, *h;

	for (const char *p = name; *p != '\0'; p++) {
		hash = (hash ^ (unsigned char)*p) * 16777619u;
	}
	bucket = &s->hosts[hash % HASH];
	for (h = *bucket; h != NULL; h = h->next) {
		if (strcmp(h->name, name) == 0) {
			return h;
		}
	}
	h = calloc(1, sizeof(*h));
	if (h == NULL || (h->name = strdup(name)) == NULL) {
		abort();
	}
	h->next = *bucket;
	*bucket = h;
	s->n++;
	return h;
}

static void count(struct host *h, const struct audit_record *r)
{
	bool refused = r->verdict != NULL && strcmp(r->verdict, "deny") == 0;

	if (r->kind == AUDIT_DNS) {
		h->names_refused += refused;
		return;
	}
	if (r->kind == AUDIT_INTENT) {
		h->refused += refused;
		h->allowed += !refused;
		return;
	}
	h->failed += r->status >= 400;
	h->out += r->request_bytes > 0 ? (uint64_t)r->request_bytes : 0;
	h->in += r->response_bytes > 0 ? (uint64_t)r->response_bytes : 0;
	if (r->total_ns > 0) {
		h->n_times++;
		h->times[bucket_of(r->total_ns)]++;
		h->longest = r->total_ns > h->longest ? r->total_ns : h->longest;
	}
}

static int by_requests(const void *a, const void *b)
{
	const struct host *x = *(const struct host *const *)a, *y = *(const struct host *const *)b;
	uint64_t n = x->allowed + x->refused, m = y->allowed + y->refused;

	return n != m ? (n > m ? -1 : 1) : strcmp(x->name, y->name);
}

static void print_bytes(uint64_t bytes)
{
	static const char *const units[] = {"B  ", "KiB", "MiB", "GiB", "TiB", "PiB"};
	double value = (double)bytes;
	int unit = 0;

	while (value >= 1023.5 && unit < 5) {
		value /= 1024;
		unit++;
	}
	printf(" %7.*f %s", unit > 0 ? 1 : 0, value, units[unit]);
}

static void print_row(const struct host *h)
{
	static const unsigned percents[] = {50, 95, 99};

	printf("%8llu %8llu %8llu", (unsigned long long)h->allowed, (unsigned long long)h->refused,
		(unsigned long long)h->failed);
	print_bytes(h->out);
	print_bytes(h->in);
	for (int i = 0; i < 3; i++) {
		printf(" %8.1f", (double)percentile(h, percents[i]) / 1e6);
	}
	printf(" %8.1f  ", (double)h->longest / 1e6);
	log_print(h->name);
	putchar('\n');
}

static void print_json(const struct host *h)
{
	struct text name = {0};

	text_json(&name, h->name);
	printf("{\"host\":%s,\"allowed\":%llu,\"refused\":%llu,\"names_refused\":%llu,\"failed\":%"
	       "llu,"
	       "\"bytes_out\":%llu,\"bytes_in\":%llu,\"p50_ns\":%lld,\"p95_ns\":%lld,\"p99_ns\":%"
	       "lld,"
	       "\"longest_ns\":%lld}",
		name.data, (unsigned long long)h->allowed, (unsigned long long)h->refused,
		(unsigned long long)h->names_refused, (unsigned long long)h->failed,
		(unsigned long long)h->out, (unsigned long long)h->in, (long long)percentile(h, 50),
		(long long)percentile(h, 95), (long long)percentile(h, 99), (long long)h->longest);
	text_finish(&name);
}

static void print_all(struct stats *s, bool json)
{
	struct host **all = calloc(s->n + 1, sizeof(struct host *));
	size_t n = 0;

	if (all == NULL) {
		abort();
	}
	for (size_t i = 0; i < HASH; i++) {
		for (struct host *h = s->hosts[i]; h != NULL; h = h->next) {
			all[n++] = h;
		}
	}
	qsort(all, n, sizeof(struct host *), by_requests);
	if (json) {
		printf("{\"hosts\":[");
		for (size_t i = 0; i < n; i++) {
			printf("%s", i > 0 ? "," : "");
			print_json(all[i]);
		}
		printf("],\"total\":");
		print_json(&s->total);
		printf("}\n");
	} else {
		printf("%8s %8s %8s %11s %11s %8s %8s %8s %8s  host\n", "allowed", "refused",
			"4xx 5xx", "out", "in", "p50 ms", "p95 ms", "p99 ms", "max ms");
		for (size_t i = 0; i < n; i++) {
			print_row(all[i]);
		}
		print_row(&s->total);
	}
	free(all);
}

static void finish(struct stats *s)
{
	for (size_t i = 0; i < HASH; i++) {
		while (s->hosts[i] != NULL) {
			struct host *h = s->hosts[i];

			s->hosts[i] = h->next;
			free(h->name);
			free(h);
		}
	}
	free(s);
}

static int sum(struct stats *s, bool json)
{
	struct audit_record r;
	int error;

	s->total.name = (char *)(uintptr_t) "all hosts";
	while ((error = log_query_next(&s->query, &r)) == AUDIT_OK) {
		if (r.kind == AUDIT_INTENT || r.kind == AUDIT_OUTCOME || r.kind == AUDIT_DNS) {
			count(find(s, r.host != NULL ? r.host : "-"), &r);
			count(&s->total, &r);
		}
	}
	if (error == AUDIT_END) {
		print_all(s, json);
	}
	return log_query_close(&s->query, error);
}

int log_stats(int argc, char **argv)
{
	static const struct option options[] = {LOG_QUERY_OPTIONS, {"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'}, {0}};
	struct stats *s = calloc(1, sizeof(*s));
	int option, status = s != NULL ? 0 : complain("memory is out");
	bool json = false;

	while (status == 0 && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			fputs(log_query_help, stdout);
			finish(s);
			return 0;
		}
		json |= option == 'j';
		status = log_query_option(&s->query, option, optarg);
		status = status == -1 ? 0 : status;
	}
	if (status == 0 && argc - optind > 1) {
		status = complain("log stats wants one record folder");
	}
	if (status == 0) {
		status = log_query_open(&s->query, argv[optind]);
	}
	if (status == 0) {
		status = sum(s, json);
	}
	if (s != NULL) {
		finish(s);
	}
	return status;
}
