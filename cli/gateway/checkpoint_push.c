/*
 * A thread that hands signed checkpoints on, so that neither the writer nor the traffic waits for
 * whoever takes them. A checkpoint covers all before it: only the newest has to arrive.
 */
#include "cli/gateway/checkpoint_push.h"
#include "cli/gateway/checkpoint_run.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { NOTE_SIZE = 2048, FINISH_SECONDS = 10 };

struct checkpoint_push {
	struct checkpoint_run *run; /* owned; NULL: a file */
	int file;                   /* owned */
	pthread_t thread;
	bool has_thread;
	pthread_mutex_t mutex; /* guards what follows */
	pthread_cond_t changed;
	char note[NOTE_SIZE];
	size_t len;
	bool waiting, busy, stopping, failing;
	struct audit_log *log; /* borrowed */
};

static bool to_file(int file, const char *note, size_t len)
{
	return write(file, note, len) == (ssize_t)len && write(file, "\n", 1) == 1 &&
	       fsync(file) == 0;
}

/* With the mutex held. Told when it changes: an event a second would feed on itself. */
static void record(struct checkpoint_push *p, bool failing)
{
	struct audit_record r;
	struct audit_diag ignored;
	uint64_t seq;

	if (failing == p->failing) {
		return;
	}
	p->failing = failing;
	if (p->log == NULL) {
		return;
	}
	audit_record_init(&r);
	r.kind = AUDIT_EVENT;
	r.reason = failing ? "checkpoint-not-pushed" : "checkpoint-pushed";
	r.detail = failing ? "checkpoints do not leave this host: --checkpoint-to fails"
			   : "checkpoints leave this host again";
	(void)!audit_append(p->log, &r, &seq, &ignored);
}

static void *run_thread(void *arg)
{
	struct checkpoint_push *p = arg;

	pthread_mutex_lock(&p->mutex);
	for (;;) {
		char note[NOTE_SIZE];
		size_t len;
		bool done;

		while (!p->waiting && !p->stopping) {
			pthread_cond_wait(&p->changed, &p->mutex);
		}
		if (!p->waiting) {
			break;
		}
		len = p->len;
		memcpy(note, p->note, len);
		p->waiting = false;
		p->busy = true;
		pthread_mutex_unlock(&p->mutex);
		done = p->run != NULL ? checkpoint_run(p->run, note, len)
				      : to_file(p->file, note, len);
		pthread_mutex_lock(&p->mutex);
		p->busy = false;
		record(p, !done);
		pthread_cond_broadcast(&p->changed);
	}
	pthread_mutex_unlock(&p->mutex);
	return NULL;
}

static bool is_url(const char *target)
{
	return strncmp(target, "http://", 7) == 0 || strncmp(target, "https://", 8) == 0;
}

/* An URL goes by curl, which believes whom the system believes. */
static char *command_of(const char *target)
{
	static const char format[] =
		"curl -fsS --max-time 10 -H 'Content-Type: text/plain; charset=utf-8' "
		"--data-binary @- -o /dev/null -- '%s'";
	size_t size = strlen(target) + sizeof(format);
	char *command;

	if (target[0] == '|') {
		return strdup(target + 1);
	}
	for (const char *c = target; *c != '\0'; c++) {
		if (*c <= ' ' || *c == '\'' || *c == 0x7f) {
			return NULL;
		}
	}
	command = malloc(size);
	if (command != NULL) {
		snprintf(command, size, format, target);
	}
	return command;
}

static int open_target(
	struct checkpoint_push *p, const char *target, char *problem, size_t problem_size)
{
	char *command;

	if (target[0] != '|' && !is_url(target)) {
		p->file = open(target, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
		if (p->file < 0) {
			snprintf(problem, problem_size, "%s cannot be written: %s", target,
				strerror(errno));
		}
		return p->file < 0 ? -1 : 0;
	}
	command = command_of(target);
	if (command == NULL) {
		snprintf(problem, problem_size, "this URL cannot be: %s", target);
		return -1;
	}
	p->run = checkpoint_run_start(command);
	free(command);
	if (p->run == NULL) {
		snprintf(problem, problem_size, "a process cannot be started: %s", strerror(errno));
	}
	return p->run == NULL ? -1 : 0;
}

struct checkpoint_push *checkpoint_push_start(
	const char *target, char *problem, size_t problem_size)
{
	struct checkpoint_push *p = calloc(1, sizeof(*p));

	if (p == NULL) {
		snprintf(problem, problem_size, "memory is out");
		return NULL;
	}
	p->file = -1;
	if (open_target(p, target, problem, problem_size) != 0) {
		free(p);
		return NULL;
	}
	pthread_mutex_init(&p->mutex, NULL);
	pthread_cond_init(&p->changed, NULL);
	return p;
}

bool checkpoint_push_record_to(struct checkpoint_push *p, struct audit_log *log)
{
	pthread_mutex_lock(&p->mutex);
	p->log = log;
	pthread_mutex_unlock(&p->mutex);
	p->has_thread = p->has_thread || pthread_create(&p->thread, NULL, run_thread, p) == 0;
	return p->has_thread;
}

void checkpoint_push_record_none(struct checkpoint_push *p)
{
	if (p != NULL) {
		pthread_mutex_lock(&p->mutex);
		p->log = NULL;
		pthread_mutex_unlock(&p->mutex);
	}
}

void checkpoint_push_note(void *arg, const char *note, size_t len)
{
	struct checkpoint_push *p = arg;

	if (p == NULL || len > NOTE_SIZE) {
		return;
	}
	pthread_mutex_lock(&p->mutex);
	memcpy(p->note, note, len);
	p->len = len;
	p->waiting = true;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->mutex);
}

bool checkpoint_push_finish(struct checkpoint_push *p)
{
	struct timespec until;
	bool done;
	int late = 0;

	if (p == NULL) {
		return true;
	}
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += FINISH_SECONDS;
	pthread_mutex_lock(&p->mutex);
	p->stopping = true;
	pthread_cond_broadcast(&p->changed);
	while (p->has_thread && (p->waiting || p->busy) && late == 0) {
		late = pthread_cond_timedwait(&p->changed, &p->mutex, &until);
	}
	done = late == 0 && !p->failing;
	pthread_mutex_unlock(&p->mutex);
	if (late != 0) {
		return false; /* the thread still uses it, and this process ends */
	}
	if (p->has_thread) {
		pthread_join(p->thread, NULL);
	}
	pthread_mutex_destroy(&p->mutex);
	pthread_cond_destroy(&p->changed);
	if (p->file >= 0) {
		close(p->file);
	}
	checkpoint_run_finish(p->run, true);
	free(p);
	return done;
}
