/*
 * The verbs of `sallyport log` that believe nothing. Each gets its own name as argv[0].
 */
#ifndef SALLYPORT_CLI_LOG_VERIFY_H
#define SALLYPORT_CLI_LOG_VERIFY_H

int log_verify(int argc, char **argv);
int log_prove(int argc, char **argv);
int log_verify_proof(int argc, char **argv);

#endif
