/*
 * Questions and answers as bytes. Pure.
 */
#include "gateway/who_message.h"

#include <string.h>

bool who_question_read(const void *data, size_t len, struct who_question *ret_question)
{
	struct who_question q;

	if (len != sizeof(q)) {
		return false;
	}
	memcpy(&q, data, sizeof(q));
	if ((q.n_bytes != 4 && q.n_bytes != 16) || q.from_port == 0) {
		return false;
	}
	*ret_question = q;
	return true;
}

/* Empty, or an absolute path that ends inside its field. */
static bool is_path(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL && (text[0] == '\0' || text[0] == '/');
}

bool who_answer_read(const void *data, size_t len, struct who_answer *ret_answer)
{
	struct who_answer a;

	if (len != sizeof(a)) {
		return false;
	}
	memcpy(&a, data, sizeof(a));
	if (!is_path(a.program, sizeof(a.program)) || !is_path(a.parent, sizeof(a.parent)) ||
		a.words_len > sizeof(a.words) ||
		(a.words_len > 0 && a.words[a.words_len - 1] != '\0') || a.doubt > WHO_SURE ||
		a.pid < 0 || a.parent_pid < 0) {
		return false;
	}
	/* Sure of what? */
	if (a.doubt == WHO_SURE && (a.program[0] == '\0' || a.pid == 0)) {
		return false;
	}
	*ret_answer = a;
	return true;
}

static const struct {
	const char *word, *sentence;
} doubts[] = {
	[WHO_UNKNOWN] = {"unknown", "nobody could be found who holds the connection"},
	[WHO_HIDDEN] = {"hidden",
		"a process that cannot be looked into may hold the connection too"},
	[WHO_SHARED] = {"shared", "processes of different programs hold the connection"},
	[WHO_WRITABLE] = {"writable", "its file is where the command can write"},
	[WHO_REPLACED] = {"replaced", "it is not the file that is at its path"},
	[WHO_LATE] = {"late", "who asks was not found out in time"},
	[WHO_SURE] = {NULL, "it is known for sure"},
};

const char *who_doubt_word(enum who_doubt doubt)
{
	return doubts[doubt].word;
}

const char *who_doubt_sentence(enum who_doubt doubt)
{
	return doubts[doubt].sentence;
}
