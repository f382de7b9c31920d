//! Conversations of connections that speak `agents`.
#![no_main]

use chinwag_core::dialect::Dialect;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = chinwag_fuzz::converse(Dialect::Agents, bytes);
});
