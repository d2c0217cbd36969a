/*
 * The default view on Linux: system folders to read, the tools that PATH names, the working folder
 * to write; home, other projects and everything else absent.
 */
#include "cli/changes/changes.h"
#include "cli/cures.h"
#include "cli/rules/upstreams.h"
#include "cli/verbs.h"
#include "cli/run/view.h"
#include "cli/rules/injects.h"
#include "cli/run/view_pin.h"
#include "cli/run/view_rules.h"
#include "cli/run/view_verify.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Of Nix what it built, not the socket of its daemon, which fetches what it is told to. */
static const char *const system_folders[] = {"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64",
	"/libx32", "/etc", "/opt", "/nix/store", "/nix/var/nix/profiles", "/var/lib/dpkg",
	"/var/lib/apt"};

/* What even root's copy of a system folder must not show. */
static const char *const hidden[] = {"/etc/shadow", "/etc/shadow-", "/etc/gshadow", "/etc/gshadow-",
	"/etc/sudoers", "/etc/sudoers.d", "/etc/ssl/private", "/etc/ssh", "/etc/krb5.keytab",
	"/etc/machine-id", "/etc/security/opasswd", "/etc/wireguard", "/etc/NetworkManager"};

/* Tool chains that live whole in a folder of the home folder. */
static const char *const toolchains[] = {".rustup", ".pyenv", ".nvm", ".volta", ".sdkman", ".asdf",
	".rbenv", ".deno", ".bun", ".local/share/mise", ".local/share/pnpm", ".local/lib",
	".local/pipx", ".ghcup", ".opam", ".jenv", ".nodenv", ".goenv"};

/* Hooks of theirs that write into the tool chain after an install, and fail the install when they
 * cannot. */
static const char *const toolchain_hooks[] = {".pyenv/pyenv.d/exec/pip-rehash.bash"};

struct jail_view *view_add(struct view *v, enum jail_mode mode, const char *target)
{
	struct jail_view *entry;

	if (v->n == v->size) {
		v->size = v->size ? v->size * 2 : 64;
		v->entries = realloc(v->entries, v->size * sizeof(*v->entries));
		if (v->entries == NULL) {
			exit(complain("memory is out: " CURE_MEMORY));
		}
	}
	list_add(&v->strings, target);
	entry = &v->entries[v->n++];
	memset(entry, 0, sizeof(*entry));
	entry->mode = mode;
	entry->target = v->strings.items[v->strings.n - 1];
	return entry;
}

static void add_file(
	struct view *v, const char *target, const void *content, size_t len, bool optional)
{
	struct jail_view *entry = view_add(v, JAIL_FILE, target);

	entry->content = content;
	entry->content_len = len;
	entry->optional = optional;
}

static void add_bundle(
	struct view *v, const char *target, const struct client_trust *trust, bool optional)
{
	struct jail_view *entry;

	add_file(v, target, trust->bundle.data, trust->bundle.len, optional);
	entry = &v->entries[v->n - 1];
	entry->before = trust->system;
	entry->before_len = trust->system_len;
}

/* /bin and its like are folders on some systems and links into /usr on others. */
static void add_system(struct view *v)
{
	for (size_t i = 0; i < COUNT(system_folders); i++) {
		char link[PATH_MAX];
		ssize_t n = readlink(system_folders[i], link, sizeof(link) - 1);

		if (n > 0) {
			link[n] = '\0';
			list_add(&v->strings, link);
			link[0] = '\0';
			view_add(v, JAIL_SYMLINK, system_folders[i]);
			v->entries[v->n - 1].source = v->strings.items[v->strings.n - 2];
		} else {
			view_add(v, JAIL_READ, system_folders[i])->optional = true;
		}
	}
	for (size_t i = 0; i < COUNT(hidden); i++) {
		if (access(hidden[i], F_OK) == 0) {
			view_add(v, JAIL_HIDE, hidden[i]);
		}
	}
}

static bool is_under(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	return strncmp(path, folder, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

static bool is_read(const struct view *v, const char *path)
{
	for (size_t i = 0; i < v->n; i++) {
		if (v->entries[i].mode == JAIL_READ && is_under(path, v->entries[i].target)) {
			return true;
		}
	}
	return false;
}

/* Itself, or through one of the links that the view has. */
static bool is_shown(const struct view *v, const char *path)
{
	char real[PATH_MAX];
	bool linked = false;

	for (size_t i = 0; i < v->n; i++) {
		linked = linked || (v->entries[i].mode == JAIL_SYMLINK &&
					   is_under(path, v->entries[i].target));
	}
	return is_read(v, linked && realpath(path, real) != NULL ? real : path);
}

/* Folders of PATH that nothing shows yet, and the tool chains they belong to: read-only, never
 * their homes. */
static void add_tools(struct view *v, const char *home, const char *path)
{
	char folder[PATH_MAX];
	struct stat st;

	for (size_t i = 0; i < COUNT(toolchains); i++) {
		snprintf(folder, sizeof(folder), "%s/%s", home, toolchains[i]);
		if (stat(folder, &st) == 0 && S_ISDIR(st.st_mode)) {
			view_add(v, JAIL_READ, folder);
		}
	}
	for (size_t i = 0; i < COUNT(toolchain_hooks); i++) {
		snprintf(folder, sizeof(folder), "%s/%s", home, toolchain_hooks[i]);
		add_file(v, folder, "", 0, true);
	}
	while (path != NULL && *path != '\0') {
		size_t len = strcspn(path, ":");

		snprintf(folder, sizeof(folder), "%.*s", (int)(len < PATH_MAX ? len : PATH_MAX - 1),
			path);
		if (folder[0] == '/' && strcmp(folder, "/") != 0 && strcmp(folder, home) != 0 &&
			!is_shown(v, folder) && stat(folder, &st) == 0 && S_ISDIR(st.st_mode)) {
			view_add(v, JAIL_READ, folder);
		}
		path += len + (path[len] == ':');
	}
}

static const char resolv_conf[] = "nameserver 127.0.0.1\noptions timeout:2 attempts:2\n";
static const char hosts[] =
	"127.0.0.1 localhost sallyport\n::1 localhost ip6-localhost ip6-loopback\n";

/* A file that is a link on the host is laid where the link leads. */
static void add_etc(struct view *v, const char *path, const char *content)
{
	char real[PATH_MAX];

	add_file(v, realpath(path, real) != NULL ? real : path, content, strlen(content), false);
}

/* Some of the bundle's names are links to others. */
static bool is_file_there(const struct view *v, const char *target)
{
	for (size_t i = 0; i < v->n; i++) {
		if (v->entries[i].mode == JAIL_FILE && strcmp(v->entries[i].target, target) == 0) {
			return true;
		}
	}
	return false;
}

static void add_trust(struct view *v, const struct client_trust *trust)
{
	char real[PATH_MAX];

	view_add(v, JAIL_DIR, TRUST_DIR);
	add_bundle(v, TRUST_DIR "/bundle.pem", trust, false);
	add_file(v, TRUST_DIR "/ca.pem", trust->ca.data, trust->ca.len, false);
	add_file(v, TRUST_DIR "/apt.conf", trust->apt_conf.data, trust->apt_conf.len, false);
	/* For `sallyport connect`. */
	if (realpath("/proc/self/exe", real) != NULL) {
		list_add(&v->strings, real);
		view_add(v, JAIL_READ, TRUST_DIR "/sallyport");
		v->entries[v->n - 1].source = v->strings.items[v->strings.n - 2];
	}
	for (size_t i = 0; i < trust->bundle_paths.n; i++) {
		const char *path = trust->bundle_paths.items[i];

		if (realpath(path, real) != NULL && !is_file_there(v, real)) {
			add_bundle(v, real, trust, true);
		}
	}
	for (size_t i = 0; i < trust->java_paths.n; i++) {
		add_file(v, trust->java_paths.items[i], trust->java_store, trust->java_store_len,
			true);
		v->entries[v->n - 1].before = trust->java_system;
		v->entries[v->n - 1].before_len = trust->java_system_kept;
	}
}

static int check_cwd(const char *cwd, const char *home)
{
	static const char *const too_much[] = {"/", "/home", "/root", "/etc", "/usr", "/var",
		"/tmp", "/opt", "/dev", "/proc", "/sys", "/run", "/bin", "/sbin", "/lib", "/boot"};

	for (size_t i = 0; i < COUNT(too_much); i++) {
		if (strcmp(cwd, too_much[i]) == 0) {
			return complain("the working folder %s would be shown whole and writable: "
					"go into a "
					"project folder first",
				cwd);
		}
	}
	if (strcmp(cwd, home) == 0 || is_under(home, cwd)) {
		return complain("the working folder %s holds your home folder, which the jail must "
				"not show: go "
				"into a project folder first",
			cwd);
	}
	if (is_under(cwd, "/proc") || is_under(cwd, "/sys") || is_under(cwd, "/dev")) {
		return complain("the working folder %s is none that a jail can show", cwd);
	}
	return 0;
}

/* ---- what would be run outside, later, by somebody else ---- */

static bool is_writable(const struct view *v, const char *path)
{
	const struct jail_view *top = NULL;

	for (size_t i = 0; i < v->n; i++) {
		if (is_under(path, v->entries[i].target)) {
			top = &v->entries[i];
		}
	}
	return top != NULL && top->mode == JAIL_WRITE;
}

/* Shown as it is, or kept from being made: not to be changed in either case. */
static int keep_saying(struct view *v, const char *path, bool folder, const char *text)
{
	struct stat st;
	int status = 0;

	if (!is_writable(v, path)) {
		return 0;
	}
	if (lstat(path, &st) != 0 || placeholders_is_one(&st)) {
		status = placeholders_put(&v->placeholders, path, folder, text);
	} else if (S_ISLNK(st.st_mode)) {
		return complain("%s is a symbolic link, which the jail could not keep from being "
				"replaced: put the thing itself there",
			path);
	}
	if (status == 0) {
		struct jail_view *entry = view_add(v, JAIL_READ, path);

		entry->source = entry->target;
	}
	return status == 1 ? 0 : status;
}

static int keep(struct view *v, const char *path, bool folder)
{
	return keep_saying(v, path, folder, "");
}

/*
 * What makes git run something as the user, outside: hooks and configuration; `commondir`, which
 * says where else these are (gitrepository-layout(5)) and says "here" when it holds a dot; the same
 * of submodules and linked working trees. config.worktree is read only where the configuration says
 * so, which is kept.
 */
static const struct {
	const char *name;
	bool folder, only_there;
	const char *text;
} git_names[] = {{"hooks", true, false, ""}, {"config", false, false, ""},
	{"commondir", false, false, "."}, {"modules", true, false, ""},
	{"worktrees", true, false, ""}, {"config.worktree", false, true, ""}};

/* The folder itself is a mount too, or it could be renamed and another put in its place (rename(2),
 * EBUSY). */
static int keep_git(struct view *v, const char *folder)
{
	char git[PATH_MAX], path[PATH_MAX];
	struct stat st = {0};
	int status = 0;

	if (snprintf(git, sizeof(git), "%s/.git", folder) >= PATH_MAX - 32) {
		return complain("the path of %s is too long", folder);
	}
	if (!is_writable(v, git)) {
		return 0;
	}
	if (lstat(git, &st) != 0 || !S_ISDIR(st.st_mode) || placeholders_is_one(&st)) {
		v->git_kept_away |= !S_ISREG(st.st_mode);
		return keep(v, git, true);
	}
	snprintf(path, sizeof(path), "%.*s/HEAD", PATH_MAX - 8, git);
	if (access(path, F_OK) != 0) { /* no repository yet, and none to be made */
		view_add(v, JAIL_READ, git);
		return 0;
	}
	view_add(v, JAIL_WRITE, git);
	for (size_t i = 0; status == 0 && i < COUNT(git_names); i++) {
		snprintf(path, sizeof(path), "%.*s/%s", PATH_MAX - 32, git, git_names[i].name);
		if (!git_names[i].only_there || lstat(path, &st) == 0) {
			status = keep_saying(v, path, git_names[i].folder, git_names[i].text);
		}
	}
	return status;
}

int view_keep(struct view *v, const char *cwd, const char *rules_path)
{
	char path[PATH_MAX], real[PATH_MAX];
	size_t n = v->n;
	int status = 0;

	for (size_t i = 0; status == 0 && i < n; i++) {
		struct stat st;

		if (v->entries[i].mode == JAIL_WRITE && stat(v->entries[i].target, &st) == 0 &&
			S_ISDIR(st.st_mode)) {
			status = keep_git(v, v->entries[i].target);
		}
	}
	if (status == 0 && snprintf(path, sizeof(path), "%s/sallyport.rules", cwd) < PATH_MAX) {
		status = keep(v, path, false);
	}
	if (status == 0 && rules_path != NULL && realpath(rules_path, real) != NULL &&
		strcmp(real, path) != 0) {
		status = keep(v, real, false);
	}
	if (status == 0) {
		view_pin(v);
	}
	return status;
}

/* Read where it stands: what is made anew is kept back later. */
static void keep_page(struct view *v, const char *path)
{
	struct stat st;

	if (is_writable(v, path) && lstat(path, &st) == 0 && S_ISREG(st.st_mode)) {
		view_add(v, JAIL_READ, path);
	}
}

int view_review(struct view *v, const char *cwd, const char *rules_path)
{
	char path[PATH_MAX], real[PATH_MAX];
	size_t number = 0;
	struct stat st;

	if (snprintf(path, sizeof(path), "%s/sallyport.rules", cwd) < PATH_MAX) {
		keep_page(v, path);
	}
	if (rules_path != NULL && realpath(rules_path, real) != NULL && strcmp(real, path) != 0) {
		keep_page(v, real);
	}
	for (size_t i = 0; i < v->n; i++) {
		if (v->entries[i].mode != JAIL_WRITE) {
			continue;
		}
		if (stat(v->entries[i].target, &st) != 0 || !S_ISDIR(st.st_mode)) {
			return complain("%s is no folder: only folders can be reviewed",
				v->entries[i].target);
		}
		if (changes_prepare(v->record_dir, number++, v->entries[i].target, path) != 0) {
			return EXIT_OURS;
		}
		list_add(&v->strings, path);
		v->entries[i].changes = v->strings.items[v->strings.n - 1];
		v->entries[i].mode = JAIL_REVIEW;
	}
	return 0;
}

static void hide_where(
	struct view *v, const struct rules_upstream *u, const char *written, bool always)
{
	char path[PATH_MAX], real[PATH_MAX];

	if (written != NULL && upstreams_path(u, written, path, sizeof(path)) &&
		realpath(path, real) != NULL && (always || is_writable(v, real))) {
		view_add(v, JAIL_HIDE, real);
	}
}

static void hide_secret(void *arg, const char *path)
{
	char real[PATH_MAX];

	if (realpath(path, real) != NULL) {
		view_add(arg, JAIL_HIDE, real);
	}
}

/* A key is not for the command; whom the next run believes is not for it to write. */
static void hide_upstreams(struct view *v, const struct rules *rules)
{
	size_t n;
	const struct rules_upstream *all = rules_upstreams(rules, &n);

	for (size_t i = 0; i < n; i++) {
		hide_where(v, &all[i], all[i].key, true);
		hide_where(v, &all[i], all[i].ca, false);
		hide_where(v, &all[i], all[i].cert, false);
	}
	injects_each_file(rules, hide_secret, v);
}

int view_make(struct view *v, const char *cwd, const struct rules *rules, const char *record_dir,
	const struct client_trust *trust)
{
	const char *home = list_get(&trust->env, "HOME");
	int status;

	memset(v, 0, sizeof(*v));
	v->record_dir = record_dir;
	home = home != NULL && home[0] == '/' && home[1] != '\0' ? home : "/nonexistent";
	status = check_cwd(cwd, home);
	if (status != 0) {
		return status;
	}
	add_system(v);
	view_add(v, JAIL_TMPFS, "/tmp");
	view_add(v, JAIL_TMPFS, "/var/tmp");
	view_add(v, JAIL_TMPFS, "/var/cache");
	view_add(v, JAIL_TMPFS, home);
	add_tools(v, home, list_get(&trust->env, "PATH"));
	view_add(v, JAIL_WRITE, cwd)->source = cwd;
	status = view_add_statements(v, rules, home);
	if (status != 0) {
		return status;
	}
	add_etc(v, "/etc/resolv.conf", resolv_conf);
	add_etc(v, "/etc/hosts", hosts);
	add_trust(v, trust);
	hide_upstreams(v, rules);
	return view_verify_alone(v);
}

int view_keep_out(struct view *v, const char *folder)
{
	char real[PATH_MAX];
	bool shown = false;

	if (realpath(folder, real) == NULL) {
		return 0; /* nothing is there */
	}
	for (size_t i = 0; i < v->n; i++) {
		const struct jail_view *entry = &v->entries[i];

		if (entry->mode == JAIL_HIDE && is_under(real, entry->target)) {
			shown = false;
		}
		if (entry->mode != JAIL_READ && entry->mode != JAIL_WRITE &&
			entry->mode != JAIL_REVIEW) {
			continue;
		}
		if (is_under(entry->target, real)) {
			return complain(
				"the folder %s, which is kept from the command, holds %s, which "
				"it is shown",
				real, entry->target);
		}
		shown = shown || is_under(real, entry->target);
	}
	if (shown) {
		view_add(v, JAIL_HIDE, real);
		view_pin_last(v);
	}
	return 0;
}

void view_describe(const struct view *v, struct text *json)
{
	text_print(json, "[");
	view_describe_entries(v, json);
	/* Put up for every run, by the jailer itself. */
	text_print(json,
		"%s{\"path\":\"/dev\",\"mode\":\"devices\"},"
		"{\"path\":\"/proc\",\"mode\":\"proc\"}]",
		v->n > 0 ? "," : "");
}

void view_finish(struct view *v)
{
	placeholders_finish(&v->placeholders);
	view_verify_finish(v);
	list_finish(&v->events);
	free(v->entries);
	list_finish(&v->strings);
	memset(v, 0, sizeof(*v));
}
