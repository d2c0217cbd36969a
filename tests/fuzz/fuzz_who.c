/*
 * Any bytes as what a process says of itself in /proc, and as packets between run and gateway: what
 * is accepted has ends, and says who it is sure of.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/who_message.h"
#include "jailer/linux/who.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_answer(const void *data, size_t size)
{
	struct who_answer a;

	if (!who_answer_read(data, size, &a)) {
		return;
	}
	assert(strlen(a.program) < sizeof(a.program) && strlen(a.parent) < sizeof(a.parent));
	assert(a.doubt != WHO_SURE || (a.program[0] == '/' && a.pid > 0));
	for (size_t at = 0; at < a.words_len; at += strlen(a.words + at) + 1) {
		assert(at + strlen(a.words + at) < a.words_len);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct who_question q;
	struct who_answer a;
	struct who_stat stat;
	char words[272], name[32] = "";
	size_t len = who_read_words(text, size, words, sizeof(words));

	assert(len <= sizeof(words) && (len == 0 || words[len - 1] == '\0'));
	if (who_read_stat(text, size, &stat)) {
		assert(stat.parent >= 0 && stat.parent <= INT32_MAX);
	}
	memcpy(name, data, size < sizeof(name) ? size : sizeof(name) - 1);
	assert(who_read_pid(name) >= 0);
	(void)who_read_socket(text, size);
	if (who_question_read(data, size, &q)) {
		assert(q.n_bytes == 4 || q.n_bytes == 16);
	}
	check_answer(data, size);
	/* The same, grown to the one size that is read at all. */
	memset(&a, 0, sizeof(a));
	memcpy(&a, data, size < sizeof(a) ? size : sizeof(a));
	check_answer(&a, sizeof(a));
	return 0;
}
