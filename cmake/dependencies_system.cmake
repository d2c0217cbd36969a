# SALLYPORT_DEPS=system: the installed packages, where they are new enough. One that is missing or
# too old stops the configuration and is named: an older mbedTLS would mean weaker TLS unnoticed.
#
# Sees deps_dir and deps_header's form from dependencies.cmake.

find_package(PkgConfig REQUIRED)

set(deps_header "/* Written by cmake/dependencies_system.cmake: name, version, who built it. */\n")
string(APPEND deps_header "#define SALLYPORT_DEPENDENCIES \\\n")

# deps_system(TARGET NAME MODULES LOWEST BELOW): BELOW may be empty.
function(deps_system target name modules lowest below)
	set(ask "")
	foreach(module IN LISTS modules)
		list(APPEND ask "${module}>=${lowest}")
		if(below)
			list(APPEND ask "${module}<${below}")
		endif()
	endforeach()
	pkg_check_modules(SYSTEM_${name} QUIET IMPORTED_TARGET GLOBAL ${ask})
	if(NOT SYSTEM_${name}_FOUND)
		list(GET modules 0 module)
		execute_process(COMMAND ${PKG_CONFIG_EXECUTABLE} --modversion ${module}
			OUTPUT_VARIABLE found ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
		if(NOT found)
			set(found "none that pkg-config knows")
		endif()
		set(wanted "${lowest} or newer")
		if(below)
			string(APPEND wanted ", below ${below}")
		endif()
		message(FATAL_ERROR "SALLYPORT_DEPS=system: ${name} has to be ${wanted}; "
			"the system has ${found}. Without this option it is built from source.")
	endif()
	add_library(${target} INTERFACE IMPORTED GLOBAL)
	target_link_libraries(${target} INTERFACE PkgConfig::SYSTEM_${name} Threads::Threads)
	list(GET modules 0 module)
	execute_process(COMMAND ${PKG_CONFIG_EXECUTABLE} --modversion ${module}
		OUTPUT_VARIABLE version OUTPUT_STRIP_TRAILING_WHITESPACE)
	set(deps_header "${deps_header}\t{ \"${name}\", \"${version}\", \"system\" }, \\\n" PARENT_SCOPE)
endfunction()

deps_system(sallyport::mbedtls mbedtls "mbedtls;mbedx509;mbedcrypto" 3.6 4)
add_library(sallyport::mbedtls_alone ALIAS sallyport::mbedtls)
deps_system(sallyport::event libevent "libevent_core;libevent_extra;libevent_pthreads" 2.1 "")
deps_system(sallyport::yyjson yyjson "yyjson" 0.8 "")
deps_system(sallyport::llhttp llhttp "libllhttp" 9 "")

# The distribution chose the configuration; what we cannot do without is asked of its headers.
include(CheckCSourceCompiles)
set(CMAKE_REQUIRED_LIBRARIES sallyport::mbedtls)
check_c_source_compiles("
	#include <mbedtls/build_info.h>
	#if !defined(MBEDTLS_THREADING_PTHREAD) || !defined(MBEDTLS_SSL_PROTO_TLS1_3)
	#error
	#endif
	int main(void) { return 0; }" SYSTEM_MBEDTLS_FITS)
unset(CMAKE_REQUIRED_LIBRARIES)
if(NOT SYSTEM_MBEDTLS_FITS)
	message(FATAL_ERROR "SALLYPORT_DEPS=system: this mbedTLS was built without threads or TLS 1.3. "
		"Without this option a fitting one is built from source.")
endif()

file(CONFIGURE OUTPUT ${deps_dir}/deps_versions.h CONTENT "${deps_header}\n" @ONLY)
