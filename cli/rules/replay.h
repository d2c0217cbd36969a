/*
 * sallyport rules replay.
 */
#ifndef SALLYPORT_CLI_RULES_REPLAY_H
#define SALLYPORT_CLI_RULES_REPLAY_H

/* argv[0] is the word after `rules`. */
int rules_replay(int argc, char **argv);

#endif
