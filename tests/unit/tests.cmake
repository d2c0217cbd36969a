# One line a test, in the order of the request's path: NAME, then what it links.
sallyport_unit_test(deps_versions sallyport::mbedtls sallyport::event sallyport::llhttp sallyport::yyjson)
sallyport_unit_test(mint sallyport_certs)
add_library(made STATIC unit/made.c)
target_link_libraries(made PUBLIC sallyport_certs)
sallyport_unit_test(ca made)
sallyport_unit_test(trust made)
sallyport_unit_test(handshake_parse made)
