//! What a close frame holds (RFC 6455 §5.5.1, §7.4).

use crate::gateway::Fault;

/// The code of a close frame's payload, if it holds one.
pub(super) fn read(payload: &[u8]) -> Result<Option<u16>, Fault> {
    if payload.is_empty() {
        return Ok(None);
    }
    let Some((code, reason)) = payload.split_first_chunk() else { return Err(Fault::Protocol) };
    let code = u16::from_be_bytes(*code);
    if !may_be_sent(code) {
        return Err(Fault::Protocol);
    }
    match str::from_utf8(reason) {
        Ok(_) => Ok(Some(code)),
        Err(_) => Err(Fault::InvalidText),
    }
}

/// Whether a code may stand in a frame: 1004 means nothing, 1005, 1006 and 1015 are for those who saw no code; 1012 to
/// 1014 came after the RFC, by IANA's registry.
const fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}
