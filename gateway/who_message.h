/*
 * What goes between the gateway and whoever knows the jail: one question a packet, one answer a
 * packet, of fixed size. Both ends are the same program, so structs travel as they are; what
 * arrives is believed in nothing but its size until it was read here.
 */
#ifndef SALLYPORT_GATEWAY_WHO_MESSAGE_H
#define SALLYPORT_GATEWAY_WHO_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct who_question {
	uint64_t id; /* comes back with the answer */
	/* the connection as its client sees it: its own end, where it wanted to go */
	uint8_t from[16], to[16];
	uint16_t from_port, to_port;
	uint8_t n_bytes; /* of an address: 4 or 16 */
	uint8_t zero[3];
};

/* Why it is not sure that `program` alone speaks. docs/audit.md, `program_doubt`. */
enum who_doubt {
	WHO_UNKNOWN = 0,
	WHO_HIDDEN,
	WHO_SHARED,
	WHO_WRITABLE,
	WHO_REPLACED,
	WHO_LATE, /* the gateway's own word: no answer in time */
	WHO_SURE,
};

struct who_answer {
	uint64_t id;
	int64_t pid, parent_pid; /* 0 = unknown */
	uint32_t words_len;
	uint32_t doubt;    /* enum who_doubt */
	char program[512]; /* absolute path; "" = unknown */
	char parent[512];  /* likewise */
	char words[272];   /* of the command line, each ended by NUL */
};

/* False: not one that this program sends. */
bool who_question_read(const void *data, size_t len, struct who_question *ret_question);
bool who_answer_read(const void *data, size_t len, struct who_answer *ret_answer);

/* The record's word for a doubt; NULL for WHO_SURE. */
const char *who_doubt_word(enum who_doubt doubt);
/* The same as half a sentence, for people. */
const char *who_doubt_sentence(enum who_doubt doubt);

#endif
