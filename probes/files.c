/*
 * Probes of the file view: reading what is not in it, writing what is not to be written.
 */
#include "probes/probes_private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Escaped when a byte can be read. */
static bool try_read(struct probe_result *result, const char *path)
{
	char byte;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool got = fd >= 0 && read(fd, &byte, 1) == 1;

	if (got) {
		probe_say(result, PROBE_ESCAPED, "read %.120s", path);
	} else {
		probe_say(result, PROBE_HELD, "nothing to read there");
	}
	if (fd >= 0) {
		close(fd);
	}
	return got;
}

PROBE(probe_secret)
{
	try_read(result, t->secret);
}

PROBE(probe_home)
{
	try_read(result, t->home_secret);
}

PROBE(probe_shadow)
{
	static const char *const paths[] = {"/etc/shadow", "/etc/gshadow", "/etc/sudoers",
		"/etc/ssl/private/ssl-cert-snakeoil.key", "/etc/ssh/ssh_host_ed25519_key",
		"/etc/machine-id", "/var/log/auth.log", "/var/log/syslog"};

	(void)t;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		if (try_read(result, paths[i])) {
			return;
		}
	}
}

PROBE(probe_proc_root)
{
	static const char *const ways[] = {"/proc/self/root%s", "/proc/1/root%s",
		"/proc/self/cwd/../../../../../../..%s", "/proc/self/task/../root%s",
		"/../../../..%s", "/proc/1/cwd%s"};
	char path[4200];

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		const char *percent = strchr(ways[i], '%');

		snprintf(
			path, sizeof(path), "%.*s%s", (int)(percent - ways[i]), ways[i], t->secret);
		if (try_read(result, path)) {
			return;
		}
	}
}

PROBE(probe_descriptors)
{
	char link[64], to[4096];

	/* Folders and anything of the host's among what was inherited; 0, 1 and 2 are the caller's
	 * gift. */
	for (int fd = 3; fd < 1024; fd++) {
		ssize_t n;

		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		n = readlink(link, to, sizeof(to) - 1);
		if (n > 0 && strncmp(to, "/dev/null", (size_t)n) != 0) {
			to[n] = '\0';
			probe_say(result, PROBE_ESCAPED, "descriptor %d leads to %.100s", fd, to);
			return;
		}
	}
	(void)t;
	probe_say(result, PROBE_HELD, "none was inherited");
}

PROBE(probe_symlink)
{
	unlink("probe-link");
	if (symlink(t->secret, "probe-link") != 0) {
		probe_judge(result, true, "symlink");
		return;
	}
	try_read(result, "probe-link");
	unlink("probe-link");
}

PROBE(probe_hardlink)
{
	unlink("probe-hard");
	if (link(t->secret, "probe-hard") != 0) {
		probe_judge(result, true, "link");
		return;
	}
	try_read(result, "probe-hard");
	unlink("probe-hard");
}

static bool try_make(struct probe_result *result, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0) {
		probe_judge(result, true, "open");
		return false;
	}
	close(fd);
	probe_say(result, PROBE_ESCAPED, "%.120s can be written", path);
	return true;
}

PROBE(probe_write_outside)
{
	char path[4200];

	snprintf(path, sizeof(path), "%s/escaped", t->outside);
	(void)mkdir(t->outside, 0755);
	try_make(result, path); /* the canary: was it made outside? */
	if (result->outcome == PROBE_ESCAPED && access("/run/sallyport", F_OK) == 0) {
		probe_say(result, PROBE_HELD, "it was written to something private");
	}
}

PROBE(probe_write_system)
{
	static const char *const folders[] = {"/", "/usr", "/usr/bin", "/usr/lib", "/etc",
		"/etc/cron.d", "/etc/ssl/certs", "/opt", "/run", "/var", "/var/spool", "/sys",
		"/proc"};
	char path[64];

	(void)t;
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		snprintf(path, sizeof(path), "%s/sallyport-probe", folders[i]);
		if (try_make(result, path)) {
			unlink(path);
			return;
		}
	}
}

PROBE(probe_write_trust)
{
	static const char *const files[] = {"/run/sallyport/ca.pem", "/run/sallyport/bundle.pem",
		"/run/sallyport/sallyport", "/etc/ssl/certs/ca-certificates.crt",
		"/etc/resolv.conf", "/etc/hosts", "/etc/passwd"};

	(void)t;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		int fd = open(files[i], O_WRONLY | O_CLOEXEC);

		probe_judge(result, fd < 0, files[i]);
		if (fd >= 0) {
			close(fd);
			return;
		}
		/* Outside a jail these are the machine's own. */
		if (access("/run/sallyport", F_OK) == 0 &&
			(unlink(files[i]) == 0 || rename("/tmp", files[i]) == 0)) {
			probe_say(result, PROBE_ESCAPED, "%s was removed", files[i]);
			return;
		}
	}
}

PROBE(probe_rules)
{
	(void)t;
	(void)unlink("sallyport.rules");
	(void)rename("sallyport.rules", "s");
	if (!try_make(result, "sallyport.rules")) {
		probe_judge(result, symlink("x", "sallyport.rules") != 0, "symlink");
	}
}

PROBE(probe_git_hooks)
{
	(void)t;
	(void)rename(".git", "g");
	(void)mkdir(".git", 0755);
	(void)mkdir(".git/hooks", 0755);
	if (!try_make(result, ".git/hooks/pre-commit")) {
		try_make(result, ".git/config");
	}
}

/* A jail may cover a file with /dev/null: that opens, and nothing is written. */
static bool is_null(int fd)
{
	struct stat st, null;

	return fstat(fd, &st) == 0 && stat("/dev/null", &null) == 0 && S_ISCHR(st.st_mode) &&
	       st.st_rdev == null.st_rdev;
}

static void try_write(struct probe_result *result, const char *const *files)
{
	for (size_t i = 0; files[i] != NULL; i++) {
		int fd = open(files[i], O_WRONLY | O_CLOEXEC);

		if (fd >= 0 && is_null(fd)) {
			close(fd);
			continue;
		}
		if (fd >= 0) {
			close(fd);
			probe_say(result, PROBE_ESCAPED, "%s opens for writing", files[i]);
			return;
		}
	}
	probe_judge(result, true, "open");
}

PROBE(probe_proc_sys)
{
	static const char *const files[] = {"/proc/sys/kernel/core_pattern",
		"/proc/sys/kernel/modprobe", "/proc/sys/net/ipv4/ip_forward",
		"/proc/sys/vm/drop_caches", "/proc/sysrq-trigger",
		"/proc/sys/fs/binfmt_misc/register", "/proc/kcore", "/proc/1/mem", NULL};

	(void)t;
	try_write(result, files);
}

PROBE(probe_sysfs)
{
	static const char *const files[] = {"/sys/kernel/uevent_helper", "/sys/power/state",
		"/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/release_agent",
		"/sys/kernel/debug/tracing/trace", NULL};

	(void)t;
	try_write(result, files);
}

PROBE(probe_devices)
{
	static const char *const files[] = {"/dev/mem", "/dev/kmem", "/dev/port", "/dev/kmsg",
		"/dev/sda", "/dev/vda", "/dev/nvme0n1", "/dev/loop0", "/dev/loop-control",
		"/dev/fuse", "/dev/kvm", "/dev/net/tun", "/dev/vhost-net", "/dev/uinput",
		"/dev/mapper/control", "/dev/dri/card0", "/dev/snd/controlC0", "/dev/vsock", NULL};

	(void)t;
	try_write(result, files);
}

PROBE(probe_mknod)
{
	(void)t;
	unlink("probe-node");
	if (mknod("probe-node", S_IFBLK | 0600, makedev(7, 0)) != 0) {
		probe_judge(result, true, "mknod");
		return;
	}
	try_read(result, "probe-node");
	unlink("probe-node");
}

PROBE(probe_handle)
{
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + 128];
	} h = {.handle = {.handle_bytes = 128}};
	int mount_id, fd;

	(void)t;
	if (name_to_handle_at(AT_FDCWD, ".", &h.handle, &mount_id, 0) != 0) {
		probe_judge(result, true, "name_to_handle_at");
		return;
	}
	fd = open_by_handle_at(AT_FDCWD, &h.handle, O_RDONLY);
	probe_judge(result, fd < 0, "open_by_handle_at");
	if (fd >= 0) {
		close(fd);
	}
}

/* The canary is the file: what it is outside, after the run. */
PROBE(probe_setuid_file)
{
	int fd = open("probe-lent", O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	bool failed;

	(void)t;
	if (fd < 0) {
		probe_say(result, PROBE_UNKNOWN, "%s", strerror(errno));
		return;
	}
	failed = fchmod(fd, 04755) != 0 && chmod("probe-lent", 04755) != 0 &&
		 syscall(452 /* fchmodat2 */, AT_FDCWD, "probe-lent", 04755, 0) != 0;
	close(fd);
	if (failed && unlink("probe-lent") == 0) {
		fd = open("probe-lent", O_WRONLY | O_CREAT | O_CLOEXEC, 04755);
		failed = fd < 0;
		if (fd >= 0) {
			close(fd);
		}
	}
	probe_judge(result, failed, "a file with the setuid bit");
}

PROBE(probe_file_size)
{
	static const char block[65536];
	int fd = open("probe-large", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool whole = fd >= 0;

	(void)t;
	signal(SIGXFSZ, SIG_IGN);
	/* The limit of the probes is 16 MiB. */
	for (int i = 0; whole && i < 17 * 16; i++) {
		whole = write(fd, block, sizeof(block)) == (ssize_t)sizeof(block);
	}
	probe_judge(result, !whole, "writing 17 MiB");
	close(fd);
	unlink("probe-large");
}
