/*
 * Statements that others carry out: use, files, limits, mode. Here they are read and kept.
 */
#include "rules/parse.h"

#include <string.h>

static const char *copy(struct parser *p, const char *text)
{
	return memory_copy(p->r, text, strlen(text));
}

int parse_use(struct parser *p)
{
	static const char *const presets[] = {"npm", "pip", "cargo", "go", "apt", "git", NULL};
	const struct word *word;
	int error = parse_want(p, "a preset: npm, pip, cargo, go, apt or git", &word);

	while (error == RULES_OK && word != NULL) {
		struct rules_use *use;
		size_t i = 0;

		while (presets[i] != NULL && strcmp(presets[i], word->text) != 0) {
			i++;
		}
		if (presets[i] == NULL) {
			return parse_error(p, word,
				"`%.40s` is no preset: expected npm, pip, cargo, go, apt or git%s",
				word->text, parse_near(word->text, presets));
		}
		use = array_push(
			(void **)&p->r->uses, &p->r->n_uses, &p->r->uses_size, sizeof(*use));
		if (use == NULL) {
			return RULES_EMEMORY;
		}
		use->name = presets[i];
		use->origin = p->origin;
		use->line = p->line_number;
		word = parse_next(p);
	}
	return error;
}

static int push_file(
	struct parser *p, enum rules_file_kind kind, const char *path, struct rules_file **ret)
{
	struct rules_file *file =
		array_push((void **)&p->r->files, &p->r->n_files, &p->r->files_size, sizeof(*file));

	if (file == NULL) {
		return RULES_EMEMORY;
	}
	file->kind = kind;
	file->path = copy(p, path);
	file->origin = p->origin;
	file->line = p->line_number;
	*ret = file;
	return file->path != NULL ? RULES_OK : RULES_EMEMORY;
}

/* What stands behind `only`, for all the paths before it. */
static int parse_only(struct parser *p, size_t first)
{
	const char **only = memory_alloc(p->r, (LEX_WORDS + 1) * sizeof(*only));
	const struct word *word;
	size_t n = 0;

	if (only == NULL) {
		return RULES_EMEMORY;
	}
	while ((word = parse_next(p)) != NULL) {
		only[n] = copy(p, word->text);
		if (only[n++] == NULL) {
			return RULES_EMEMORY;
		}
	}
	if (n == 0) {
		return parse_error(p, NULL, "expected globs or media types after only");
	}
	only[n] = NULL;
	for (size_t i = first; i < p->r->n_files; i++) {
		p->r->files[i].only = only;
	}
	return RULES_OK;
}

static int parse_manifest(struct parser *p, struct rules_file *file)
{
	const struct word *word;
	int error = parse_want(p, "with FILE", &word);

	if (error == RULES_OK && strcmp(word->text, "with") != 0) {
		return parse_error(p, word, "`%.40s`: expected `with FILE`", word->text);
	}
	if (error == RULES_OK) {
		error = parse_want(p, "the file with the checksums", &word);
	}
	if (error != RULES_OK) {
		return error;
	}
	file->manifest = copy(p, word->text);
	if (file->manifest == NULL) {
		return RULES_EMEMORY;
	}
	word = parse_next(p);
	return word == NULL ? RULES_OK
			    : parse_error(p, word, "`%.40s`: expected the line to end", word->text);
}

int parse_file(struct parser *p, enum rules_file_kind kind)
{
	const struct word *word;
	struct rules_file *file;
	size_t first = p->r->n_files;
	int error = parse_want(p, "a path", &word);

	while (error == RULES_OK && word != NULL) {
		if (!word->quoted && strcmp(word->text, "only") == 0 && p->r->n_files > first) {
			if (kind != RULES_FILE_READ) {
				return parse_error(p, word,
					"only narrows what is read: expected it after read");
			}
			return parse_only(p, first);
		}
		error = push_file(p, kind, word->text, &file);
		if (error == RULES_OK && kind == RULES_FILE_VERIFY) {
			return parse_manifest(p, file);
		}
		word = parse_next(p);
	}
	return error;
}

int parse_limit(struct parser *p)
{
	static const char *const names[] = {
		"memory", "processes", "time", "cpu", "file-size", "open-files", "egress", NULL};
	struct rules_limits *l = &p->r->limits;
	uint64_t *const places[] = {&l->memory, &l->processes, &l->time, &l->cpu, &l->file_size,
		&l->open_files, &l->egress};
	const struct word *name, *value;
	int error = parse_want(
		p, "memory, processes, time, cpu, file-size, open-files or egress", &name);

	while (error == RULES_OK && name != NULL) {
		size_t i = 0;
		uint64_t amount = 0;

		while (names[i] != NULL && strcmp(names[i], name->text) != 0) {
			i++;
		}
		if (names[i] == NULL) {
			return parse_error(p, name,
				"`%.40s` is no limit: expected memory, processes, time, cpu, "
				"file-size, "
				"open-files or egress%s",
				name->text, parse_near(name->text, names));
		}
		error = parse_want(p, "how much", &value);
		if (error != RULES_OK) {
			return error;
		}
		if (!(places[i] == &l->time ? parse_duration(value->text, &amount)
					    : parse_size(value->text, &amount)) ||
			amount == 0) {
			return parse_error(p, value, "`%.40s`: expected %s", value->text,
				places[i] == &l->time ? "a time such as 90s, 10m or 2h"
						      : "an amount such as 256 or 4GiB");
		}
		/* Whoever composes files can only narrow: the smallest of all holds. */
		if (*places[i] == 0 || amount < *places[i]) {
			*places[i] = amount;
		}
		name = parse_next(p);
	}
	return error;
}

int parse_mode(struct parser *p)
{
	const struct word *word;
	int error = parse_want(p, "receive-only", &word);

	if (error == RULES_OK && strcmp(word->text, "receive-only") != 0) {
		return parse_error(
			p, word, "`%.40s` is no mode: expected receive-only", word->text);
	}
	if (error == RULES_OK) {
		p->r->receive_only = true;
		word = parse_next(p);
		if (word != NULL) {
			return parse_error(
				p, word, "`%.40s`: expected the line to end", word->text);
		}
	}
	return error;
}
