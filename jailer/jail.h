/*
 * Start a command that sees only what it is given and has one way out.
 *
 * This is the contract; linux/ and windows/ fulfil it. The jailer knows nothing of HTTP, rules or
 * the gateway: it is told what to show, whom to start and what to hold it to, and gives back the
 * door, the listening sockets of the one way out, made inside the jail's own network.
 *
 * If any protection cannot be put up, the call fails and says what would make it possible. There
 * is no best effort.
 *
 * Sources: namespaces(7), user_namespaces(7), mount_namespaces(7), pid_namespaces(7), seccomp(2),
 * landlock(7), cgroups(7), capabilities(7).
 */
#ifndef SALLYPORT_JAILER_JAIL_H
#define SALLYPORT_JAILER_JAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct jail;

enum jail_error {
	JAIL_OK = 0,
	JAIL_EMEMORY = -1,
	JAIL_EPROTECTION = -2, /* a protection cannot be put up: diag names it and the cure */
	JAIL_EVIEW = -3,       /* something of the view is missing or cannot be shown */
	JAIL_ENOTFOUND = -4,   /* the command does not exist in the view (exit 127) */
	JAIL_ENOEXEC = -5,     /* it exists but cannot be run (exit 126) */
	JAIL_ESYSTEM = -6,     /* an OS call failed that should not; diag has its words */
};
const char *jail_strerror(int error);

struct jail_diag {
	/* "user namespace", "network", "seccomp", ...; "" when none is meant */
	char protection[64];
	char message[384]; /* what failed and why */
	char cure[256];    /* what would make it possible; "" when unknown */
};

/* How a path of the view is put there. Later entries lie over earlier ones. */
enum jail_mode {
	JAIL_HIDE = 0, /* absent: an empty, unwritable thing stands there */
	JAIL_READ,     /* bind, read-only */
	JAIL_WRITE,    /* bind, writable */
	JAIL_TMPFS,    /* empty, private, writable, gone at the end */
	JAIL_FILE,     /* a read-only file with the given content */
	JAIL_SYMLINK,  /* `source` is the link's text */
	JAIL_DIR,      /* an empty read-only folder, a place for others to lie in */
	JAIL_REVIEW,   /* a folder as it is, writable; what changes goes to `changes` instead */
};

struct jail_view {
	enum jail_mode mode;
	const char *target; /* absolute path inside */
	/* absolute host path without symbolic links; NULL = same as target, links followed */
	const char *source;
	const void *content; /* JAIL_FILE: the bytes */
	const void *before;  /* JAIL_FILE, Linux: more of them, which stand before; may be NULL */
	size_t before_len;
	/* JAIL_REVIEW: absolute host path of a folder with the empty folders upper and work in it,
	 * which overlayfs fills */
	const char *changes;
	size_t content_len;
	bool optional; /* absent on the host: skip without complaint */
};

/* 0 = not limited. Bytes, seconds, percent of one core. */
struct jail_limits {
	uint64_t memory, processes, time, cpu, file_size, open_files;
};

/* View and environment stay as they are until jail_start has returned; the rest is copied. */
struct jail_spec {
	char *const *argv; /* argv[0] is looked up in the PATH of envp inside the view */
	char *const *envp; /* the whole environment; nothing is inherited */
	const char *cwd;   /* absolute, inside the view */
	const struct jail_view *view;
	size_t n_view;
	struct jail_limits limits;
	uint16_t proxy_port; /* where the door listens inside: 127.0.0.1 and ::1, TCP */
	uint16_t dns_port;   /* UDP and TCP; port 53 of every address leads here */
	bool new_terminal;   /* give the command a pseudo terminal of its own (shell) */
	/* Windows, elevated: the container reaches the door by a loopback exemption, which opens
	 * every other local port to it too. Refused elsewhere. */
	bool exempt_loopback;
};

/*
 * The door: listening sockets made inside the jail's network, non-blocking, close-on-exec. They are
 * owned by the caller once jail_take_door returned them. Two of each: IPv4, IPv6.
 * Every TCP connection of the jail but those to its own loopback arrives at `tcp`; the address it
 * wanted is SO_ORIGINAL_DST (IP6T_SO_ORIGINAL_DST). UDP and TCP port 53 arrive at `dns_*`.
 */
struct jail_door {
	intptr_t tcp[2];
	intptr_t dns_udp[2];
	intptr_t dns_tcp[2];
};

/* What was enforced, for the start record and `doctor`. */
enum jail_state {
	JAIL_DOWN = 0,
	JAIL_UP,
	JAIL_ABSENT, /* the kernel does not have it and it is a second lock only; said so aloud */
};
struct jail_protection {
	const char *name; /* "network namespace" */
	enum jail_state state;
	char detail[96]; /* "ABI 5", "cgroup v1 pids", ... */
};

enum jail_end {
	JAIL_END_NONE = 0,
	JAIL_END_EXIT,   /* value = exit status */
	JAIL_END_SIGNAL, /* value = signal number */
	JAIL_END_LIMIT,  /* a limit ended it; `limit` names it */
};
struct jail_result {
	enum jail_end end;
	int value;
	char limit[32];
};

/*
 * Makes the empty jail: namespaces, network, door. Nothing of the command runs yet. Must be called
 * while the process has one thread.
 */
int jail_create(const struct jail_spec *spec, struct jail **ret_jail, struct jail_diag *diag)
	__attribute__((warn_unused_result));
int jail_take_door(struct jail *jail, struct jail_door *ret_door, struct jail_diag *diag)
	__attribute__((warn_unused_result));
/* Puts up the view and everything else, then starts the command. */
int jail_start(struct jail *jail, struct jail_diag *diag) __attribute__((warn_unused_result));
/*
 * Waits for the end of the command, passing signals and terminal on. Everything it started is dead
 * when this returns. `wake_fd` (or -1): when it becomes readable the jail is ended at once.
 */
int jail_wait(struct jail *jail, intptr_t wake_fd, struct jail_result *ret_result,
	struct jail_diag *diag) __attribute__((warn_unused_result));
/* The protections; the array lives as long as the jail. */
const struct jail_protection *jail_report(const struct jail *jail, size_t *ret_n);
/* Kills whatever is left and takes everything down. NULL-safe. */
void jail_destroy(struct jail *jail);

#endif
