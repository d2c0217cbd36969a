# SALLYPORT_SANITIZE=address,undefined or thread; empty for none. A finding ends the program, so that
# no test passes over it. SALLYPORT_FUZZ: fuzz targets are libFuzzer programs (clang only).
set(SALLYPORT_SANITIZE "" CACHE STRING "sanitizers for our own code")
option(SALLYPORT_FUZZ "build fuzz targets with libFuzzer" OFF)

if(SALLYPORT_SANITIZE)
	add_compile_options(-fsanitize=${SALLYPORT_SANITIZE} -fno-omit-frame-pointer
		-fno-sanitize-recover=all)
	add_link_options(-fsanitize=${SALLYPORT_SANITIZE})
endif()
if(SALLYPORT_FUZZ)
	if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
		message(FATAL_ERROR "SALLYPORT_FUZZ needs clang; this is ${CMAKE_C_COMPILER_ID}")
	endif()
	# Coverage in the libraries under test; the fuzzer's own main only in the targets.
	add_compile_options(-fsanitize=fuzzer-no-link)
endif()
