//! Text of others made harmless: nothing that a terminal would obey, and nothing that only looks like something else. And
//! how wide text is, and where it is broken.

use std::{borrow::Cow, fmt::Write as _, ops::Range};

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr};

/// Marks on one character that are shown; what is heaped on it beyond is not.
const MARKS_MAX: usize = 4;

/// Joiners in one character that are shown as such: a family of four has three. Else a long text could take one column.
const JOINERS_MAX: usize = 4;

/// What is shown of one text, in bytes: four times what a server takes by default.
const SHOWN_BYTES_MAX: usize = 16 * 1024;

/// What stands for what is left out.
const ELLIPSIS: char = '…';

/// What stands for a line break where one line is meant.
const BREAK: char = '⏎';

/// The text with everything escaped that is no visible character: `␛` for an escape, `\u{202e}` for an override of the
/// writing direction. Line breaks stay, other white space is a space.
#[must_use]
pub fn harmless(text: &str) -> Cow<'_, str> {
    if text.len() <= SHOWN_BYTES_MAX && text.chars().all(|c| matches!(c, ' '..='~')) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let (mut marks, mut joiners) = (0, 0);
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        if shown.len() >= SHOWN_BYTES_MAX {
            shown.push(ELLIPSIS);
            break;
        }
        let joins = is_joiner(c)
            && joiners < JOINERS_MAX
            && shown.chars().next_back().is_some_and(is_joined)
            && characters.peek().copied().is_some_and(is_joined);
        let has_base = shown.chars().next_back().is_some_and(|last| !last.is_whitespace());
        let is_mark = joins || has_base && is_mark(c);
        marks = if is_mark { marks + 1 } else { 0 };
        // Most characters are far from any joiner.
        let goes_on = |shown: &str| is_mark || is_tone(c) || shown.chars().next_back().is_some_and(is_joiner);
        joiners = if joins || joiners > 0 && goes_on(&shown) { joiners + usize::from(joins) } else { 0 };
        match c {
            '\n' => shown.push(c),
            '\r' if characters.peek() == Some(&'\n') => {}
            '\t' => shown.push(' '),
            _ if is_mark && marks <= MARKS_MAX => shown.push(c),
            _ if is_mark => {}
            _ => push_visibly(c, &mut shown),
        }
    }
    Cow::Owned(shown)
}

/// A text with one blank line where there are more, and none at its end.
#[must_use]
pub fn squeeze(text: Cow<'_, str>) -> Cow<'_, str> {
    // As most texts are.
    if !text.contains('\n') {
        return text;
    }
    let mut lines: Vec<&str> = text.trim_end().split('\n').collect();
    lines.dedup_by(|line, before| line.trim().is_empty() && before.trim().is_empty());
    Cow::Owned(lines.join("\n"))
}

/// The same on one line.
#[must_use]
pub fn on_one_line(text: &str) -> Cow<'_, str> {
    match harmless(text) {
        shown if shown.contains('\n') => Cow::Owned(shown.replace('\n', &format!(" {BREAK} "))),
        shown => shown,
    }
}

/// The same, at most so wide: what does not fit is cut off, with an ellipsis.
#[must_use]
pub fn cut(text: &str, width: usize) -> Cow<'_, str> {
    let shown = on_one_line(text);
    if self::width(&shown) <= width {
        return shown;
    }
    let mut kept = String::new();
    let mut left = width.saturating_sub(1);
    for cluster in shown.graphemes(true) {
        match left.checked_sub(cluster.width()) {
            Some(rest) => left = rest,
            None => break,
        }
        kept.push_str(cluster);
    }
    if width > 0 {
        kept.push(ELLIPSIS);
    }
    Cow::Owned(kept)
}

/// A text as it can be shown while it is typed: each character in as many columns as it takes by itself, for a line editor counts
/// those. What takes none and would be obeyed is left out. Line breaks stay.
#[must_use]
pub fn in_place(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| matches!(c, ' '..='~' | '\n' | '\t')) {
        return Cow::Borrowed(text);
    }
    let shown = text.graphemes(true).map(|cluster| match harmless(cluster) {
        _ if matches!(cluster, "\n" | "\t") => Cow::Borrowed(cluster),
        shown if width(&shown) == cluster.width() && !shown.contains('\n') => shown,
        _ => Cow::Owned("\u{fffd}".repeat(cluster.width())),
    });
    Cow::Owned(shown.collect())
}

/// How many columns a text takes: those of its characters, each for itself, as terminals draw them.
#[must_use]
pub fn width(text: &str) -> usize {
    text.graphemes(true).map(str::width).sum()
}

/// Where a text is broken into rows of at most so many columns (two at least, for one character may take as many): at
/// line breaks, at spaces if there are any, and anywhere otherwise. One row at least; white space at breaks is in none.
#[must_use]
pub fn rows(text: &str, width: usize) -> Vec<Range<usize>> {
    let mut rows = Vec::new();
    let mut start = 0;
    for line in text.split('\n') {
        break_line(text, start..start + line.len(), width.max(2), &mut rows);
        start += line.len() + 1;
    }
    rows
}

/// Breaks what has no line break in it.
fn break_line(text: &str, line: Range<usize>, width: usize, rows: &mut Vec<Range<usize>>) {
    let (mut start, mut used) = (line.start, 0);
    // Where the row may end and the next begin, and the columns up to there.
    let mut space: Option<(usize, usize, usize)> = None;
    for (at, cluster) in text[line.clone()].grapheme_indices(true) {
        let (at, columns) = (line.start + at, cluster.width());
        if used + columns > width {
            if cluster == " " {
                rows.push(start..at);
                (start, used, space) = (at + 1, 0, None);
                continue;
            }
            match space.take() {
                Some((end, next, before)) => {
                    rows.push(start..end);
                    (start, used) = (next, used - before);
                }
                None => {
                    rows.push(start..at);
                    (start, used) = (at, 0);
                }
            }
        }
        used += columns;
        if cluster == " " && at > start {
            space = Some((at, at + 1, used));
        }
    }
    rows.push(start..line.end);
}

fn push_visibly(c: char, shown: &mut String) {
    match c {
        // Unicode has pictures of these.
        '\0'..='\x1f' => shown.push(char::from_u32(0x2400 + u32::from(c)).expect("a picture")),
        '\x7f' => shown.push('␡'),
        _ if is_hidden(c) => {
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
        }
        _ => shown.push(c),
    }
}

/// Whether nobody would see it, or it would change how its neighbours are seen.
fn is_hidden(c: char) -> bool {
    let takes_no_room = c.width().unwrap_or(0) == 0;
    c.is_control()
        || takes_no_room
        || matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0e}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{10ffff}')
}

/// Whether it belongs to the character before it, as an accent does.
fn is_mark(c: char) -> bool {
    c == '\u{fe0f}' || c.width() == Some(0) && !is_format(c) && !c.is_control()
}

/// Invisible, and no mark on anything.
const fn is_format(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0e}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{10ffff}')
}

/// What makes one character of two, where there are two: in emoji and in some scripts.
const fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

/// The colour of the skin of the one before.
const fn is_tone(c: char) -> bool {
    matches!(c, '\u{1f3fb}'..='\u{1f3ff}')
}

fn is_joined(c: char) -> bool {
    !c.is_ascii() && !is_joiner(c) && (c == '\u{fe0f}' || !is_format(c)) && !c.is_control()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown() {
        for (hostile, shown) in [
            ("plain", "plain"),
            ("\x1b[2Jgone", "␛[2Jgone"),
            ("\x1b]0;title\x07", "␛]0;title␇"),
            ("\u{9b}31mred", "\\u{9b}31mred"),
            ("a\u{202e}b", "a\\u{202e}b"),
            ("pay\u{200b}pal", "pay\\u{200b}pal"),
            ("a\u{200d}b", "a\\u{200d}b"),
            ("one\r\ntwo\rthree", "one\ntwo␍three"),
            ("a\tb\x7f", "a b␡"),
            ("\u{2028}", "\\u{2028}"),
            ("\u{feff}\u{e0041}", "\\u{feff}\\u{e0041}"),
        ] {
            assert_eq!(harmless(hostile), shown);
        }
    }

    #[test]
    fn what_people_write_stays_as_it_is() {
        for text in [
            "Grüße, 世界",
            "e\u{301}",
            "👩\u{200d}🚀 ❤\u{fe0f}",
            "नमस\u{94d}त\u{947}",
            "می\u{200c}خواهم",
            "שלום",
            "สวัสดี",
        ] {
            assert_eq!(harmless(text), text);
        }
        let heap = format!("e{}!", "\u{301}".repeat(50));
        assert_eq!(harmless(&heap), format!("e{}!", "\u{301}".repeat(MARKS_MAX)));
    }

    #[test]
    fn a_chain_of_joined_characters_has_an_end() {
        let chain = vec!["👩🏽"; 100].join("\u{200d}");
        let shown = harmless(&chain);
        assert_eq!(shown.matches("\\u{200d}").count(), 99 / (JOINERS_MAX + 1));
        assert!(
            shown.graphemes(true).all(|cluster| cluster.chars().count() <= 3 * (JOINERS_MAX + 1)),
            "{shown}"
        );
        let persian = "می\u{200c}خواهم ".repeat(20);
        assert_eq!(harmless(&persian), persian, "those of words apart do not add up");
    }

    #[test]
    fn blank_lines_are_few() {
        assert_eq!(squeeze("a\n\n \n\nb\n\nc\n\n".into()), "a\n\nb\n\nc");
        assert_eq!(squeeze(format!("x{}y", "\n".repeat(4_000)).into()), "x\n\ny");
    }

    #[test]
    fn what_is_huge_is_cut() {
        assert!(harmless(&"x".repeat(1 << 20)).len() <= SHOWN_BYTES_MAX + ELLIPSIS.len_utf8());
        assert_eq!(cut("one\ntwo", 20), "one ⏎ two");
        assert_eq!(cut("one two", 4), "one…");
        assert_eq!(cut("世界世界", 4), "世…");
        assert_eq!(cut("anything", 0), "");
    }

    #[test]
    fn rows_break_at_spaces_if_there_are_any() {
        let broken = |text: &'static str, width| -> Vec<&str> {
            rows(text, width).into_iter().map(|row| &text[row]).collect()
        };
        assert_eq!(broken("one two three", 8), ["one two", "three"]);
        assert_eq!(broken("one two three", 3), ["one", "two", "thr", "ee"]);
        assert_eq!(broken("a\n\nb", 8), ["a", "", "b"]);
        assert_eq!(broken("", 8), [""]);
        assert_eq!(broken("世界世", 5), ["世界", "世"]);
        assert_eq!(broken("ab cdefgh", 4), ["ab", "cdef", "gh"]);
    }

    /// Any text, most of it hostile.
    fn hostile() -> impl Strategy<Value = String> {
        let character = prop_oneof![
            any::<char>(),
            Just('\x1b'),
            Just('\n'),
            Just(' '),
            Just('a'),
            Just('世'),
            (0x80u32..0xa0).prop_map(|c| char::from_u32(c).unwrap()),
            (0x2000u32..0x2070).prop_map(|c| char::from_u32(c).unwrap()),
            (0x300u32..0x310).prop_map(|c| char::from_u32(c).unwrap()),
        ];
        prop::collection::vec(character, 0..60).prop_map(|text| text.into_iter().collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_096))]

        #[test]
        fn no_control_gets_out(text in hostile(), width in 0usize..30) {
            let shown = harmless(&text);
            prop_assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{shown:?}");
            let bidi = |c| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            prop_assert!(!shown.chars().any(bidi), "{shown:?}");
            prop_assert!(!on_one_line(&text).contains('\n'));
            prop_assert!(super::width(&cut(&text, width)) <= width);
        }

        #[test]
        fn what_is_typed_is_obeyed_by_no_terminal(text in hostile()) {
            let shown = in_place(&text);
            let bidi = |c| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            prop_assert!(!shown.chars().any(|c| bidi(c) || c.is_control() && !matches!(c, '\n' | '\t')), "{shown:?}");
            let columns = |text: &str| -> usize { text.graphemes(true).filter(|c| *c != "\n").map(str::width).sum() };
            prop_assert_eq!(columns(&shown), columns(&text), "{:?}", shown);
        }

        #[test]
        fn rows_fit_and_hold_everything_but_white_space(text in hostile(), width in 2usize..30) {
            let shown = harmless(&text);
            let rows = rows(&shown, width);
            let visible = |text: &str| text.replace([' ', '\n'], "");
            for row in &rows {
                let one_cluster = shown[row.clone()].graphemes(true).count() == 1;
                prop_assert!(super::width(&shown[row.clone()]) <= width || one_cluster);
            }
            let held: String = rows.into_iter().map(|row| visible(&shown[row])).collect();
            prop_assert_eq!(held, visible(&shown));
        }
    }
}
