# One line a test, in the order of the request's path: NAME, then what it links.
sallyport_unit_test(deps_versions sallyport::mbedtls sallyport::event sallyport::llhttp sallyport::yyjson)
sallyport_unit_test(ca sallyport_certs)
sallyport_unit_test(mint sallyport_certs)
sallyport_unit_test(trust sallyport_certs)
