# Unit tests that are not built for Windows, each with what it needs.
set(unit_posix_only
	deps_versions         # libevent with pthreads
	crypto_vectors        # getline
	audit_disk audit_room # thousands of sleeps shorter than Windows' timer: minutes
	audit_follow          # its place of a read is the linker's affair
	audit_keep            # zstd, which this build has not
	tls_memory            # mmap
	windows_jail          # fork, mmap: the fake Windows dies and is repaired
	who                   # /proc
	confine               # Landlock, seccomp
	pool                  # setrlimit: a thousand sockets
	bench_load            # bench/, which is not built either
)
