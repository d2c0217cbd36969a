/*
 * Latencies, counted; histogram.h says how exactly.
 */
#include "bench/load/histogram.h"

static unsigned bucket_of(uint64_t us)
{
	unsigned shift, bucket;

	if (us < HISTOGRAM_STEPS) {
		return (unsigned)us;
	}
	shift = 63U - (unsigned)__builtin_clzll(us) - 5;
	bucket = shift * HISTOGRAM_STEPS + (unsigned)(us >> shift);
	return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

static uint64_t upper_bound(unsigned bucket)
{
	unsigned shift;

	if (bucket < HISTOGRAM_STEPS) {
		return bucket;
	}
	shift = bucket / HISTOGRAM_STEPS - 1;
	return ((uint64_t)(bucket - shift * HISTOGRAM_STEPS + 1) << shift) - 1;
}

void histogram_add(struct histogram *h, uint64_t us)
{
	h->count[bucket_of(us)]++;
	h->total++;
	if (us > h->most) {
		h->most = us;
	}
}

uint64_t histogram_quantile(const struct histogram *h, unsigned per_mille)
{
	uint64_t rank = (h->total * per_mille + 999) / 1000, seen = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS && rank > 0; i++) {
		seen += h->count[i];
		if (seen >= rank) {
			uint64_t bound = upper_bound(i);

			return bound < h->most ? bound : h->most;
		}
	}
	return 0;
}
