/*
 * Programs that `by` names: a path under which no process could ever be known is a mistake.
 */
#ifndef SALLYPORT_CLI_RULES_BY_PROGRAMS_H
#define SALLYPORT_CLI_RULES_BY_PROGRAMS_H

struct rules;

/* 0, or an exit status after it was said which and what to write instead. */
int by_programs_check(const struct rules *rules);

#endif
