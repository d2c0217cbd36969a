/*
 * What clients inside the jail need to find the proxy and to believe the run's CA: files laid over
 * the distribution's trust stores, and the environment. docs/clients.md has the list, client by
 * client.
 */
#ifndef SALLYPORT_CLI_RUN_CLIENT_TRUST_H
#define SALLYPORT_CLI_RUN_CLIENT_TRUST_H

#include "cli/text.h"

#include <stdint.h>

/* Folder inside the jail for files of ours. */
#define TRUST_DIR "/run/sallyport"

struct client_trust {
	const char *system; /* the bundle's beginning: the system's roots, NUL-terminated as they
			       lie in the page cache, mapped; NULL: they are in `bundle` */
	size_t system_len;
	struct text bundle; /* the user's own roots, the run's CA: for variables that replace */
	struct text ca;     /* the user's additive roots and the run's CA: for variables that add */
	struct text apt_conf;
	/* The bundle for Java: what the system's own store begins with, mapped, or nothing; then
	 * what is owned. Both NULL without a JDK. */
	unsigned char *java_system, *java_store;
	size_t java_system_len, java_system_kept, java_store_len;
	struct list java_paths;   /* each JDK's own store, which it is laid over */
	struct list bundle_paths; /* where the bundle is to lie, besides TRUST_DIR */
	struct list env;          /* the command's environment */
};

/* Begins the bundle with the system's roots; it is empty where they are in no file. */
void client_trust_begin(struct client_trust *t);
/* `environment`: the user's. 0, or an exit status after it was said why. */
int client_trust_make(struct client_trust *t, const char *run_ca_pem, uint16_t proxy_port,
	char *const *environment);
/* Go takes an empty .git for a repository and fails: it is told not to look. */
void client_trust_without_git(struct client_trust *t);
void client_trust_finish(struct client_trust *t);

#endif
