/*
 * Latencies in buckets of about 3%: 32 to each power of two, from 1 us to 2^32 us. A quantile is
 * the upper bound of its bucket, so that none is told better than it was.
 */
#ifndef BENCH_LOAD_HISTOGRAM_H
#define BENCH_LOAD_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_STEPS = 32, HISTOGRAM_BUCKETS = 29 * HISTOGRAM_STEPS };

struct histogram {
	uint64_t count[HISTOGRAM_BUCKETS];
	uint64_t total;
	uint64_t most; /* us */
};

void histogram_add(struct histogram *h, uint64_t us);

/* The latency that `per_mille` of a thousand do not exceed; 0 when there are none. */
uint64_t histogram_quantile(const struct histogram *h, unsigned per_mille);

#endif
