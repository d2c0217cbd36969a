/*
 * sallyport changes: what a run with --review left to be taken or dropped.
 */
#include "cli/changes/verb.h"
#include "cli/changes/changes.h"
#include "cli/characters.h"
#include "cli/place.h"
#include "cli/verbs.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LISTED_MAX = 40 };

static const char help[] =
	"usage: sallyport changes show RUN [PATH...]\n"
	"       sallyport changes apply [--kept-back] RUN [PATH...]\n"
	"       sallyport changes drop RUN [PATH...]\n"
	"\n"
	"show   lists what the run changed in folders it could write, with the differences\n"
	"apply  does the same to the folders themselves\n"
	"drop   forgets it\n"
	"\n"
	"RUN is the name of a run that was started with --review, or its record folder. PATH is a "
	"path\n"
	"as listed; a folder stands for everything in it. Without PATH everything is meant.\n"
	"What somebody outside would act on (git's hooks and configuration, sallyport.rules), and "
	"what\n"
	"was changed outside meanwhile, is kept back: apply takes it with --kept-back only.\n";

struct choice {
	char **paths;
	size_t n;
	bool kept_back;
};

static void human(uint64_t bytes, char out[24])
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	double value = (double)bytes;
	int unit = 0;

	for (; value >= 1024 && unit < 4; unit++) {
		value /= 1024;
	}
	snprintf(out, 24, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
}

/* Names are the command's. */
static void print_name(FILE *to, const char *name)
{
	print_visible(to, name, "");
}

/* Where a link leads, and who may do what with a file, when that changed. */
static void print_nature(FILE *to, const struct changes *c, const struct change *item)
{
	char path[PATH_MAX], target[PATH_MAX];
	struct stat st;
	ssize_t n;

	if (S_ISLNK(item->mode)) {
		changes_path(c, item, item->kind != CHANGE_REMOVED, path);
		n = readlink(path, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		fputs("  a link to ", to);
		print_name(to, target);
		return;
	}
	changes_path(c, item, false, path);
	if (item->kind == CHANGE_CHANGED && S_ISREG(item->mode) && lstat(path, &st) == 0 &&
		S_ISREG(st.st_mode) && ((st.st_mode ^ item->mode) & 0777) != 0) {
		fprintf(to, "  mode %03o -> %03o", st.st_mode & 0777, item->mode & 0777);
	}
}

static void print_item(FILE *to, const struct changes *c, const struct change *item)
{
	static const char *const words[] = {"?", "added", "changed", "removed"};
	char before[24], after[24];

	human(item->before, before);
	human(item->after, after);
	fprintf(to, "  %-8s ", words[item->kind]);
	if (item->folder > 0) {
		print_name(to, c->folders.items[item->folder]);
		fputc('/', to);
	}
	print_name(to, item->path);
	if (S_ISDIR(item->mode)) {
		fputc('/', to);
	} else if (item->kind == CHANGE_CHANGED) {
		fprintf(to, "  %s -> %s", before, after);
	} else {
		fprintf(to, "  %s", item->kind == CHANGE_ADDED ? after : before);
	}
	print_nature(to, c, item);
	if (item->kept != NULL) {
		fprintf(to, "  [kept back: %s]", item->kept);
	}
	fputc('\n', to);
}

int changes_sum_up(const char *record_dir, const char *run)
{
	struct changes c;
	size_t sums[CHANGE_REMOVED + 1] = {0};
	int status = changes_load(&c, record_dir);

	for (size_t i = 0; status == 0 && i < c.n; i++) {
		sums[c.items[i].kind]++;
	}
	if (status == 0 && c.n == 0) {
		fprintf(stderr, "sallyport: nothing was changed\n");
		changes_remove(record_dir);
	} else if (status == 0) {
		fprintf(stderr,
			"sallyport: waiting for review: %zu added, %zu changed, %zu removed\n",
			sums[CHANGE_ADDED], sums[CHANGE_CHANGED], sums[CHANGE_REMOVED]);
		for (size_t i = 0; i < c.n && i < LISTED_MAX; i++) {
			print_item(stderr, &c, &c.items[i]);
		}
		if (c.n > LISTED_MAX) {
			fprintf(stderr, "  and %zu more\n", c.n - LISTED_MAX);
		}
		fprintf(stderr, "sallyport: sallyport changes show|apply|drop %s\n", run);
	}
	changes_finish(&c);
	return status;
}

/* ---- show ---- */

/* What diff(1) says. A NUL does not end what is told of a line. */
static void print_filtered(FILE *from)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	while ((len = getline(&line, &size, from)) > 0) {
		for (ssize_t at = 0; at < len; at += (ssize_t)strlen(line + at) + 1) {
			print_visible(stdout, line + at, "\n\t");
			if (at + (ssize_t)strlen(line + at) < len) {
				fputs("\\x00", stdout);
			}
		}
	}
	free(line);
}

/* Of a name: the lines of a difference are its own. */
static char *label(const char *name)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	if (to != NULL) {
		print_name(to, name);
		fclose(to);
	}
	return text;
}

static int print_difference(const struct changes *c, const struct change *item)
{
	char old[PATH_MAX], new[PATH_MAX];
	struct stat st;
	int pipe_fds[2];
	FILE *out;
	pid_t pid;

	if (!S_ISREG(item->mode)) {
		return 0;
	}
	changes_path(c, item, false, old);
	changes_path(c, item, true, new);
	if (item->kind == CHANGE_ADDED || lstat(old, &st) != 0 || !S_ISREG(st.st_mode)) {
		snprintf(old, sizeof(old), "/dev/null");
	}
	fflush(stdout);
	if (pipe(pipe_fds) != 0 || (pid = fork()) < 0) {
		return complain("%s", strerror(errno));
	}
	if (pid == 0) {
		dup2(pipe_fds[1], 1);
		close(pipe_fds[0]);
		const char *name = label(item->path);

		execlp("diff", "diff", "-u", "--label", name, "--label", name, "--", old,
			item->kind == CHANGE_REMOVED ? "/dev/null" : new, (char *)NULL);
		_exit(127);
	}
	close(pipe_fds[1]);
	out = fdopen(pipe_fds[0], "r");
	if (out != NULL) {
		print_filtered(out);
		fclose(out);
	}
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
	}
	return 0;
}

/* ---- which ---- */

static bool is_chosen(
	const struct changes *c, const struct change *item, const struct choice *which)
{
	char whole[PATH_MAX];

	changes_path(c, item, false, whole);
	for (size_t i = 0; i < which->n; i++) {
		const char *path = which->paths[i], *have = path[0] == '/' ? whole : item->path;
		size_t len = strlen(path);

		while (len > 1 && path[len - 1] == '/') {
			len--;
		}
		if (strncmp(have, path, len) == 0 && (have[len] == '/' || have[len] == '\0') &&
			(path[0] == '/' || item->folder == 0)) {
			return true;
		}
	}
	return which->n == 0;
}

/* A folder that was added comes with what is chosen in it. */
static bool is_above_chosen(const struct changes *c, size_t at, const struct choice *which)
{
	const struct change *item = &c->items[at];
	size_t len = strlen(item->path);

	for (size_t i = at + 1; S_ISDIR(item->mode) && i < c->n; i++) {
		const struct change *in = &c->items[i];

		if (in->folder == item->folder && strncmp(in->path, item->path, len) == 0 &&
			in->path[len] == '/' && is_chosen(c, in, which)) {
			return true;
		}
	}
	return false;
}

static int show(const struct changes *c, const struct choice *which, size_t *ret_n)
{
	for (size_t i = 0; i < c->n; i++) {
		if (is_chosen(c, &c->items[i], which)) {
			print_item(stdout, c, &c->items[i]);
			(void)print_difference(c, &c->items[i]);
			++*ret_n;
		}
	}
	return 0;
}

static int apply(const struct changes *c, const struct choice *which, size_t *ret_n)
{
	int status = 0;

	for (size_t i = 0; i < c->n; i++) {
		const struct change *item = &c->items[i];
		bool chosen = is_chosen(c, item, which);

		if (!chosen && (item->kind == CHANGE_REMOVED || !is_above_chosen(c, i, which))) {
			continue;
		}
		if (item->kept != NULL && !which->kept_back) {
			print_item(stderr, c, item);
			status = status != 0 ? status : 1;
		} else if (changes_apply(c, item) != 0) {
			status = EXIT_OURS;
		}
		*ret_n += chosen;
	}
	return status;
}

static int drop(const struct changes *c, const struct choice *which, size_t *ret_n)
{
	int status = 0;

	for (size_t i = 0; status == 0 && i < c->n; i++) {
		if (is_chosen(c, &c->items[i], which)) {
			status = changes_drop(c, &c->items[i]);
			++*ret_n;
		}
	}
	return status;
}

static const struct {
	const char *name;
	int (*fn)(const struct changes *c, const struct choice *which, size_t *ret_n);
} verbs[] = {{"show", show}, {"apply", apply}, {"drop", drop}};

/* ---- of which run ---- */

static int find_run(const char *run, char ret_dir[PATH_MAX])
{
	char state[PATH_MAX];
	struct stat st;
	int n;

	if (strchr(run, '/') != NULL) {
		n = snprintf(ret_dir, PATH_MAX, "%s", run);
	} else if (place_state(state, sizeof(state)) == 0) {
		n = snprintf(ret_dir, PATH_MAX, "%s/%s", state, run);
	} else {
		return complain("%s: name the record folder", place_state_cure);
	}
	if (n >= PATH_MAX || stat(ret_dir, &st) != 0 || !S_ISDIR(st.st_mode)) {
		return complain("there is no record of a run %s", run);
	}
	return 0;
}

static int carry_out(const char *verb, const char *dir, const struct choice *which)
{
	struct changes c;
	size_t n = 0;
	int status = changes_load(&c, dir);

	for (size_t i = 0; status == 0 && i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(verbs[i].name, verb) == 0) {
			status = verbs[i].fn(&c, which, &n);
		}
	}
	changes_finish(&c);
	if (n == 0 && status == 0) {
		status = which->n > 0 ? complain("no change waits there")
				      : (puts("no change waits"), 0);
	}
	/* Once nothing waits the copies go. */
	if (status == 0 && strcmp(verb, "show") != 0 && changes_load(&c, dir) == 0) {
		if (c.n == 0) {
			changes_remove(dir);
		}
		changes_finish(&c);
	}
	return status;
}

int verb_changes(int argc, char **argv)
{
	static const struct option options[] = {
		{"kept-back", no_argument, NULL, 'k'}, {"help", no_argument, NULL, 'h'}, {0}};
	struct choice which = {0};
	const char *verb = argc > 1 ? argv[1] : "";
	char dir[PATH_MAX];
	bool known = false;
	int option, status;

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		known = known || strcmp(verbs[i].name, verb) == 0;
	}
	if (strcmp(verb, "--help") == 0) {
		fputs(help, stdout);
		return 0;
	}
	if (!known) {
		return complain("changes wants show, apply or drop; --help says more");
	}
	argc--;
	argv++;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'k': which.kept_back = true; break;
		case 'h': fputs(help, stdout); return 0;
		default: return complain("sallyport changes --help lists the options");
		}
	}
	if (optind >= argc || (which.kept_back && strcmp(verb, "apply") != 0)) {
		return complain("usage: sallyport changes show|apply|drop RUN [PATH...]");
	}
	which.paths = argv + optind + 1;
	which.n = (size_t)(argc - optind - 1);
	status = find_run(argv[optind], dir);
	return status != 0 ? status : carry_out(verb, dir, &which);
}
