# One line a target: NAME, then what it links.
sallyport_fuzz_target(chain sallyport_certs)
sallyport_fuzz_target(http_request http_stages)
sallyport_fuzz_target(http_response http_stages)
sallyport_fuzz_target(windows_path sallyport_jailer_windows)
sallyport_fuzz_target(clienthello sallyport_gateway)
sallyport_fuzz_target(dns_message sallyport_gateway)
sallyport_fuzz_target(socks sallyport_gateway)
sallyport_fuzz_target(websocket sallyport_gateway)
