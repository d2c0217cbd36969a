/*
 * Any bytes as a segment of a record: the reader comes to an end, and what it takes for a record
 * can be written as a line that reads the same.
 */
#include "audit/audit.h"
#include "audit/line.h"

#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[64], segment[96];

static void clean_up(void)
{
	unlink(segment);
	rmdir(folder);
}

static void make_folder(void)
{
	snprintf(folder, sizeof(folder), "/dev/shm/fuzz_record.XXXXXX");
	if (mkdtemp(folder) == NULL) {
		snprintf(folder, sizeof(folder), "/tmp/fuzz_record.XXXXXX");
		assert(mkdtemp(folder) != NULL);
	}
	snprintf(segment, sizeof(segment), "%s/000001.jsonl", folder);
	atexit(clean_up);
}

static void write_segment(const void *data, size_t size)
{
	int fd = open(segment, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char line[LINE_MAX_BYTES], again[LINE_MAX_BYTES];
	struct audit_reader *reader;
	struct audit_record r;
	struct audit_diag diag;
	size_t len = 0, turns = 0;
	int error;

	if (folder[0] == '\0') {
		make_folder();
	}
	write_segment(data, size);
	assert(audit_reader_open(folder, &reader, &diag) == AUDIT_OK);
	while ((error = audit_reader_next(reader, &r, &diag)) != AUDIT_END) {
		assert(++turns <= size + 1);
		if (error == AUDIT_OK) {
			len = line_write(&r, line, sizeof(line));
		}
	}
	audit_reader_close(reader);
	if (len > 0) {
		write_segment(line, len);
		assert(audit_reader_open(folder, &reader, &diag) == AUDIT_OK);
		assert(audit_reader_next(reader, &r, &diag) == AUDIT_OK);
		assert(line_write(&r, again, sizeof(again)) == len);
		assert(memcmp(line, again, len) == 0);
		audit_reader_close(reader);
	}
	return 0;
}
