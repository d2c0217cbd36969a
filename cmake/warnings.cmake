# One set of warnings for our own code, errors all of them, and the hardening every build gets.
# SALLYPORT_WERROR=OFF is for compilers that do not exist yet.
option(SALLYPORT_WERROR "treat warnings as errors" ON)
# -Wno-missing-field-initializers: what an initialiser does not name is zero, and zero refuses.
add_library(sallyport_flags INTERFACE)
target_compile_options(sallyport_flags INTERFACE -Wall -Wextra -Wshadow -Wstrict-prototypes
	-Wmissing-prototypes -Wvla -Wformat=2 -Wundef -Wpointer-arith -Wwrite-strings -Wno-missing-field-initializers $<$<BOOL:${SALLYPORT_WERROR}>:-Werror>
	-fstack-protector-strong -fno-strict-aliasing)
target_compile_definitions(sallyport_flags INTERFACE _GNU_SOURCE)
target_include_directories(sallyport_flags INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/generated)
if(NOT SALLYPORT_SANITIZE)
	target_compile_options(sallyport_flags INTERFACE
		$<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE> $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=2>)
endif()
if(WIN32)
	# One file to copy, without runtime DLLs that could be planted beside it.
	target_link_options(sallyport_flags INTERFACE -static -fstack-protector-strong -Wl,--dynamicbase,--nxcompat,--high-entropy-va)
else()
	target_compile_options(sallyport_flags INTERFACE -fstack-clash-protection)
	target_link_options(sallyport_flags INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)
	# 16,000 addresses are relocated at each start: from 6 KiB instead of 400, where the loader can.
	include(CheckCSourceCompiles)
	check_c_source_compiles("#include <features.h>
#if !defined(__GLIBC__) || !__GLIBC_PREREQ(2, 36)
#error no DT_RELR
#endif
int main(void) { return 0; }" SALLYPORT_LOADER_HAS_RELR)
	if(SALLYPORT_LOADER_HAS_RELR)
		target_link_options(sallyport_flags INTERFACE -Wl,-z,pack-relative-relocs)
	endif()
endif()
# assert() states beliefs that must hold in production too: NDEBUG is never set.
string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_RELEASE "${CMAKE_C_FLAGS_RELEASE}")
string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_RELWITHDEBINFO "${CMAKE_C_FLAGS_RELWITHDEBINFO}")
