# One line a target: NAME, then what it links.
sallyport_fuzz_target(chain sallyport_certs)
