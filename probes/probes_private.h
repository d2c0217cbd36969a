/*
 * What the probes share. Private to probes/.
 */
#ifndef SALLYPORT_PROBES_PRIVATE_H
#define SALLYPORT_PROBES_PRIVATE_H

#include "probes/probes.h"

#define PROBE(name) void name(const struct probe_targets *t, struct probe_result *result)

/* Sets outcome and detail; the detail of a failed call is its errno's words. */
void probe_say(struct probe_result *result, enum probe_outcome outcome, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Held when `failed`, with the reason in errno; escaped otherwise. */
void probe_judge(struct probe_result *result, bool failed, const char *what);

/* network.c */
PROBE(probe_tcp_loopback);
PROBE(probe_tcp_address);
PROBE(probe_tcp_ipv6);
PROBE(probe_udp);
PROBE(probe_icmp);
PROBE(probe_raw);
PROBE(probe_packet);
PROBE(probe_vsock);
PROBE(probe_netlink);
PROBE(probe_route);
PROBE(probe_dns);
PROBE(probe_metadata);
PROBE(probe_listen);
PROBE(probe_abstract);
PROBE(probe_agents);
PROBE(probe_door);

/* files.c */
PROBE(probe_secret);
PROBE(probe_home);
PROBE(probe_shadow);
PROBE(probe_proc_root);
PROBE(probe_descriptors);
PROBE(probe_symlink);
PROBE(probe_hardlink);
PROBE(probe_write_outside);
PROBE(probe_write_system);
PROBE(probe_write_trust);
PROBE(probe_rules);
PROBE(probe_git_hooks);
PROBE(probe_proc_sys);
PROBE(probe_sysfs);
PROBE(probe_devices);
PROBE(probe_mknod);
PROBE(probe_handle);
PROBE(probe_setuid_file);
PROBE(probe_file_size);

/* powers.c */
PROBE(probe_capabilities);
PROBE(probe_setuid);
PROBE(probe_user_namespace);
PROBE(probe_namespaces);
PROBE(probe_setns);
PROBE(probe_mount);
PROBE(probe_remount);
PROBE(probe_new_mount_api);
PROBE(probe_chroot);
PROBE(probe_keyring);
PROBE(probe_bpf);
PROBE(probe_perf);
PROBE(probe_userfaultfd);
PROBE(probe_io_uring);
PROBE(probe_fanotify);
PROBE(probe_modules);
PROBE(probe_kexec);
PROBE(probe_terminal);
PROBE(probe_32_bit);
PROBE(probe_x32);

/* processes.c */
PROBE(probe_victim_seen);
PROBE(probe_kill);
PROBE(probe_kill_all);
PROBE(probe_ptrace);
PROBE(probe_ptrace_init);
PROBE(probe_meddle_init);
PROBE(probe_other_memory);
PROBE(probe_other_descriptors);
PROBE(probe_shm);
PROBE(probe_daemon);
PROBE(probe_forks);
PROBE(probe_memory);

#endif
