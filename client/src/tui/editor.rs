//! The line that is being typed: a text, a cursor, and the lines that were typed before.

use std::{collections::VecDeque, ops::Range};

use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation as _};

/// Lines that can be fetched back.
const REMEMBERED_MAX: usize = 200;

/// The longest line, in bytes: what is pasted beyond is left out. Far above what any server takes.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// See the [module](self).
#[derive(Clone, Debug, Default)]
pub struct Editor {
    text: String,
    /// In bytes, where a character begins or the text ends.
    cursor: usize,
    /// Oldest first.
    remembered: VecDeque<String>,
    /// Which of them is shown, counted from the newest, and what was typed before it was fetched.
    fetched: Option<(usize, String)>,
}

impl Editor {
    /// What is typed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where the cursor is, in bytes.
    #[must_use]
    pub const fn cursor(&self) -> usize {
        self.cursor
    }

    /// Whether nothing is typed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Types something at the cursor.
    pub fn insert(&mut self, text: &str) {
        self.replace(self.cursor..self.cursor, text);
    }

    /// Puts something in the place of a part of the text; the cursor is behind it then.
    pub fn replace(&mut self, part: Range<usize>, text: &str) {
        let room = LINE_BYTES_MAX.saturating_sub(self.text.len() - part.len());
        let text = &text[..floor(text, room)];
        self.text.replace_range(part.clone(), text);
        // What was typed may have joined the character behind it.
        self.cursor = ceil(&self.text, part.start + text.len());
    }

    /// Takes the line, and remembers it.
    pub fn take(&mut self) -> String {
        let line = std::mem::take(&mut self.text);
        (self.cursor, self.fetched) = (0, None);
        if !line.trim().is_empty() && self.remembered.back() != Some(&line) {
            self.remembered.push_back(line.clone());
            if self.remembered.len() > REMEMBERED_MAX {
                self.remembered.pop_front();
            }
        }
        line
    }

    /// Drops the line.
    pub fn clear(&mut self) {
        self.text.clear();
        (self.cursor, self.fetched) = (0, None);
    }

    /// Deletes the character before the cursor.
    pub fn backspace(&mut self) {
        self.delete(self.left_of(self.cursor)..self.cursor);
    }

    /// Deletes the character at the cursor.
    pub fn delete_forward(&mut self) {
        self.delete(self.cursor..self.right_of(self.cursor));
    }

    /// Deletes the word before the cursor.
    pub fn delete_word(&mut self) {
        self.delete(self.word_left()..self.cursor);
    }

    /// Deletes everything before the cursor.
    pub fn delete_to_start(&mut self) {
        self.delete(0..self.cursor);
    }

    /// Deletes everything from the cursor on.
    pub fn delete_to_end(&mut self) {
        self.delete(self.cursor..self.text.len());
    }

    /// Moves by a character.
    pub fn left(&mut self) {
        self.cursor = self.left_of(self.cursor);
    }

    /// Moves by a character.
    pub fn right(&mut self) {
        self.cursor = self.right_of(self.cursor);
    }

    /// Moves to the beginning of a word.
    pub fn left_by_word(&mut self) {
        self.cursor = self.word_left();
    }

    /// Moves behind a word.
    pub fn right_by_word(&mut self) {
        let behind = &self.text[self.cursor..];
        let word = behind.find(|c: char| !c.is_whitespace()).unwrap_or(behind.len());
        let end = behind[word..].find(char::is_whitespace).unwrap_or(behind.len() - word);
        self.cursor += word + end;
    }

    /// Moves to the beginning.
    pub const fn home(&mut self) {
        self.cursor = 0;
    }

    /// Moves to the end.
    pub const fn end(&mut self) {
        self.cursor = self.text.len();
    }

    /// Fetches the line that was typed before the one that is shown.
    pub fn earlier(&mut self) {
        let next = self.fetched.as_ref().map_or(0, |(nth, _)| nth + 1);
        if next < self.remembered.len() {
            let typed = self.fetched.take().map_or_else(|| self.text.clone(), |(_, typed)| typed);
            self.show(next, typed);
        }
    }

    /// Goes back towards what was being typed.
    pub fn later(&mut self) {
        match self.fetched.take() {
            Some((0, typed)) => {
                self.cursor = typed.len();
                self.text = typed;
            }
            Some((nth, typed)) => self.show(nth - 1, typed),
            None => {}
        }
    }

    fn show(&mut self, nth: usize, typed: String) {
        self.text.clone_from(&self.remembered[self.remembered.len() - 1 - nth]);
        self.cursor = self.text.len();
        self.fetched = Some((nth, typed));
    }

    fn delete(&mut self, part: Range<usize>) {
        let start = part.start;
        self.text.replace_range(part, "");
        // What was apart may be one character now.
        self.cursor = ceil(&self.text, start);
    }

    fn left_of(&self, at: usize) -> usize {
        self.text[..at].grapheme_indices(true).next_back().map_or(0, |(start, _)| start)
    }

    fn right_of(&self, at: usize) -> usize {
        self.text[at..].graphemes(true).next().map_or(at, |character| at + character.len())
    }

    fn word_left(&self) -> usize {
        let before = self.text[..self.cursor].trim_end();
        before.rfind(char::is_whitespace).map_or(0, |at| self.right_of(at))
    }
}

/// The end of the last character that ends by then.
fn floor(text: &str, max: usize) -> usize {
    if text.len() <= max {
        return text.len();
    }
    text.grapheme_indices(true).map(|(at, _)| at).take_while(|at| *at <= max).last().unwrap_or(0)
}

/// The next place between two characters.
fn ceil(text: &str, at: usize) -> usize {
    let mut cursor = GraphemeCursor::new(at, text.len(), true);
    match cursor.is_boundary(text, 0) {
        Ok(false) => cursor.next_boundary(text, 0).ok().flatten().unwrap_or(text.len()),
        _ => at,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn typed(text: &str) -> Editor {
        let mut editor = Editor::default();
        editor.insert(text);
        editor
    }

    #[test]
    fn characters_are_whole() {
        let mut editor = typed("a👩\u{200d}🚀e\u{301}");
        editor.backspace();
        assert_eq!(editor.text(), "a👩\u{200d}🚀");
        editor.left();
        editor.insert("-");
        editor.delete_forward();
        assert_eq!((editor.text(), editor.cursor()), ("a-", 2));
    }

    #[test]
    fn words_are_moved_over_and_deleted() {
        let mut editor = typed("one two  three");
        editor.delete_word();
        assert_eq!(editor.text(), "one two  ");
        editor.delete_word();
        editor.left_by_word();
        assert_eq!(editor.cursor(), 0);
        editor.right_by_word();
        assert_eq!((editor.text(), editor.cursor()), ("one ", 3));
        editor.delete_to_end();
        editor.delete_to_start();
        assert!(editor.is_empty());
    }

    #[test]
    fn lines_are_fetched_back_and_what_was_being_typed_is_not_lost() {
        let mut editor = Editor::default();
        for line in ["one", "two", "two", " "] {
            editor.insert(line);
            assert_eq!(editor.take(), line);
        }
        editor.insert("new");
        for shown in ["two", "one", "one"] {
            editor.earlier();
            assert_eq!(editor.text(), shown);
        }
        for shown in ["two", "new", "new"] {
            editor.later();
            assert_eq!(editor.text(), shown);
        }
    }

    #[test]
    fn what_is_pasted_is_bounded() {
        let mut editor = typed(&"ü".repeat(LINE_BYTES_MAX));
        assert!(editor.text().len() <= LINE_BYTES_MAX);
        editor.insert("more");
        assert!(editor.text().len() <= LINE_BYTES_MAX);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_024))]

        #[test]
        fn the_cursor_never_stands_inside_a_character(steps in prop::collection::vec((0u8..14, "\\PC{0,3}"), 0..40)) {
            let mut editor = Editor::default();
            for (step, text) in steps {
                match step {
                    0..=3 => editor.insert(&text),
                    4 => editor.backspace(),
                    5 => editor.delete_forward(),
                    6 => editor.delete_word(),
                    7 => editor.left(),
                    8 => editor.right(),
                    9 => editor.left_by_word(),
                    10 => editor.right_by_word(),
                    11 => editor.home(),
                    12 => editor.earlier(),
                    _ => drop(editor.take()),
                }
                let places = editor.text().grapheme_indices(true).map(|(at, _)| at);
                let cursor = editor.cursor();
                prop_assert!(places.chain([editor.text().len()]).any(|at| at == cursor), "{editor:?}");
            }
        }
    }
}
