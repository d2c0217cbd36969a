# Makes PkgConfig::CMOCKA for the Windows build: Debian packages none for mingw-w64. A prefix of its own,
# so that nothing of it is part of the program. Uses deps_* of dependencies.cmake.
execute_process(
	COMMAND ${CMAKE_COMMAND} -E env CC=${CMAKE_C_COMPILER} "CFLAGS=${deps_flags}" AR=${CMAKE_AR}
		${CMAKE_SOURCE_DIR}/cmake/dependencies.sh build-tests ${deps_prefix}-tests ${deps_options}
	RESULT_VARIABLE deps_result)
if(NOT deps_result EQUAL 0)
	message(FATAL_ERROR "cmocka could not be built: the reason stands above.")
endif()
add_library(PkgConfig::CMOCKA INTERFACE IMPORTED GLOBAL)
# Its printf takes what the compiler's ANSI one takes; its header says Microsoft's. Linux checks the formats.
set_target_properties(PkgConfig::CMOCKA PROPERTIES
	INTERFACE_INCLUDE_DIRECTORIES ${deps_prefix}-tests/include
	INTERFACE_COMPILE_OPTIONS "-Wno-format;-Wno-format-extra-args"
	INTERFACE_LINK_LIBRARIES ${deps_prefix}-tests/lib/libcmocka.a)
