//! What a file may be called: nothing that is a path, hides what follows, or turns the text around it; and how an answer says it.

use hyper::header::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Longest name, in bytes: shorter than a message may carry, and than any file system takes.
const NAME_BYTES_MAX: usize = 200;
/// Longest part behind the last dot that is kept when a name is shortened, in bytes.
const EXTENSION_BYTES_MAX: usize = 16;
/// What is called nothing.
const NAMELESS: &str = "file";
/// What some systems take for devices, whatever stands behind a dot.
const DEVICES: [&str; 22] = [
    "con", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9",
    "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
];
/// What RFC 8187 has one encode in a name: all but its `attr-char`.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// What a file is called here whose sender calls it so: the last part of a path, made harmless.
pub(crate) fn safe(name: &str) -> String {
    let mut parts = name.rsplit(['/', '\\']).map(harmless);
    parts.find(|part| !part.is_empty()).unwrap_or_else(|| NAMELESS.to_owned())
}

/// `Content-Disposition` of a download (RFC 6266): the name in plain letters, and as it is.
pub(super) fn disposition(name: &str) -> HeaderValue {
    let is_plain = |c: char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\' | '%');
    let plain: String = name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    let encoded = utf8_percent_encode(name, ENCODED);
    HeaderValue::from_str(&format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}"))
        .expect("what is encoded is plain ASCII")
}

/// Without what is not seen, with `_` for what means something to a system, and no longer than may be. Dots and spaces at
/// either end hide a file, or lie about what it is.
fn harmless(part: &str) -> String {
    let seen = part.chars().filter(|&c| !is_unseen(c));
    let plain: String =
        seen.map(|c| if matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*') { '_' } else { c }).collect();
    let words = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    let name = words.trim_matches([' ', '.']);
    if is_device(name) { short(&format!("_{name}")) } else { short(name) }
}

fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end();
    DEVICES.iter().any(|device| stem.eq_ignore_ascii_case(device))
}

/// Cut in the middle, so that it still says what it is.
fn short(name: &str) -> String {
    if name.len() <= NAME_BYTES_MAX {
        return name.to_owned();
    }
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let cut = |max: usize| name[..name.floor_char_boundary(max)].trim_end_matches([' ', '.']);
    if extension.is_empty() || extension.len() > EXTENSION_BYTES_MAX {
        return cut(NAME_BYTES_MAX).to_owned();
    }
    format!("{}.{extension}", cut(NAME_BYTES_MAX - extension.len() - 1))
}

/// Controls, and what changes a text without being seen: directions, joiners, marks of order, tags.
const fn is_unseen(c: char) -> bool {
    matches!(c,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_is_the_last_part_of_a_path_made_harmless() {
        for (given, kept) in [
            ("report.pdf", "report.pdf"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\ann\\a b.txt", "a b.txt"),
            ("..", "file"),
            ("", "file"),
            ("/", "file"),
            ("a/", "a"),
            (".bashrc", "bashrc"),
            ("a.exe. . .", "a.exe"),
            ("bill.pdf      .exe", "bill.pdf .exe"),
            ("line\r\nSet-Cookie: a.txt", "lineSet-Cookie_ a.txt"),
            ("gpj.\u{202e}exe", "gpj.exe"),
            ("a\0b", "ab"),
            ("NUL.txt", "_NUL.txt"),
            ("con", "_con"),
            ("console.log", "console.log"),
            ("über süß 猫.png", "über süß 猫.png"),
            ("\"quoted\"?.txt", "_quoted__.txt"),
        ] {
            assert_eq!(safe(given), kept, "{given:?}");
        }
        let long = safe(&format!("{}.tar.gz", "ü".repeat(500)));
        assert!(long.len() <= NAME_BYTES_MAX && long.ends_with("ü.gz"), "{long}");
    }

    #[test]
    fn a_name_is_said_plainly_and_as_it_is() {
        let said = disposition("über süß \"50%\".pdf");
        let plain = "attachment; filename=\"_ber s__ _50__.pdf\"; ";
        let encoded = "filename*=UTF-8''%C3%BCber%20s%C3%BC%C3%9F%20%2250%25%22.pdf";
        assert_eq!(said.to_str().unwrap(), format!("{plain}{encoded}"));
    }

    proptest! {
        #[test]
        fn no_name_does_harm(given in any::<String>(), tail in "[./\\\\ a\u{202e}\u{200d}-]{0,300}") {
            let name = safe(&(given + &tail));
            prop_assert!(!name.is_empty() && name.len() <= NAME_BYTES_MAX, "{name:?}");
            prop_assert!(!name.contains(['/', '\\', ':', '"', '<', '>', '|', '?', '*']), "{name:?}");
            prop_assert!(!name.chars().any(|c| c.is_control() || is_unseen(c)), "{name:?}");
            prop_assert!(!name.starts_with(['.', ' ']) && !name.ends_with(['.', ' ']), "{name:?}");
            prop_assert_eq!(&safe(&name), &name, "it stays as it is");
            let said = disposition(&name);
            let (_, encoded) = said.to_str().unwrap().split_once("UTF-8''").unwrap();
            prop_assert_eq!(percent_decode_str(encoded).decode_utf8().unwrap(), name);
        }
    }
}
