/*
 * Nothing to check: `by` is not carried out here.
 */
#include "cli/rules/by_programs.h"

int by_programs_check(const struct rules *rules)
{
	(void)rules;
	return 0;
}
