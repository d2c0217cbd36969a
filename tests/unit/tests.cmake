# One line a test, in the order of the request's path: NAME, then what it links.
if(WIN32)
	add_library(unit_system STATIC unit/system_windows.c)
	target_link_libraries(unit_system PUBLIC sallyport_flags ${sallyport_compat} advapi32)
else()
	add_library(unit_system STATIC unit/system_posix.c)
	target_link_libraries(unit_system PUBLIC sallyport_flags)
endif()
sallyport_unit_test(deps_versions sallyport::mbedtls sallyport::event sallyport::llhttp sallyport::yyjson)
sallyport_unit_test(crypto sallyport_certs)
sallyport_unit_test(crypto_answers sallyport_certs)
sallyport_unit_test(crypto_vectors sallyport_certs)
sallyport_unit_test(crypto_refusals sallyport_certs)
if(SALLYPORT_CRYPTO STREQUAL "libcrypto")
	sallyport_unit_test(crypto_hedge sallyport_certs)
endif()
sallyport_unit_test(rules_target sallyport_rules)
sallyport_unit_test(rules sallyport_rules)
sallyport_unit_test(audit sallyport_audit sallyport::yyjson unit_system)
add_library(audit_folder STATIC unit/audit_folder.c)
target_link_libraries(audit_folder PUBLIC sallyport_audit unit_system PkgConfig::CMOCKA)
sallyport_unit_test(audit_disk audit_folder)
sallyport_unit_test(audit_room audit_folder)
sallyport_unit_test(audit_follow audit_folder)
if(TARGET test_audit_follow)
	target_link_options(test_audit_follow PRIVATE -Wl,--wrap=read) # a writer comes between two
endif()
sallyport_unit_test(audit_seal audit_folder)
sallyport_unit_test(audit_keep audit_folder)
sallyport_unit_test(mint sallyport_certs)
sallyport_unit_test(java_store sallyport_certs)
if(NOT SALLYPORT_DEPS STREQUAL "system" AND NOT SALLYPORT_SANITIZE)
	sallyport_unit_test(tls_memory sallyport_certs)
endif()
add_library(made STATIC unit/made.c)
target_link_libraries(made PUBLIC sallyport_certs)
sallyport_unit_test(ca made unit_system)
sallyport_unit_test(trust made)
sallyport_unit_test(handshake_parse made)

# The pure HTTP stages by themselves: they need no loop and no TLS.
add_library(http_stages STATIC ${CMAKE_SOURCE_DIR}/gateway/arena.c ${CMAKE_SOURCE_DIR}/gateway/http.c
	${CMAKE_SOURCE_DIR}/gateway/http_check.c ${CMAKE_SOURCE_DIR}/gateway/http_parse.c
	${CMAKE_SOURCE_DIR}/gateway/http_target.c ${CMAKE_SOURCE_DIR}/gateway/http_write.c
	http/trace.c http/rewrite.c ${CMAKE_SOURCE_DIR}/cli/text.c)
target_link_libraries(http_stages PUBLIC sallyport_flags sallyport_rules sallyport::llhttp)
sallyport_unit_test(arena http_stages)
sallyport_unit_test(http_parse http_stages)
sallyport_unit_test(http_target http_stages)
sallyport_unit_test(http_write http_stages)

sallyport_unit_test(windows_path sallyport_jailer_windows)
sallyport_unit_test(compat_fnmatch)
target_sources(test_compat_fnmatch PRIVATE ${CMAKE_SOURCE_DIR}/compat/windows/fnmatch.c)
if(NOT WIN32)
	add_library(windows_fake STATIC unit/windows_fake.c)
	target_link_libraries(windows_fake PUBLIC sallyport_jailer_windows)
endif()
sallyport_unit_test(windows_jail windows_fake)

# What the gateway reads before HTTP, pure too.
sallyport_unit_test(clienthello sallyport_gateway)
sallyport_unit_test(socks sallyport_gateway)
sallyport_unit_test(buffer sallyport_gateway)
sallyport_unit_test(egress sallyport_gateway)
sallyport_unit_test(pool sallyport_gateway)
sallyport_unit_test(names sallyport_gateway)
sallyport_unit_test(dns_message sallyport_gateway)
sallyport_unit_test(websocket sallyport_gateway)
sallyport_unit_test(upstream_proxy sallyport_gateway)

# Which program asks: both sides of it, and what goes between them.
sallyport_unit_test(who sallyport_gateway sallyport_jailer)

# The gateway's process. ThreadSanitizer has a thread of its own in every process: there is no confining
# that, and it is refused as it must be.
if(NOT SALLYPORT_SANITIZE MATCHES "thread")
	sallyport_unit_test(confine sallyport_jailer)
endif()

if(WIN32)
	sallyport_unit_test(private_windows sallyport_compat advapi32)
endif()

# Parts of the program that are pure.
add_library(cli_pure STATIC ${CMAKE_SOURCE_DIR}/cli/files/manifest.c ${CMAKE_SOURCE_DIR}/cli/text.c)
target_link_libraries(cli_pure PUBLIC sallyport_flags ${sallyport_compat})
sallyport_unit_test(manifest cli_pure)
if(NOT WIN32)
	add_library(cli_digest_key STATIC ${CMAKE_SOURCE_DIR}/cli/gateway/digest_key.c
		${CMAKE_SOURCE_DIR}/cli/gateway/digest_text_posix.c ${CMAKE_SOURCE_DIR}/cli/place_posix.c)
	target_link_libraries(cli_digest_key PUBLIC sallyport_certs sallyport_audit)
	sallyport_unit_test(digest_key cli_digest_key)
endif()

# The load generator's counting.
if(NOT WIN32)
	add_library(bench_load_parts STATIC ${CMAKE_SOURCE_DIR}/bench/load/histogram.c
		${CMAKE_SOURCE_DIR}/bench/load/options.c)
	target_link_libraries(bench_load_parts PUBLIC sallyport_flags)
endif()
sallyport_unit_test(bench_load bench_load_parts)
