/*
 * Run by the build: prints the filters as arrays for seccomp.c. Sources: seccomp_export_bpf(3),
 * seccomp(2).
 */
#include "jailer/linux/filters/filters.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/filter.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

enum { INSTRUCTIONS_MAX = 4096 }; /* BPF_MAXINSNS */

static int print(const char *name, int (*rules)(scmp_filter_ctx), uint32_t otherwise)
{
	static struct sock_filter program[INSTRUCTIONS_MAX];
	scmp_filter_ctx filter = seccomp_init(otherwise);
	int fd = memfd_create(name, MFD_CLOEXEC);
	ssize_t got;

	if (filter == NULL || fd < 0 ||
		seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2) != 0 || rules(filter) != 0 ||
		seccomp_export_bpf(filter, fd) != 0 || lseek(fd, 0, SEEK_SET) != 0) {
		return -1;
	}
	got = read(fd, program, sizeof(program));
	if (got <= 0 || (size_t)got == sizeof(program) || (size_t)got % sizeof(program[0]) != 0) {
		return -1;
	}
	printf("static const struct sock_filter %s[] = {\n", name);
	for (size_t i = 0; i < (size_t)got / sizeof(program[0]); i++) {
		printf("\t{0x%02x, %u, %u, 0x%08" PRIx32 "},\n", program[i].code, program[i].jt,
			program[i].jf, program[i].k);
	}
	puts("};");
	seccomp_release(filter);
	close(fd);
	return 0;
}

int main(void)
{
	puts("/* Made by the build (filters/make.c). */");
	if (print("command_filter", filter_command, SCMP_ACT_ALLOW) != 0 ||
		print("signals_filter", filter_signals, SCMP_ACT_ALLOW) != 0 ||
		print("gateway_filter", filter_gateway, SCMP_ACT_ERRNO(EPERM)) != 0) {
		fputs("the filters of system calls cannot be made\n", stderr);
		return 1;
	}
	printf("enum { GATEWAY_CALLS = %zu };\n", filter_gateway_calls);
	return fflush(stdout) == 0 ? 0 : 1;
}
