//! What is said of a status beside its word: it follows from the word, so that every reader can tell whether it is right.

/// The word with which a user of core's own client, or of a plain one, says that they do something.
pub(crate) const fn word(is_plain: bool) -> &'static str {
    if is_plain { "idle" } else { "busy" }
}

/// The word with which a user of either says that something has gone wrong; core's own says why, too.
pub(crate) const ERROR: &str = "error";

/// What belongs to a word of core's own clients: what it is about, and how far it has come; nothing if plain clients say it,
/// or the server does.
pub(crate) fn belongs_to(state: &str) -> Option<(String, u8)> {
    let (word, number) = state.split_once('-')?;
    let number: u32 = number.parse().ok().filter(|_| word == self::word(false))?;
    Some((format!("\u{1f6e0} {number}"), u8::try_from(number % 101).expect("it is at most 100")))
}

/// Whether this is what belongs to a word.
///
/// # Errors
/// That it is not.
pub(crate) fn check(state: &str, detail: Option<&str>, progress: Option<u64>) -> Result<(), String> {
    match belongs_to(state) {
        Some(its) if detail != Some(&its.0) || progress != Some(its.1.into()) => {
            Err(format!("{state} is said of {its:?}, and not of {detail:?} and {progress:?}"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_a_word_is_told_from_anything_else() {
        let (detail, progress) = belongs_to("busy-203").unwrap();
        assert_eq!(progress, 1);
        assert!(check("busy-203", Some(&detail), Some(1)).is_ok());
        assert!(check("busy-203", Some(&detail), None).is_err());
        assert!(check("busy-203", None, Some(1)).is_err());
        assert!(check("idle-203", None, None).is_ok() && check("running", None, None).is_ok());
    }
}
