//! A client's WebSocket frames, wherever they are cut.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = chinwag_fuzz::frames(bytes);
});
