# One line a target: NAME, then what it links.
sallyport_fuzz_target(rules sallyport_rules)
sallyport_fuzz_target(target sallyport_rules)
sallyport_fuzz_target(chain sallyport_certs)
sallyport_fuzz_target(http_request http_stages)
sallyport_fuzz_target(http_response http_stages)
sallyport_fuzz_target(windows_path sallyport_jailer_windows)
sallyport_fuzz_target(clienthello sallyport_gateway)
sallyport_fuzz_target(dns_message sallyport_gateway)
sallyport_fuzz_target(socks sallyport_gateway)
sallyport_fuzz_target(websocket sallyport_gateway)
sallyport_fuzz_target(record sallyport_audit)
sallyport_fuzz_target(manifest cli_pure)

add_library(lockfile STATIC ${CMAKE_SOURCE_DIR}/cli/lockfile.c)
target_link_libraries(lockfile PUBLIC sallyport_certs sallyport::yyjson sallyport_flags)
sallyport_fuzz_target(lockfile lockfile)

add_library(go_zip STATIC ${CMAKE_SOURCE_DIR}/cli/go_zip_posix.c ${CMAKE_SOURCE_DIR}/cli/text.c)
target_link_libraries(go_zip PUBLIC sallyport_certs sallyport_flags ${SALLYPORT_LIBMINIZIP} ${SALLYPORT_LIBZ})
sallyport_fuzz_target(go_zip go_zip)
sallyport_fuzz_target(checkpoint sallyport_audit)
# A session takes milliseconds, or its deadline of a second.
set(fuzz_runs_session 1000)
sallyport_fuzz_target(session sallyport_gateway)

add_library(auth_file STATIC ${CMAKE_SOURCE_DIR}/cli/auth_file.c ${CMAKE_SOURCE_DIR}/cli/text.c)
target_link_libraries(auth_file PUBLIC sallyport_certs sallyport_flags)
sallyport_fuzz_target(auth_file auth_file)
