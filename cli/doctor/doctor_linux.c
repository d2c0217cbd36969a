/*
 * sallyport doctor: what this machine gives, each protection up or down; with --probe, attempts to
 * get out of a jail, each in a run of its own, and what canaries outside noticed of them.
 */
#include "audit/hold.h"
#include "cli/doctor/canaries.h"
#include "cli/place.h"
#include "cli/verbs.h"
#include "cli/run/view_verify.h"
#include "jailer/linux/repair.h"
#include "probes/probes.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static const char usage[] =
	"usage: sallyport doctor [--probe | --control | --jail COMMAND] [NAME...]\n"
	"       sallyport doctor --repair\n\n"
	"Says what this kernel and distribution give, which protections are up, and what to "
	"change.\n\n"
	"  --probe      tries to get out of a jail, in every way it knows or those named, and "
	"prints a table;\n"
	"               exit status 1 when one got out\n"
	"  --control    the same attempts outside a jail: shows which of them are real\n"
	"  --jail COMMAND  the same in another jail, which COMMAND starts when the program and its "
	"arguments\n"
	"               are put behind it\n"
	"  --repair     takes away what runs that were killed left behind: empty cgroups, copies "
	"of "
	"verified files\n"
	"               beside their records\n";

/* ---- running ourselves ---- */

static const char ourselves[] = "/proc/self/exe";

/* Standard output, and the errors of whoever is asked for them; the status as of waitpid(2). */
static int run(const char *program, const char *const *argv, char *const *env, const char *folder,
	bool errors, struct text *out)
{
	int ends[2], status = -1;
	char chunk[4096];
	ssize_t n;
	pid_t pid;

	text_add(out, "", 0);
	if (pipe2(ends, O_CLOEXEC) != 0 || (pid = fork()) < 0) {
		return -1;
	}
	if (pid == 0) {
		int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

		dup2(nothing, 0);
		dup2(ends[1], 1);
		dup2(errors ? ends[1] : nothing, 2);
		if (chdir(folder) == 0) {
			execve(program, (char *const *)argv, env);
		}
		_exit(127);
	}
	close(ends[1]);
	while ((n = read(ends[0], chunk, sizeof(chunk))) > 0) {
		text_add(out, chunk, (size_t)n);
		/* What a daemon holds open would be waited for: one line is an answer. */
		if (!errors && memchr(chunk, '\n', (size_t)n) != NULL) {
			break;
		}
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
	}
	close(ends[0]);
	return status;
}

/* ---- the machine ---- */

static bool read_line(const char *path, char *line, size_t size)
{
	FILE *file = fopen(path, "re");
	bool got = file != NULL && fgets(line, (int)size, file) != NULL;

	if (file != NULL) {
		fclose(file);
	}
	if (got) {
		line[strcspn(line, "\n")] = '\0';
	}
	return got;
}

static void show_machine(void)
{
	static const struct {
		const char *path, *bad, *cure;
	} settings[] = {
		{"/proc/sys/user/max_user_namespaces", "0",
			"sysctl -w user.max_user_namespaces=15000"},
		{"/proc/sys/kernel/unprivileged_userns_clone", "0",
			"sysctl -w kernel.unprivileged_userns_clone=1"},
		{"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1",
			"an AppArmor profile that allows `userns` to sallyport, or sysctl -w "
			"kernel.apparmor_restrict_unprivileged_userns=0"},
		{"/proc/sys/net/ipv6/conf/all/disable_ipv6", NULL, NULL},
		{"/proc/sys/kernel/yama/ptrace_scope", NULL, NULL},
	};
	struct utsname name;
	char line[512];

	if (uname(&name) == 0) {
		printf("kernel     %s %s, %s\n", name.sysname, name.release, name.machine);
	}
	if (read_line("/etc/os-release", line, sizeof(line))) {
		printf("system     %s\n", strchr(line, '=') ? strchr(line, '=') + 1 : line);
	}
	printf("user       %d%s\n", (int)getuid(), getuid() == 0 ? ", root: not needed" : "");
	if (access("/.dockerenv", F_OK) == 0 || access("/run/.containerenv", F_OK) == 0) {
		printf("container  yes: it must let processes make user namespaces and mounts in "
		       "them\n");
	}
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		if (!read_line(settings[i].path, line, sizeof(line))) {
			continue;
		}
		printf("setting    %s = %s\n", settings[i].path + strlen("/proc/sys/"), line);
		if (settings[i].bad != NULL && strcmp(line, settings[i].bad) == 0 &&
			getuid() != 0) {
			printf("           to change: %s\n", settings[i].cure);
		}
	}
	printf("cgroups    %s\n",
		access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0 ? "v2" : "v1, or none");
}

/* A run that does nothing, and what it says of itself. */
static int show_protections(void)
{
	char folder[] = "/var/tmp/sallyport-doctor.XXXXXX", record[64];
	char rules[80];
	const char *const argv[] = {"sallyport", "run", "--quiet", "--verbose", "--rules", rules,
		"--record", record, "--", "true", NULL};
	const char *const rm[] = {"rm", "-rf", folder, NULL};
	struct text out = {0};
	FILE *file;
	int status;
	pid_t pid;

	if (mkdtemp(folder) == NULL) {
		return complain("/var/tmp cannot be written: %s", strerror(errno));
	}
	snprintf(record, sizeof(record), "%s/record", folder);
	snprintf(rules, sizeof(rules), "%s/limits.rules", folder);
	file = fopen(rules, "we");
	if (file != NULL) {
		/* Far from what `true` needs: by what they are kept is what is asked. */
		fputs("limit memory 64GiB processes 4096\n", file);
		fclose(file);
	}
	status = run(ourselves, argv, environ, folder, true, &out);
	printf("\n%s", out.data);
	text_finish(&out);
	pid = fork();
	if (pid == 0) {
		execvp("rm", (char *const *)rm);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		puts("\nnothing can be run in a jail here: the reason stands above");
		return 1;
	}
	puts("\neverything a run needs is up; sallyport doctor --probe tries to get out");
	return 0;
}

/* ---- the probes ---- */

enum { EXIT_LIMIT = 124 }; /* what run ends with when a limit was reached */

static const char *const outcomes[] = {"ESCAPED", "held", "unknown"};

static void write_rules(const char *folder, const char *probe, char path[PATH_MAX])
{
	FILE *file;

	snprintf(path, PATH_MAX, "%s/%s.rules", folder, probe);
	file = fopen(path, "we");
	if (file != NULL) {
		/* The limits are far from the probes' amounts, and few programs run into them. */
		fputs(strcmp(probe, "memory-bomb") == 0 ? "limit memory 256MiB\n"
							: "limit processes 64 file-size 16MiB\n",
			file);
		fclose(file);
	}
}

static void read_answer(const char *text, struct probe_result *result)
{
	const char *tab = strchr(text, '\t');

	for (int i = 0; tab != NULL && i < 3; i++) {
		if (strncmp(text, outcomes[i], (size_t)(tab - text)) == 0) {
			result->outcome = (enum probe_outcome)i;
			snprintf(result->detail, sizeof(result->detail), "%.*s",
				(int)strcspn(tab + 1, "\n"), tab + 1);
			return;
		}
	}
	result->outcome = PROBE_UNKNOWN;
	snprintf(result->detail, sizeof(result->detail), "it did not answer: %.*s",
		(int)strcspn(text, "\n"), text);
}

/* Those whose end is that the run ends. */
static bool is_limit(const char *probe)
{
	return strcmp(probe, "memory-bomb") == 0 || strcmp(probe, "fork-bomb") == 0 ||
	       strcmp(probe, "file-size") == 0;
}

static void try_one(const struct probe *probe, struct canaries *c, struct list *env,
	const char *jail, struct probe_result *result)
{
	char folder[PATH_MAX], record[PATH_MAX], rules[PATH_MAX], dns[32];
	const char *const inside[] = {"sallyport", "run", "--quiet", "--rules", rules, "--record",
		record, "--dns", dns, "--", "/run/sallyport/sallyport", "probe", probe->name, NULL};
	char line[PATH_MAX], self[PATH_MAX] = "";
	const char *const other[] = {"sh", "-c", line, NULL};
	const char *noticed;
	struct text out = {0};
	int status;

	snprintf(folder, sizeof(folder), "%s/%s", canaries_folder(c), probe->name);
	snprintf(record, sizeof(record), "%s/%s.record", canaries_folder(c), probe->name);
	snprintf(dns, sizeof(dns), "127.0.0.1:%d", canaries_dns_port(c));
	write_rules(canaries_folder(c), probe->name, rules);
	(void)mkdir(folder, 0700);
	canaries_knock(c, strcmp(probe->name, "listen") == 0);
	if (readlink(ourselves, self, sizeof(self) - 1) > 0 && jail != NULL) {
		snprintf(line, sizeof(line), "exec %.2000s %.2000s probe %s", jail, self,
			probe->name);
	}
	status = run(jail != NULL ? "/bin/sh" : ourselves, jail != NULL ? other : inside,
		env->items, folder, false, &out);
	canaries_knock(c, false);
	read_answer(out.data, result);
	if (jail == NULL && is_limit(probe->name) && status >= 0 && WIFEXITED(status) &&
		WEXITSTATUS(status) == EXIT_LIMIT) {
		result->outcome = PROBE_HELD;
		snprintf(result->detail, sizeof(result->detail), "the run was ended by its limit");
	}
	text_finish(&out);
	noticed = canaries_noticed(c, folder);
	if (noticed != NULL) {
		result->outcome = PROBE_ESCAPED;
		snprintf(result->detail, sizeof(result->detail), "%s", noticed);
	}
}

static bool is_wanted(const char *name, char *const *names)
{
	for (size_t i = 0; names[i] != NULL; i++) {
		if (strcmp(names[i], name) == 0) {
			return true;
		}
	}
	return names[0] == NULL;
}

/* `jail`: NULL ours, "" none, or how another one is started. */
static int try_all(const char *jail, char *const *names)
{
	struct canaries *c;
	struct list env = {0};
	unsigned count[3] = {0};
	int status = canaries_create(&c);

	if (status != 0) {
		return status;
	}
	for (char **e = environ; *e != NULL; e++) {
		list_add(&env, *e);
	}
	canaries_describe(c, &env);
	for (size_t i = 0; i < n_probes; i++) {
		struct probe_result result;

		if (!is_wanted(probes[i].name, names)) {
			continue;
		}
		try_one(&probes[i], c, &env, jail, &result);
		count[result.outcome]++;
		printf("%-8s %-16s %s (%s)\n", outcomes[result.outcome], probes[i].name,
			probes[i].sentence, result.detail);
		fflush(stdout);
	}
	canaries_destroy(c);
	list_finish(&env);
	printf("\n%u held, %u escaped, %u could not be tried\n", count[PROBE_HELD],
		count[PROBE_ESCAPED], count[PROBE_UNKNOWN]);
	return count[PROBE_ESCAPED] > 0 ? 1 : 0;
}

/* Only where nobody writes: a run of now may be showing its copy. */
static unsigned sweep_record(const char *path)
{
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW), lock = -1;
	unsigned n = 0;

	if (dir >= 0 && hold_folder(dir, &lock) == HOLD_OURS) {
		n = view_verify_sweep(path, NULL);
	}
	if (lock >= 0) {
		close(lock);
	}
	if (dir >= 0) {
		close(dir);
	}
	return n;
}

/* Copies of verified content in the records of this user. */
static unsigned sweep_records(void)
{
	char state[PATH_MAX - 256], pattern[PATH_MAX];
	glob_t found;
	unsigned n = 0;

	if (place_state(state, sizeof(state)) != 0) {
		return 0;
	}
	snprintf(pattern, sizeof(pattern), "%s/[0-9]*", state);
	if (glob(pattern, GLOB_NOSORT, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++) {
			n += sweep_record(found.gl_pathv[i]);
		}
		globfree(&found);
	}
	return n;
}

static int repair(void)
{
	unsigned undone, failed;

	jail_repair(&undone, &failed);
	undone += sweep_records();
	printf("%u taken away, %u have to stay\n", undone, failed);
	return failed > 0 ? 1 : 0;
}

int verb_doctor(int argc, char **argv)
{
	bool probe = false;
	const char *jail = NULL;
	int i = 1;

	if (argc == 2 && strcmp(argv[1], "--repair") == 0) {
		return repair();
	}
	for (; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "--help") == 0) {
			fputs(usage, stdout);
			return 0;
		}
		if (strcmp(argv[i], "--jail") == 0 && i + 1 < argc) {
			jail = argv[++i];
			probe = true;
			continue;
		}
		if (strcmp(argv[i], "--probe") != 0 && strcmp(argv[i], "--control") != 0) {
			return complain(
				"doctor does not know %s; sallyport doctor --help says more",
				argv[i]);
		}
		probe = true;
		if (strcmp(argv[i], "--control") == 0) {
			jail = "";
		}
	}
	for (int k = i; k < argc; k++) {
		char *const one[] = {argv[k], NULL};
		size_t n = 0;

		while (n < n_probes && !is_wanted(probes[n].name, one)) {
			n++;
		}
		if (!probe || n == n_probes) {
			return complain("`%s` is no probe; sallyport doctor --probe runs them all",
				argv[k]);
		}
	}
	if (probe) {
		return try_all(jail, argv + i);
	}
	show_machine();
	return show_protections();
}

/* One probe, in this process: "OUTCOME<TAB>detail". Started by doctor. */
int verb_probe(int argc, char **argv)
{
	struct probe_result result;

	if (argc != 2 || probe_run(argv[1], &result) != 0) {
		return complain("probe NAME is what sallyport doctor --probe runs");
	}
	printf("%s\t%s\n", outcomes[result.outcome], result.detail);
	fflush(stdout);
	_exit(0);
}

/* The door of this jailer is a socket made inside. */
int verb_relay(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return complain("no jail of this system needs a relay");
}
