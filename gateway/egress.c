/*
 * The count of `limit egress`. It stands before every byte that leaves: leg.c asks before it sends,
 * resolve.c before it looks up. It knows of no connection and no rule.
 */
#include "gateway/egress.h"

const char egress_word[] = "egress-limit";

void egress_init(struct egress *e, uint64_t limit, void (*tell)(void *arg), void *arg)
{
	e->limit = limit;
	e->tell = tell;
	e->arg = arg;
	atomic_init(&e->spent, 0);
	atomic_init(&e->reached, false);
}

bool egress_take(struct egress *e, size_t n)
{
	uint_fast64_t spent;

	if (e == NULL) {
		return true;
	}
	if (e->limit == 0) {
		atomic_fetch_add(&e->spent, n);
		return true;
	}
	spent = atomic_load(&e->spent);
	while (!atomic_load(&e->reached) && n <= e->limit - spent) {
		/* Exchanged, not added: a count that went over the limit and came back would
		 * refuse others who are within it. */
		if (atomic_compare_exchange_weak(&e->spent, &spent, spent + n)) {
			return true;
		}
	}
	if (!atomic_exchange(&e->reached, true) && e->tell != NULL) {
		e->tell(e->arg);
	}
	return false;
}

bool egress_is_reached(const struct egress *e)
{
	return atomic_load(&e->reached);
}

uint64_t egress_spent(const struct egress *e)
{
	return atomic_load(&e->spent);
}
