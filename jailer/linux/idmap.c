/*
 * Who the jail's processes are. An ordinary user is mapped to itself alone. Root is mapped one to
 * one, so that files show their owners; without capabilities that gives it no more than any owner
 * of files. Source: user_namespaces(7), "Defining user and group ID mappings".
 */
#include "jailer/linux/jail_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char cure[] = "allow user namespaces (sysctl user.max_user_namespaces, "
			   "kernel.apparmor_restrict_unprivileged_userns=0 on Ubuntu)";

static int write_file(pid_t pid, const char *name, const char *text, struct jail_diag *diag)
{
	char path[64];
	ssize_t put;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0) {
		return jail_fail_errno(
			diag, JAIL_EPROTECTION, "user namespace", cure, "open %s", path);
	}
	put = write(fd, text, strlen(text));
	close(fd);
	if (put != (ssize_t)strlen(text)) {
		return jail_fail_errno(
			diag, JAIL_EPROTECTION, "user namespace", cure, "write %s", path);
	}
	return 0;
}

int idmap_write(pid_t pid, struct jail_diag *diag)
{
	char uids[64], gids[64];
	int error;

	if (geteuid() == 0) {
		snprintf(uids, sizeof(uids), "0 0 65536\n");
		snprintf(gids, sizeof(gids), "0 0 65536\n");
	} else {
		snprintf(uids, sizeof(uids), "%u %u 1\n", geteuid(), geteuid());
		snprintf(gids, sizeof(gids), "%u %u 1\n", getegid(), getegid());
	}
	error = write_file(pid, "uid_map", uids, diag);
	if (error == 0) {
		/* Without it a group that is denied something could be dropped to gain it. */
		error = write_file(pid, "setgroups", "deny", diag);
	}
	return error != 0 ? error : write_file(pid, "gid_map", gids, diag);
}
