/*
 * The table of probes, in the order of docs/escape.md.
 */
#include "probes/probes_private.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct probe probes[] = {
	{"tcp-loopback", "the host's own loopback is not reached", probe_tcp_loopback, true},
	{"tcp-address", "no address is reached by TCP but through the door", probe_tcp_address,
		true},
	{"tcp-ipv6", "nor by IPv6", probe_tcp_ipv6, true},
	{"udp", "UDP does not leave", probe_udp, true},
	{"icmp", "ICMP does not leave", probe_icmp, false},
	{"raw-socket", "no raw sockets", probe_raw, false},
	{"packet-socket", "no packet sockets", probe_packet, false},
	{"vsock", "no sockets to a hypervisor", probe_vsock, false},
	{"netlink", "the packet filter and the network's configuration cannot be asked",
		probe_netlink, true},
	{"route", "the network's configuration cannot be changed", probe_route, false},
	{"dns", "a DNS question carries nothing out", probe_dns, false},
	{"metadata", "metadata services are not reached", probe_metadata, false},
	{"listen", "a server inside is not reached from the host", probe_listen, true},
	{"abstract-socket", "abstract sockets of the host are not reached", probe_abstract, true},
	{"agents", "D-Bus, X11, Wayland, docker and agents' sockets are not reached", probe_agents,
		false},
	{"door", "hostile bytes at the door do no harm", probe_door, false},

	{"other-project", "other projects are not there", probe_secret, true},
	{"home", "the home folder is not there", probe_home, true},
	{"shadow", "the system's secrets are not there", probe_shadow, false},
	{"proc-root", "no way round by /proc/PID/root or cwd", probe_proc_root, true},
	{"descriptors", "no descriptor of somebody else's leads out", probe_descriptors, false},
	{"symlink", "a symbolic link leads nowhere", probe_symlink, true},
	{"hardlink", "a hard link cannot be made to it", probe_hardlink, true},
	{"write-outside", "nothing outside the view is written", probe_write_outside, true},
	{"write-system", "the system's folders are read-only", probe_write_system, false},
	{"write-trust", "the run's roots of trust are read-only", probe_write_trust, false},
	{"rules", "the rules of the next run cannot be made or changed", probe_rules, true},
	{"git-hooks", "git hooks cannot be made or changed", probe_git_hooks, true},
	{"proc-sys", "the kernel's settings cannot be written", probe_proc_sys, false},
	{"sysfs", "/sys cannot be written", probe_sysfs, false},
	{"devices", "no device but the harmless ones", probe_devices, false},
	{"mknod", "no device can be made", probe_mknod, false},
	{"file-handle", "no file is opened by handle", probe_handle, false},
	{"setuid-file", "no file is left that lends its owner's rights", probe_setuid_file, true},
	{"file-size", "limit file-size holds", probe_file_size, true},

	{"capabilities", "no capability, and none to be had", probe_capabilities, false},
	{"setuid", "no setuid program raises rights", probe_setuid, true},
	{"user-namespace", "no new user namespace", probe_user_namespace, true},
	{"namespaces", "no other new namespace, by unshare or clone", probe_namespaces, false},
	{"setns", "no other namespace is entered", probe_setns, false},
	{"mount", "nothing is mounted", probe_mount, false},
	{"remount", "nothing becomes writable", probe_remount, false},
	{"mount-api", "nor by the newer calls", probe_new_mount_api, false},
	{"chroot", "no chroot", probe_chroot, false},
	{"keyring", "kernel keyrings are out of reach", probe_keyring, true},
	{"bpf", "no bpf", probe_bpf, false},
	{"perf", "no perf events", probe_perf, false},
	{"userfaultfd", "no userfaultfd", probe_userfaultfd, false},
	{"io-uring", "no io_uring", probe_io_uring, false},
	{"fanotify", "nobody else's use of files is watched", probe_fanotify, false},
	{"modules", "no kernel modules", probe_modules, false},
	{"kexec", "no kexec", probe_kexec, false},
	{"terminal", "nothing is typed into the caller's terminal", probe_terminal, false},
	{"i386-calls", "no 32-bit system calls", probe_32_bit, false},
	{"x32-calls", "no x32 system calls", probe_x32, false},

	{"processes", "processes of the host are not seen", probe_victim_seen, true},
	{"kill", "they cannot be signalled", probe_kill, true},
	{"kill-all", "nor all at once, the gateway among them", probe_kill_all, false},
	{"ptrace", "they cannot be traced", probe_ptrace, false},
	{"ptrace-init", "nor the jail's own first process", probe_ptrace_init, false},
	{"meddle-init", "nor are its limits or its turns of the processor changed",
		probe_meddle_init, false},
	{"process-memory", "no other process's memory is read or written", probe_other_memory,
		false},
	{"process-fds", "no descriptor of another process is taken", probe_other_descriptors,
		false},
	{"shared-memory", "System V shared memory of the host is not seen", probe_shm, true},
	{"daemon", "nothing outlives the run", probe_daemon, true},
	{"fork-bomb", "limit processes holds", probe_forks, true},
	{"memory-bomb", "limit memory holds", probe_memory, true},
};
const size_t n_probes = sizeof(probes) / sizeof(probes[0]);

void probe_say(struct probe_result *result, enum probe_outcome outcome, const char *format, ...)
{
	va_list args;

	result->outcome = outcome;
	va_start(args, format);
	vsnprintf(result->detail, sizeof(result->detail), format, args);
	va_end(args);
}

void probe_judge(struct probe_result *result, bool failed, const char *what)
{
	if (failed) {
		probe_say(result, PROBE_HELD, "%s: %s", what, strerror(errno));
	} else {
		probe_say(result, PROBE_ESCAPED, "%s succeeded", what);
	}
}

static const char *text(const char *name)
{
	const char *value = getenv(name);

	return value != NULL ? value : "";
}

int probe_run(const char *name, struct probe_result *ret_result)
{
	const struct probe_targets t = {
		.token = text("PROBE_TOKEN"),
		.address = text("PROBE_ADDRESS"),
		.port = atoi(text("PROBE_PORT")),
		.listen_port = atoi(text("PROBE_LISTEN")),
		.secret = text("PROBE_SECRET"),
		.home_secret = text("PROBE_HOME_SECRET"),
		.outside = text("PROBE_OUTSIDE"),
		.abstract = text("PROBE_ABSTRACT"),
		.shm_key = atoi(text("PROBE_SHM")),
		.victim = atoi(text("PROBE_VICTIM")),
	};

	for (size_t i = 0; i < n_probes; i++) {
		if (strcmp(probes[i].name, name) == 0) {
			memset(ret_result, 0, sizeof(*ret_result));
			probes[i].fn(&t, ret_result);
			return 0;
		}
	}
	return -1;
}
