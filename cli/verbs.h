/*
 * The verbs of the program, one file each, and what they share.
 */
#ifndef SALLYPORT_CLI_VERBS_H
#define SALLYPORT_CLI_VERBS_H

/* Exit statuses, as env(1) uses them. */
enum { EXIT_OURS = 125, EXIT_NOT_RUNNABLE = 126, EXIT_NOT_FOUND = 127, EXIT_USAGE = 2 };

/* argv[0] is the verb. Each returns the exit status. */
int verb_run(int argc, char **argv);
int verb_shell(int argc, char **argv);
int verb_rules(int argc, char **argv);
int verb_log(int argc, char **argv);
int verb_files(int argc, char **argv);
int verb_changes(int argc, char **argv);
int verb_gateway(int argc, char **argv);
int verb_ca(int argc, char **argv);
int verb_connect(int argc, char **argv);
int verb_doctor(int argc, char **argv);
int verb_probe(int argc, char **argv);
int verb_relay(int argc, char **argv); /* the inner half of the door, where a jail needs one */
int verb_version(int argc, char **argv);

/* "sallyport: ..." on stderr. Returns EXIT_OURS. */
int complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
