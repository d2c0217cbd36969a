/*
 * What the files of linux/ share: the steps of the jail, one file a kernel facility. jail.c has
 * their order.
 *
 * Every step returns 0, or a negative enum jail_error with the diag filled in.
 */
#ifndef SALLYPORT_JAILER_LINUX_H
#define SALLYPORT_JAILER_LINUX_H

#include "jailer/jail.h"

#include <sys/types.h>

enum { JAIL_PROTECTIONS_MAX = 24 };

/* What goes over the socket between the caller and the jail's first process. */
enum jail_message {
	JAIL_MSG_NONE = 0,
	JAIL_MSG_UNSHARED, /* child: the namespaces exist, map my ids */
	JAIL_MSG_MAPPED,   /* parent: done; the limits that are left to the child */
	JAIL_MSG_DOOR,     /* child: the six sockets come with this, and one to ask of others */
	JAIL_MSG_START,    /* parent: the start is on record */
	JAIL_MSG_STARTED,  /* child: everything is up; its /proc and its root come with this */
	JAIL_MSG_FAILED,   /* child: a struct jail_failure follows */
	JAIL_MSG_END,      /* child: a struct jail_result follows */
	JAIL_MSG_SIGNAL,   /* parent: pass this signal to the command */
};

struct jail_failure {
	int error;
	struct jail_diag diag;
};

struct jail_reports {
	struct jail_protection list[JAIL_PROTECTIONS_MAX];
	size_t n;
};

/* diag helpers: each returns `error`. */
int jail_fail(struct jail_diag *diag, int error, const char *protection, const char *cure,
	const char *format, ...) __attribute__((format(printf, 5, 6)));
/* The same with ": strerror(errno)" behind it. */
int jail_fail_errno(struct jail_diag *diag, int error, const char *protection, const char *cure,
	const char *format, ...) __attribute__((format(printf, 5, 6)));
void jail_report_add(struct jail_reports *r, const char *name, enum jail_state state,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

/* namespaces.c: like fork(2), into namespaces of its own; -1 with diag on failure. */
pid_t namespaces_clone(struct jail_diag *diag);
int namespaces_name(struct jail_diag *diag);
/* init.c: the first process of the jail; `ctl` leads to the caller. */
_Noreturn void init_main(const struct jail_spec *spec, int ctl);
/* idmap.c: run by the parent for the child `pid`. */
int idmap_write(pid_t pid, struct jail_diag *diag);
/* net.c: loopback up, every address local. */
int net_setup(struct jail_diag *diag);
/* nft.c: everything but the jail's own loopback leads to the door. */
int nft_setup(const struct jail_spec *spec, struct jail_diag *diag);
/* door.c: six listening sockets, tcp4 tcp6 dns-udp4 dns-udp6 dns-tcp4 dns-tcp6. */
int door_make(const struct jail_spec *spec, int ret_fds[6], struct jail_diag *diag);
/* view.c: an empty root with only what the view names; ends with pivot_root. */
int view_setup(const struct jail_view *view, size_t n_view, struct jail_diag *diag);
/*
 * dev.c, proc.c: called by view.c in this order; `root` is the new root and the working folder,
 * "/" the host's. `dev` and `shm` are empty folders, mounts that are attached nowhere (-1: could
 * not be made); they stay the caller's.
 */
int dev_setup(int root, int dev, int shm, struct jail_diag *diag);
int proc_setup(int root, struct jail_diag *diag);
/* caps.c */
/* None to be had again, by this process and those it makes; what it has it keeps. */
int caps_lock(struct jail_diag *diag);
/* Those that it has. */
int caps_drop(struct jail_diag *diag);
/* seccomp.c */
int seccomp_setup(struct jail_diag *diag);
/* landlock.c: nothing to do, and no failure, where the kernel does not have it. */
int landlock_setup(const struct jail_view *view, size_t n_view, struct jail_diag *diag);
void landlock_report(struct jail_reports *reports);
/* The kernel's ABI; 0 when it has none, or it is switched off. */
long landlock_abi(void);
bool landlock_keeps_signals(void);
/* Files in `folder` can be opened, made and taken away, nothing else; no TCP port can be bound. */
int landlock_folder(const char *folder, struct jail_diag *diag);
/* confine_root.c: a root that is empty but for `folder`, which keeps its path. */
int confine_root(const char *folder, struct jail_diag *diag);
/* seccomp.c: the system calls of the gateway. */
int confine_calls(struct jail_diag *diag);
size_t confine_calls_count(void);
/* confine_shipped.c, confine_sanitized.c: called when this process is confined. */
void confine_is_up(void);
/*
 * cgroup.c: puts the jail's first process, and so all, into cgroups that keep the limits. What they
 * keep is taken out of `limits`; the rest is limits.c's. Failed or not, cgroup_leave() is called.
 */
enum { CGROUP_PATH = 1024, CGROUP_PIDS = 0, CGROUP_MEMORY, CGROUP_CPU, CGROUP_CONTROLLERS };
struct cgroup {
	char folders[CGROUP_CONTROLLERS][CGROUP_PATH]; /* "" = not used */
	int version;                                   /* 0 = none is used */
};
int cgroup_enter(struct cgroup *c, pid_t pid, struct jail_limits *limits, struct jail_diag *diag);
bool cgroup_is_used(const struct cgroup *c);
/* The name of the limit that was run into, or NULL. */
const char *cgroup_reached(const struct cgroup *c);
void cgroup_report(const struct cgroup *c, const struct jail_limits *left, struct jail_reports *r);
void cgroup_leave(const struct cgroup *c);
/* limits.c: rlimits, in the command's process. */
int limits_apply(const struct jail_limits *limits, struct jail_diag *diag);
/* In the first process, now and then: the limit that all together ran into, or NULL. */
const char *limits_reached(const struct jail_limits *limits);
/* The limit of which the command's end speaks, or NULL; `status` as of waitpid(2). */
const char *limits_told_by(const struct jail_limits *limits, int status);
/*
 * command.c: the last steps in the command's own process; returns on failure only. `limits`: those
 * that rlimits keep; `mask`: the caller's umask. It shares the first process's memory.
 */
int command_exec(const struct jail_spec *spec, const struct jail_limits *limits, mode_t mask,
	struct jail_diag *diag);
/* fds.c */
int fds_close_all_but(const int *keep, size_t n, struct jail_diag *diag);

#endif
