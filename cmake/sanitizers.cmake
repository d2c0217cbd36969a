# SALLYPORT_SANITIZE=address,undefined or thread; empty for none.
set(SALLYPORT_SANITIZE "" CACHE STRING "sanitizers for our own code")
if(SALLYPORT_SANITIZE)
	add_compile_options(-fsanitize=${SALLYPORT_SANITIZE} -fno-omit-frame-pointer
		-fno-sanitize-recover=all)
	add_link_options(-fsanitize=${SALLYPORT_SANITIZE})
endif()
