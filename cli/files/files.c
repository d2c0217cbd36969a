/*
 * sallyport files: lists of checksums that `verify` reads, made and checked with all cores.
 */
#include "cli/files/manifest.h"
#include "cli/files/tree.h"
#include "cli/verbs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
	"usage: sallyport files hash PATH\n"
	"       sallyport files check PATH FILE\n"
	"\n"
	"hash   prints the SHA-256 of every file below PATH, in the format of sha256sum, by name:\n"
	"       sallyport files hash vendor > vendor.sha256\n"
	"check  compares PATH with such a list, as `verify PATH with FILE` in the rules does "
	"before\n"
	"       a run: every file on the list and nothing else. Exit status 1 when they differ.\n";

static int hash(const char *path)
{
	struct tree_wish wish = {.label = path};
	struct text out = {0};
	struct tree t;
	int status = tree_list(&t, path, NULL);

	if (status == 0) {
		status = tree_read(&t, &wish);
	}
	for (size_t i = 0; status == 0 && i < t.n; i++) {
		const char *name = t.files[i].name;

		if (t.files[i].problem[0] != '\0') {
			status = complain("%s: %s", name, t.files[i].problem);
		} else {
			manifest_write(&out, name[0] != '\0' ? name : strrchr(t.root, '/') + 1,
				t.files[i].sha256);
		}
	}
	if (status == 0 && out.len > 0 &&
		(fwrite(out.data, 1, out.len, stdout) != out.len || fflush(stdout) != 0)) {
		status = complain("standard output: %s", strerror(errno));
	}
	text_finish(&out);
	tree_finish(&t);
	return status;
}

static int differ(const char *name, const char *what)
{
	printf("%s: %s\n", name, what);
	return 1;
}

static int compare(struct manifest *m, const struct tree *t)
{
	int differs = 0;

	for (size_t i = 0; i < t->n; i++) {
		const struct tree_file *f = &t->files[i];
		const char *name = f->name[0] != '\0' ? f->name : strrchr(t->root, '/') + 1;
		struct manifest_line *line = manifest_find(m, name);

		if (f->problem[0] != '\0') {
			differs |= differ(name, f->problem);
		} else if (line == NULL) {
			differs |= differ(name, "is not on the list");
		} else if (strcmp(line->sha256, f->sha256) != 0) {
			differs |= differ(name, "does not have the SHA-256 that the list says");
		}
		if (line != NULL) {
			line->found = true;
		}
	}
	for (size_t i = 0; i < m->n; i++) {
		if (!m->lines[i].found) {
			differs |= differ(m->lines[i].name, "is on the list and not there");
		}
	}
	return differs;
}

static int check(const char *path, const char *list)
{
	struct tree_wish wish = {.label = path};
	struct manifest m = {0};
	struct text text = {0};
	struct tree t = {0};
	const char *why;
	size_t line;
	int status =
		text_read_file(&text, list) == 0 ? 0 : complain("%s: %s", list, strerror(errno));

	if (status == 0 && (line = manifest_read(&m, text.data, text.len, &why)) != 0) {
		status = complain("%s:%lu: %s", list, (unsigned long)line, why);
	}
	if (status == 0) {
		status = tree_list(&t, path, NULL);
	}
	if (status == 0) {
		status = tree_read(&t, &wish);
	}
	if (status == 0) {
		status = compare(&m, &t);
	}
	text_finish(&text);
	manifest_finish(&m);
	tree_finish(&t);
	return status;
}

int verb_files(int argc, char **argv)
{
	if (argc >= 2 && strcmp(argv[1], "--help") == 0) {
		fputs(help, stdout);
		return 0;
	}
	if (argc == 3 && strcmp(argv[1], "hash") == 0) {
		return hash(argv[2]);
	}
	if (argc == 4 && strcmp(argv[1], "check") == 0) {
		return check(argv[2], argv[3]);
	}
	return complain(
		"files wants hash PATH, or check PATH FILE; sallyport files --help says more");
}
