//! Handshakes: addresses, headers and tokens, and conversations of connections that come in by them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = chinwag_fuzz::open(bytes);
});
