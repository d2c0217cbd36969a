/*
 * What a run says of its changes at the end.
 */
#ifndef SALLYPORT_CLI_CHANGES_VERB_H
#define SALLYPORT_CLI_CHANGES_VERB_H

/* On stderr; `run` is how to name the run to `sallyport changes`. 0, or an exit status. */
int changes_sum_up(const char *record_dir, const char *run);

#endif
