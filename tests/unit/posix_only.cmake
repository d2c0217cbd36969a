# Unit tests that are not built for Windows, each with what it needs.
set(unit_posix_only
	deps_versions         # libevent with pthreads
	crypto_vectors        # getline
	audit                 # setrlimit, signals
	audit_disk audit_journal audit_seal audit_keep # audit_folder.c: mkdtemp
	tls_memory            # mmap
	ca                    # symlink, mkdtemp
	http_parse http_write # http/trace.c: open_memstream
	windows_jail          # fork, mmap: the fake Windows dies and is repaired
	who                   # /proc
	confine               # Landlock, seccomp
	bench_load            # bench/, which is not built either
)
