/*
 * What is read on the way to who asked: the kernel's words about processes that choose their names,
 * and the packets between run and gateway.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/who_message.h"
#include "jailer/linux/who.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define TAIL     " 4 5 6 -1 8 9 10 11 12 13 14 15 16 17 18 19 20 4711 1 2 3\n"

static void stat_lines(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		bool exits;
		int64_t parent;
	} rows[] = {
		{"17 (git) S 9" TAIL, true, false, 9},
		{"17 (a) Z 1 (b) R 9" TAIL, true, false,
			9}, /* a name that looks like more fields */
		{"17 (x\n) Z 9" TAIL, true, true, 9},
		{"17 (x) R 9 4 5 6 -1 4194308 9 10 11 12 13 14 15 16 17 18 19 20 4711 1", true,
			true, 9}, /* inside exit(2) */
		{"17 () S 0" TAIL, true, false, 0},
		{"17 (git S 9" TAIL, false, 0, 0},
		{"17 (git) S", false, 0, 0},
		{"17 (git) S 9 1 2 3", false, 0, 0},
		{"17 (git) S -9" TAIL, false, 0, 0},
		{"17 (git)", false, 0, 0},
		{"", false, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct who_stat s = {0};
		bool ok = who_read_stat(rows[i].text, strlen(rows[i].text), &s);

		if (ok != rows[i].ok ||
			(ok && (s.exits != rows[i].exits || s.parent != rows[i].parent ||
				       s.began != 4711))) {
			fail_msg("row %zu: %d %d %lld %llu", i, ok, s.exits, (long long)s.parent,
				(unsigned long long)s.began);
		}
	}
}

static void links_and_names(void **state)
{
	static const struct {
		const char *link;
		uint32_t number;
	} links[] = {{"socket:[1]", 1}, {"socket:[4294967295]", UINT32_MAX},
		{"socket:[4294967296]", 0}, {"socket:[99999999999999999999]", 0}, {"socket:[]", 0},
		{"socket:[1", 0}, {"socket:[1a]", 0}, {"pipe:[1]", 0}, {"/tmp/socket:[1]", 0},
		{"", 0}};
	static const struct {
		const char *name;
		int64_t pid;
	} names[] = {{"1", 1}, {"2147483647", INT32_MAX}, {"2147483648", 0}, {"self", 0}, {"1a", 0},
		{"-1", 0}, {"", 0}, {"99999999999999999999999", 0}};

	(void)state;
	for (size_t i = 0; i < COUNT(links); i++) {
		assert_int_equal(
			who_read_socket(links[i].link, strlen(links[i].link)), links[i].number);
	}
	for (size_t i = 0; i < COUNT(names); i++) {
		assert_int_equal(who_read_pid(names[i].name), names[i].pid);
	}
}

/* What could be a secret ends them: it would stay on record. */
static void first_words(void **state)
{
	static const struct {
		const char *line, *words; /* words by '|' */
	} rows[] = {
		{"git|clone|vendor|here|fifth", "git|clone|vendor|here|"},
		{"/usr/bin/node|/usr/lib/node_modules/@a/b/cli.js|ci",
			"/usr/bin/node|/usr/lib/node_modules/@a/b/cli.js|ci|"},
		{"./tool|v1.2_3-x", "./tool|v1.2_3-x|"},
		{"g++|main.c", "g++|main.c|"},
		{"npm install left-pad --token=x", "npm|install|left-pad|"}, /* a title */
		{"curl|-H|Authorization: Bearer abc", "curl|"},
		{"curl|-u|me:secret", "curl|"},
		{"curl|https://me:secret@x.example/", "curl|"},
		{"curl|x.example/?key=secret", "curl|"},
		{"git|-c|http.extraHeader=X: y|clone", "git|"},
		{"tool|login|TOKEN=secret", "tool|login|"},
		{"tool|login|ghp_16C7e42F292c6912E7710c838347Ae178B4a", "tool|login|"},
		{"tool|login|eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "tool|login|"},
		{"tool|login|8b6f0f8e-7d1c-4a7e-9e50-0d3c5f1d2a11", "tool|login|"},
		{"tool|4711|more", "tool|"},
		{"tool||more", "tool|"},
		{"tool|a\nb", "tool|"},
		{"tool|\x1b[2J", "tool|"},
		{"tool|p\xc3\xa4ss", "tool|"},
		{"-bash|x", ""},
		{"", ""},
	};
	static const char line[] = "git\0clone\0";
	char words[272], small[8], long_word[100];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[128];
		size_t len = strlen(rows[i].line), got;

		memcpy(text, rows[i].line, len + 1);
		for (size_t k = 0; k < len; k++) {
			text[k] = text[k] == '|' ? '\0' : text[k];
		}
		got = who_read_words(text, len + (len > 0), words, sizeof(words));
		for (size_t k = 0; k < got; k++) {
			words[k] = words[k] == '\0' ? '|' : words[k];
		}
		words[got] = '\0';
		assert_string_equal(words, rows[i].words);
	}
	assert_int_equal(who_read_words(line, 5, words, sizeof(words)), 6); /* cut while read */
	assert_memory_equal(words, "git\0c", 6);
	assert_int_equal(who_read_words(line, sizeof(line) - 1, small, sizeof(small)), 4);
	memset(long_word, 'x', sizeof(long_word));
	assert_int_equal(who_read_words(long_word, sizeof(long_word), words, sizeof(words)), 0);
	long_word[0] = '/';
	assert_int_equal(who_read_words(long_word, sizeof(long_word), words, sizeof(words)), 65);
	assert_int_equal(words[64], '\0');
}

static struct who_answer sure(void)
{
	struct who_answer a = {.id = 7, .pid = 12, .parent_pid = 2, .doubt = WHO_SURE};

	strcpy(a.program, "/usr/bin/git");
	strcpy(a.parent, "/usr/bin/sh");
	memcpy(a.words, "git\0clone", 10);
	a.words_len = 10;
	return a;
}

static void answers(void **state)
{
	struct who_answer a = sure(), b = {0};

	(void)state;
	assert_true(who_answer_read(&a, sizeof(a), &b));
	assert_memory_equal(&a, &b, sizeof(a));
	assert_false(who_answer_read(&a, sizeof(a) - 1, &b));
	assert_false(who_answer_read(&a, 0, &b));
	memset(a.program, '/', sizeof(a.program)); /* no end */
	assert_false(who_answer_read(&a, sizeof(a), &b));
	a = sure();
	strcpy(a.program, "git");
	assert_false(who_answer_read(&a, sizeof(a), &b));
	a = sure();
	strcpy(a.parent, "(deleted)");
	assert_false(who_answer_read(&a, sizeof(a), &b));
	a = sure();
	a.program[0] = '\0'; /* sure of nobody */
	assert_false(who_answer_read(&a, sizeof(a), &b));
	a.doubt = WHO_UNKNOWN;
	assert_true(who_answer_read(&a, sizeof(a), &b));
	a.doubt = WHO_SURE + 1;
	assert_false(who_answer_read(&a, sizeof(a), &b));
	a = sure();
	a.pid = 0;
	assert_false(who_answer_read(&a, sizeof(a), &b));
	a = sure();
	a.words_len = sizeof(a.words) + 1;
	assert_false(who_answer_read(&a, sizeof(a), &b));
	a.words_len = 9; /* not ended by NUL */
	assert_false(who_answer_read(&a, sizeof(a), &b));
}

static void questions(void **state)
{
	struct who_question q = {.id = 1, .n_bytes = 16, .from_port = 4711}, r;

	(void)state;
	assert_true(who_question_read(&q, sizeof(q), &r));
	assert_int_equal(r.from_port, 4711);
	assert_false(who_question_read(&q, sizeof(q) - 1, &r));
	q.n_bytes = 17;
	assert_false(who_question_read(&q, sizeof(q), &r));
	q.n_bytes = 4;
	q.from_port = 0;
	assert_false(who_question_read(&q, sizeof(q), &r));
}

/* Nothing set is nobody known. */
static void zero_is_doubt(void **state)
{
	(void)state;
	assert_int_equal(WHO_UNKNOWN, 0);
	assert_int_equal(JAIL_DOUBT_UNKNOWN, 0);
	for (int i = WHO_UNKNOWN; i < WHO_SURE; i++) {
		assert_non_null(who_doubt_word((enum who_doubt)i));
	}
	assert_null(who_doubt_word(WHO_SURE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stat_lines),
		cmocka_unit_test(links_and_names),
		cmocka_unit_test(first_words),
		cmocka_unit_test(answers),
		cmocka_unit_test(questions),
		cmocka_unit_test(zero_is_doubt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
