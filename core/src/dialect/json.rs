//! What is wrong with text that should be JSON of some shape.

use crate::refusal::Refusal;

/// Longest explanation, in bytes.
const DETAIL_BYTES_MAX: usize = 200;

/// The refusal, and serde's explanation.
pub(super) fn fault(error: &serde_json::Error) -> (Refusal, Option<String>) {
    let refusal = if error.is_data() { Refusal::BadFrame } else { Refusal::BadJson };
    // Serde repeats the value that it did not expect, however long it is.
    let mut detail = error.to_string();
    let cut = detail.floor_char_boundary(DETAIL_BYTES_MAX);
    detail.truncate(cut);
    (refusal, Some(detail))
}
