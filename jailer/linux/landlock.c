/*
 * Landlock, the second and independent lock on files: what the view does not show as writable
 * cannot be written through whatever mount comes to light. Used as far as the kernel's ABI goes;
 * a kernel without it is told in the report. Source: landlock(7), and the kernel's
 * userspace-api/landlock for what is newer than this system's headers.
 */
#include "jailer/linux/jail_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	ABI_REFER = 2,
	ABI_TRUNCATE = 3,
	ABI_NETWORK = 4,
	ABI_IOCTL = 5,
	ABI_SCOPES = 6,
};

#define ACCESS_REFER           (1ULL << 13)
#define ACCESS_TRUNCATE        (1ULL << 14)
#define ACCESS_IOCTL_DEV       (1ULL << 15)
#define SCOPE_ABSTRACT_SOCKETS (1ULL << 0)
#define SCOPE_SIGNALS          (1ULL << 1)
#define NETWORK_BIND_TCP       (1ULL << 0)

#define READ \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define DEVICES (LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK)
/* What a writer of files does in its folder. */
#define KEEP                                                                  \
	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |         \
		LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | \
		LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE)
/* What can be allowed of a file that is no folder. */
#define FILE_RIGHTS                                                   \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | \
		LANDLOCK_ACCESS_FS_READ_FILE | ACCESS_TRUNCATE | ACCESS_IOCTL_DEV)

/* The ruleset as the newest ABI known here lays it out; older kernels take its beginning. */
struct ruleset {
	uint64_t files, network, scopes;
};

long landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return abi > 0 ? abi : 0;
}

bool landlock_keeps_signals(void)
{
	return landlock_abi() >= ABI_SCOPES;
}

static uint64_t rights_of(long abi)
{
	uint64_t rights = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;

	rights |= abi >= ABI_REFER ? ACCESS_REFER : 0;
	rights |= abi >= ABI_TRUNCATE ? ACCESS_TRUNCATE : 0;
	rights |= abi >= ABI_IOCTL ? ACCESS_IOCTL_DEV : 0;
	return rights;
}

/* A path that is not there needs no right. */
static int allow(int ruleset, const char *path, uint64_t rights)
{
	struct landlock_path_beneath_attr beneath = {.allowed_access = rights};
	struct stat st;
	int result = 0;

	beneath.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (beneath.parent_fd < 0) {
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? 0 : -1;
	}
	if (fstat(beneath.parent_fd, &st) != 0) {
		result = -1;
	} else {
		if (!S_ISDIR(st.st_mode)) {
			beneath.allowed_access &= FILE_RIGHTS;
		}
		result = (int)syscall(
			SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0);
	}
	close(beneath.parent_fd);
	return result;
}

static int allow_view(int ruleset, const struct jail_view *view, size_t n_view, uint64_t all)
{
	const uint64_t change = all & ~DEVICES;
	int result = allow(ruleset, "/", READ);

	for (size_t i = 0; result == 0 && i < n_view; i++) {
		if (view[i].mode == JAIL_WRITE || view[i].mode == JAIL_REVIEW ||
			view[i].mode == JAIL_TMPFS) {
			result = allow(ruleset, view[i].target, change);
		}
	}
	if (result == 0) {
		result = allow(ruleset, "/dev", change);
	}
	return result == 0 ? allow(ruleset, "/proc", READ | (all & FILE_RIGHTS)) : result;
}

void landlock_report(struct jail_reports *reports)
{
	long abi = landlock_abi();

	if (abi > 0) {
		jail_report_add(reports, "landlock", JAIL_UP, "ABI %ld", abi);
	} else {
		jail_report_add(reports, "landlock", JAIL_ABSENT, "%s",
			"this kernel does not have it, or it is switched off");
	}
}

/* 0 with the new ruleset's descriptor in `ret_ruleset`. */
static int make_ruleset(long abi, const struct ruleset *attr, int *ret_ruleset)
{
	size_t size = abi >= ABI_SCOPES    ? 3 * sizeof(uint64_t)
		      : abi >= ABI_NETWORK ? 2 * sizeof(uint64_t)
					   : sizeof(uint64_t);

	*ret_ruleset = (int)syscall(SYS_landlock_create_ruleset, attr, size, 0);
	return *ret_ruleset < 0 ? -1 : 0;
}

static int restrict_self(int ruleset)
{
	int result = (int)syscall(SYS_landlock_restrict_self, ruleset, 0);

	close(ruleset);
	return result;
}

static uint64_t scopes_of(long abi)
{
	return abi >= ABI_SCOPES ? SCOPE_ABSTRACT_SOCKETS | SCOPE_SIGNALS : 0;
}

int landlock_setup(const struct jail_view *view, size_t n_view, struct jail_diag *diag)
{
	long abi = landlock_abi();
	struct ruleset attr = {.files = rights_of(abi), .scopes = scopes_of(abi)};
	int ruleset;

	if (abi == 0) {
		return 0;
	}
	if (make_ruleset(abi, &attr, &ruleset) != 0 ||
		allow_view(ruleset, view, n_view, attr.files) != 0 || restrict_self(ruleset) != 0) {
		return jail_fail_errno(diag, JAIL_EPROTECTION, "landlock", "", "ruleset");
	}
	return 0;
}

int landlock_folder(const char *folder, struct jail_diag *diag)
{
	long abi = landlock_abi();
	struct ruleset attr = {.files = rights_of(abi),
		.network = abi >= ABI_NETWORK ? NETWORK_BIND_TCP : 0,
		.scopes = scopes_of(abi)};
	int ruleset;

	if (make_ruleset(abi, &attr, &ruleset) != 0 ||
		allow(ruleset, folder, (KEEP | ACCESS_TRUNCATE) & attr.files) != 0 ||
		restrict_self(ruleset) != 0) {
		return jail_fail_errno(
			diag, JAIL_EPROTECTION, "landlock", "", "the gateway's ruleset");
	}
	return 0;
}
