/*
 * The record's writer by itself: bench_writer FOLDER [SECONDS [json]]. One thread keeps so many
 * records in flight, as a gateway worker does: all that may take effect are replaced, then written
 * together. Prints records a second, CPU time of the process for one, and the wait for it; with
 * `json` an object a line. No test: what is fast is the machine's and the disk's.
 */
#include "audit/audit.h"
#include "audit/verify.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { IN_FLIGHT_MAX = 1024, SAMPLES = 4 * 1000 * 1000 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;
static unsigned long moves;
static float *waits; /* us */
static size_t n_waits;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void wake(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&mutex);
	moves++;
	pthread_cond_signal(&moved);
	pthread_mutex_unlock(&mutex);
}

static uint64_t gather(struct audit_log *log, unsigned long n)
{
	struct audit_record r;
	struct audit_diag diag;
	uint64_t seq = 0;

	audit_record_init(&r);
	r.kind = AUDIT_INTENT;
	r.session = n % 32 + 1;
	r.request = n + 1;
	r.way = AUDIT_WAY_TRANSPARENT;
	r.client = "127.0.0.1:45678";
	r.method = "GET";
	r.scheme = "https";
	r.host = "registry.example";
	r.port = 443;
	r.path = "/some/package/-/package-1.2.3.tgz";
	r.wanted = "198.18.0.17:443";
	r.verdict = "allow";
	r.reason = "allowed";
	r.rule = "/home/user/project/sallyport.rules:12";
	if (audit_gather(log, &r, &seq, &diag) != AUDIT_OK) {
		fprintf(stderr, "bench_writer: %s %s\n", diag.path, diag.message);
		exit(1);
	}
	return seq;
}

static int by_value(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

static unsigned long drive(struct audit_log *log, unsigned in_flight, double seconds)
{
	uint64_t seq[IN_FLIGHT_MAX];
	double since[IN_FLIGHT_MAX], end = now() + seconds;
	unsigned long done = 0, sent = 0;

	for (unsigned i = 0; i < in_flight; i++) {
		since[i] = now();
		seq[i] = gather(log, sent++);
	}
	audit_flush(log);
	for (double at = now(); at < end || done == 0; at = now()) {
		unsigned long before, got = 0;

		pthread_mutex_lock(&mutex);
		before = moves;
		pthread_mutex_unlock(&mutex);
		for (unsigned i = 0; i < in_flight; i++) {
			if (!audit_is_committed(log, seq[i])) {
				continue;
			}
			at = now();
			if (n_waits < SAMPLES) {
				waits[n_waits++] = (float)((at - since[i]) * 1e6);
			}
			since[i] = at;
			seq[i] = gather(log, sent++);
			got++;
		}
		done += got;
		if (got > 0) {
			audit_flush(log);
		}
		pthread_mutex_lock(&mutex);
		while (got == 0 && moves == before) {
			pthread_cond_wait(&moved, &mutex);
		}
		pthread_mutex_unlock(&mutex);
	}
	return done;
}

struct figures {
	const char *durability;
	bool sealed;
	unsigned in_flight;
	double per_second, cpu_us;
};

static void tell(const struct figures *f, bool json)
{
	double p50 = (double)waits[n_waits / 2];
	double p99 = (double)waits[n_waits - n_waits / 100 - 1];

	if (json) {
		printf("{\"durability\": \"%s\", \"sealed\": %s, \"in_flight\": %u, "
		       "\"per_second\": "
		       "%.0f, \"cpu_us\": %.3f, \"p50_us\": %.0f, \"p99_us\": %.0f}\n",
			f->durability, f->sealed ? "true" : "false", f->in_flight, f->per_second,
			f->cpu_us, p50, p99);
	} else {
		printf("%-8s %-8s %4u in flight: %8.0f records/s, %6.2f us of CPU each, wait %6.0f "
		       "us "
		       "median, %6.0f us p99\n",
			f->durability, f->sealed ? "sealed" : "unsealed", f->in_flight,
			f->per_second, f->cpu_us, p50, p99);
	}
	fflush(stdout);
}

static void measure(const char *folder, enum audit_durability durability, unsigned in_flight,
	double seconds, const struct audit_key *key, bool json)
{
	char dir[4096];
	struct audit_options options = {.durability = durability, .run = "bench", .key = key};
	struct audit_log *log;
	struct audit_diag diag;
	struct figures figures = {
		.durability = durability == AUDIT_DURABLE ? "durable" : "buffered",
		.sealed = key != NULL,
		.in_flight = in_flight};
	double begin, begin_cpu, done;

	snprintf(dir, sizeof(dir), "%s/%s-%u%s", folder, figures.durability, in_flight,
		key != NULL ? "" : "-unsealed");
	if (audit_open(dir, &options, &log, &diag) != AUDIT_OK ||
		audit_listen(log, wake, NULL) != AUDIT_OK) {
		fprintf(stderr, "bench_writer: %s %s\n", diag.path, diag.message);
		exit(1);
	}
	n_waits = 0;
	begin = now();
	begin_cpu = cpu();
	done = (double)drive(log, in_flight, seconds);
	figures.per_second = done / (now() - begin);
	figures.cpu_us = (cpu() - begin_cpu) * 1e6 / done;
	qsort(waits, n_waits, sizeof(*waits), by_value);
	tell(&figures, json);
	if (audit_close(log, &diag) != AUDIT_OK) {
		fprintf(stderr, "bench_writer: %s %s\n", diag.path, diag.message);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	static const unsigned in_flight[] = {1, 16, 32, 256};
	double seconds = argc > 2 ? strtod(argv[2], NULL) : 2;
	bool json = argc > 3 && strcmp(argv[3], "json") == 0;
	struct audit_key key;
	struct audit_diag diag;
	char path[4096];

	if (argc < 2 || seconds <= 0) {
		fprintf(stderr, "usage: bench_writer FOLDER [SECONDS [json]]\n");
		return 2;
	}
	snprintf(path, sizeof(path), "%s/record.key", argv[1]);
	waits = malloc(SAMPLES * sizeof(*waits));
	if (waits == NULL || audit_key_load(path, &key, &diag) != AUDIT_OK) {
		fprintf(stderr, "bench_writer: no memory, or no key in %s\n", argv[1]);
		return 1;
	}
	for (size_t i = 0; i < sizeof(in_flight) / sizeof(in_flight[0]); i++) {
		measure(argv[1], AUDIT_DURABLE, in_flight[i], seconds, &key, json);
		measure(argv[1], AUDIT_DURABLE, in_flight[i], seconds, NULL, json);
		measure(argv[1], AUDIT_BUFFERED, in_flight[i], seconds, &key, json);
	}
	free(waits);
	return 0;
}
