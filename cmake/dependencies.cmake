# Makes the imported targets sallyport::{mbedtls,event,llhttp,yyjson}, on Windows sodium, and generated/deps_versions.h.
#
# SALLYPORT_DEPS=fetch (default): built by dependencies.sh from upstream sources, once for each compiler
# and target, and kept in the cache. SALLYPORT_DEPS=system: the system's own packages where they are
# new enough; too old is an error, not a fallback.

set(SALLYPORT_DEPS "fetch" CACHE STRING "fetch or system")
set_property(CACHE SALLYPORT_DEPS PROPERTY STRINGS fetch system)

# Who computes what crypto/ can take over from mbedTLS: docs/crypto.md.
if(WIN32 OR SALLYPORT_DEPS STREQUAL "system")
	set(crypto_default builtin) # an installed mbedTLS has no holes to fill
else()
	set(crypto_default libcrypto)
endif()
set(SALLYPORT_CRYPTO ${crypto_default} CACHE STRING "libcrypto or builtin")
set_property(CACHE SALLYPORT_CRYPTO PROPERTY STRINGS libcrypto builtin)
if(SALLYPORT_CRYPTO STREQUAL "libcrypto" AND NOT crypto_default STREQUAL "libcrypto")
	message(FATAL_ERROR "SALLYPORT_CRYPTO=libcrypto needs SALLYPORT_DEPS=fetch, not on Windows")
elseif(NOT SALLYPORT_CRYPTO MATCHES "^(libcrypto|builtin)$")
	message(FATAL_ERROR "SALLYPORT_CRYPTO is libcrypto or builtin, not '${SALLYPORT_CRYPTO}'")
endif()
if(NOT WIN32)
	# Static: the gateway starts with each run, and must not wait for a loader.
	find_library(SALLYPORT_LIBCRYPTO libcrypto.a REQUIRED)
	find_path(SALLYPORT_OPENSSL_INCLUDE openssl/evp.h REQUIRED)
endif()

find_package(Threads REQUIRED)
set(deps_dir ${CMAKE_BINARY_DIR}/generated)

if(SALLYPORT_DEPS STREQUAL "system")
	include(${CMAKE_CURRENT_LIST_DIR}/dependencies_system.cmake)
	return()
elseif(NOT SALLYPORT_DEPS STREQUAL "fetch")
	message(FATAL_ERROR "SALLYPORT_DEPS is fetch or system, not '${SALLYPORT_DEPS}'")
endif()

if(DEFINED ENV{SALLYPORT_CACHE})
	set(deps_cache $ENV{SALLYPORT_CACHE})
elseif(DEFINED ENV{XDG_CACHE_HOME})
	set(deps_cache $ENV{XDG_CACHE_HOME}/sallyport)
else()
	set(deps_cache $ENV{HOME}/.cache/sallyport)
endif()

# What a built prefix depends on: change one of these and it is another prefix. Of our own files only
# what reaches the libraries counts, not their comments.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
	${CMAKE_SOURCE_DIR}/cmake/dependencies.sh ${CMAKE_SOURCE_DIR}/cmake/mbedtls_user_config.h)
file(STRINGS ${CMAKE_SOURCE_DIR}/cmake/dependencies.sh deps_recipe REGEX "^recipe=")
file(STRINGS ${CMAKE_SOURCE_DIR}/cmake/mbedtls_user_config.h deps_config REGEX "^ *#")
set(mbedtls_config ${CMAKE_SOURCE_DIR}/cmake/mbedtls_user_config.h)
if(SALLYPORT_CRYPTO STREQUAL "libcrypto")
	set(mbedtls_config ${CMAKE_SOURCE_DIR}/cmake/mbedtls_libcrypto_config.h)
	set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${mbedtls_config})
	file(STRINGS ${mbedtls_config} deps_config_libcrypto REGEX "^ *#")
	list(APPEND deps_config ${deps_config_libcrypto})
	# The headers that mbedTLS's own ask for by name: what they say is part of its structs' layout.
	set(mbedtls_alt ${CMAKE_SOURCE_DIR}/crypto/alt)
	foreach(name aead gcm_alt chachapoly_alt sha256_alt sha512_alt)
		set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${mbedtls_alt}/${name}.h)
		file(STRINGS ${mbedtls_alt}/${name}.h deps_alt REGEX "^[^/ ]")
		list(APPEND deps_config ${deps_alt})
	endforeach()
endif()

# Libraries are watched as well: a race or an overflow does not stop at a library's border. Not by
# UBSan, whose findings there are not ours to mend.
set(deps_flags "${CMAKE_C_FLAGS}")
if(SALLYPORT_SANITIZE MATCHES "(address|thread)")
	string(APPEND deps_flags " -fsanitize=${CMAKE_MATCH_1}")
endif()
if(SALLYPORT_FUZZ)
	string(APPEND deps_flags " -fsanitize=fuzzer-no-link")
endif()
string(STRIP "${deps_flags}" deps_flags)

set(deps_key "${CMAKE_C_COMPILER}|${CMAKE_C_COMPILER_VERSION}|${CMAKE_SYSTEM_NAME}|${deps_flags}")
string(APPEND deps_key "|${deps_recipe}|${deps_config}")
if(CMAKE_TOOLCHAIN_FILE)
	file(SHA256 ${CMAKE_TOOLCHAIN_FILE} deps_toolchain)
	string(APPEND deps_key "|${deps_toolchain}")
endif()
if(WIN32)
	string(APPEND deps_key "|libsodium")
endif()
string(SHA256 deps_key "${deps_key}")
string(SUBSTRING ${deps_key} 0 16 deps_key)
set(deps_prefix ${deps_cache}/built/${CMAKE_SYSTEM_NAME}-${CMAKE_C_COMPILER_ID}-${deps_key})

set(deps_options -DCMAKE_C_COMPILER=${CMAKE_C_COMPILER})
if(CMAKE_TOOLCHAIN_FILE)
	list(APPEND deps_options -DCMAKE_TOOLCHAIN_FILE=${CMAKE_TOOLCHAIN_FILE})
endif()
execute_process(
	COMMAND ${CMAKE_COMMAND} -E env CC=${CMAKE_C_COMPILER} "CFLAGS=${deps_flags}" AR=${CMAKE_AR}
		MBEDTLS_CONFIG=${mbedtls_config} MBEDTLS_ALT=${mbedtls_alt}
		${CMAKE_SOURCE_DIR}/cmake/dependencies.sh build ${deps_prefix} ${deps_options}
	RESULT_VARIABLE deps_result)
if(NOT deps_result EQUAL 0)
	message(FATAL_ERROR "The dependencies could not be built: the reason stands above.")
endif()

function(deps_library target)
	cmake_parse_arguments(ARG "" "" "FILES;LINK;DEFINE" ${ARGN})
	add_library(${target} INTERFACE IMPORTED GLOBAL)
	list(TRANSFORM ARG_FILES PREPEND ${deps_prefix}/lib/)
	set_target_properties(${target} PROPERTIES
		INTERFACE_SYSTEM_INCLUDE_DIRECTORIES ${deps_prefix}/include
		INTERFACE_INCLUDE_DIRECTORIES ${deps_prefix}/include
		INTERFACE_COMPILE_DEFINITIONS "${ARG_DEFINE}"
		INTERFACE_LINK_LIBRARIES "${ARG_FILES};${ARG_LINK}")
endfunction()

if(WIN32)
	set(deps_net ws2_32 bcrypt iphlpapi shell32 advapi32)
	set(deps_event_files libevent.a)
else()
	set(deps_event_files libevent_extra.a libevent_pthreads.a libevent_core.a)
endif()
set(mbedtls_define MBEDTLS_USER_CONFIG_FILE="${mbedtls_config}")
# What crypto/ sees of it. Each wants functions of the other: the linker goes round them.
deps_library(sallyport::mbedtls_alone DEFINE ${mbedtls_define})
if(mbedtls_alt)
	target_include_directories(sallyport::mbedtls_alone SYSTEM INTERFACE ${mbedtls_alt} ${SALLYPORT_OPENSSL_INCLUDE})
endif()
set(mbedtls_files libmbedtls.a libmbedx509.a libmbedcrypto.a libeverest.a libp256m.a)
list(TRANSFORM mbedtls_files PREPEND ${deps_prefix}/lib/)
list(JOIN mbedtls_files "," mbedtls_files)
deps_library(sallyport::mbedtls DEFINE ${mbedtls_define}
	LINK sallyport::mbedtls_alone "$<LINK_GROUP:RESCAN,${mbedtls_files},sallyport_crypto>" Threads::Threads ${deps_net})
deps_library(sallyport::event FILES ${deps_event_files} LINK Threads::Threads ${deps_net})
deps_library(sallyport::llhttp FILES libllhttp.a)
deps_library(sallyport::yyjson FILES libyyjson.a)
if(WIN32)
	deps_library(sallyport::sodium FILES libsodium.a DEFINE SODIUM_STATIC LINK advapi32)
endif()

# For `sallyport version`: what was built, with the hash of its source.
file(STRINGS ${deps_prefix}/versions.lock deps_lines)
set(deps_header "/* Written by cmake/dependencies.cmake: name, version, SHA-256 of the source. */\n")
string(APPEND deps_header "#define SALLYPORT_DEPENDENCIES \\\n")
foreach(line ${deps_lines})
	string(REPLACE " " ";" fields "${line}")
	list(GET fields 0 1 2 fields)
	list(JOIN fields "\", \"" fields)
	string(APPEND deps_header "\t{ \"${fields}\" }, \\\n")
endforeach()
file(CONFIGURE OUTPUT ${deps_dir}/deps_versions.h CONTENT "${deps_header}\n" @ONLY)
