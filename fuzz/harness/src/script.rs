//! Any bytes as a script: lines, each a text frame or something else that happens.
//!
//! A line that begins with `@` and one of these words is no frame; every other line is. A line that begins with a tab
//! goes on with the frame before it.
//!
//! | line | what happens |
//! |---|---|
//! | `@keys` | before everything else: tokens are verified |
//! | `@tokens` | …and nobody speaks without one |
//! | `@strict` | …: refusals end connections where they can |
//! | `@root` | …: addresses name no dialect; first frames tell |
//! | `@as N` | from here on connection N, 0 to 3, does what follows; it is opened if it is not |
//! | `@wait N` | N milliseconds pass, two minutes at most |
//! | `@stall`, `@read` | the connection takes nothing, or takes what waits |
//! | `@cut` | its transport is gone |
//! | `@ping`, `@pong`, `@binary N`, `@close N` | a frame that is not text |
//! | `@huge`, `@broken`, `@garbled` | bytes that are no acceptable frame |
//! | `@secret` | the watchers' rooms are told a secret |

use std::{
    borrow::Cow,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    time::Duration,
};

use chinwag_core::gateway::Fault;

/// Lines that say how the node is set.
const SETTINGS: [&str; 4] = ["@keys", "@tokens", "@strict", "@root"];
/// Most steps that are played.
const STEPS_MAX: usize = 64;
/// Longest time that passes in one step.
const WAIT_MAX: Duration = Duration::from_secs(120);

/// Something that happens.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Step<'a> {
    Text(Cow<'a, str>),
    Binary(usize),
    Ping,
    Pong,
    Close(Option<u16>),
    Fault(Fault),
    Cut,
    Stall,
    Read,
    As(usize),
    Wait(Duration),
    Secret,
}

/// What is played, and how the node is set.
#[derive(Debug)]
pub(crate) struct Script<'a> {
    text: Cow<'a, str>,
    pub(crate) keys: bool,
    pub(crate) tokens: bool,
    pub(crate) strict: bool,
    pub(crate) root: bool,
}

impl<'a> Script<'a> {
    pub(crate) fn read(bytes: &'a [u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let first = |word| text.lines().take(SETTINGS.len()).any(|line| line == word);
        let [keys, tokens, strict, root] = SETTINGS.map(first);
        Self { text, keys: keys || tokens, tokens, strict, root }
    }

    /// Another one with every script.
    pub(crate) fn hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.text.hash(&mut hasher);
        hasher.finish()
    }

    pub(crate) fn steps(&self) -> Vec<Step<'_>> {
        let mut steps: Vec<Step<'_>> = Vec::new();
        for line in self.text.split('\n') {
            if let (Some(more), Some(Step::Text(text))) = (line.strip_prefix('\t'), steps.last_mut()) {
                *text = format!("{text}\n{more}").into();
            } else if steps.len() == STEPS_MAX {
                break;
            } else if !line.is_empty() && !SETTINGS.contains(&line) {
                steps.push(step(line));
            }
        }
        steps
    }
}

fn step(line: &str) -> Step<'_> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let number = || rest.parse::<u32>().unwrap_or_default();
    match word {
        "@as" => Step::As(number() as usize),
        "@wait" => Step::Wait(Duration::from_millis(number().into()).min(WAIT_MAX)),
        "@stall" => Step::Stall,
        "@read" => Step::Read,
        "@cut" => Step::Cut,
        "@ping" => Step::Ping,
        "@pong" => Step::Pong,
        "@binary" => Step::Binary(number() as usize),
        "@close" => Step::Close(rest.parse().ok().map(as_parsed)),
        "@huge" => Step::Fault(Fault::TooBig),
        "@broken" => Step::Fault(Fault::Protocol),
        "@garbled" => Step::Fault(Fault::InvalidText),
        "@secret" => Step::Secret,
        _ => Step::Text(line.into()),
    }
}

/// A close code as a server's parser hands it on: one that may not be on the wire is a mistake of protocol.
const fn as_parsed(code: u16) -> u16 {
    match code {
        1000..=1003 | 1007..=1013 | 3000..=4999 => code,
        _ => 1002,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_frames_and_some_are_not() {
        let script = Script::read(b"@keys\n{}\n\tmore\n\n@wait 5\n@ann, hello\n@close\xff");
        assert!(script.keys && !script.tokens && !script.strict && !script.root);
        let text = |text: &'static str| Step::Text(text.into());
        let wait = Step::Wait(Duration::from_millis(5));
        assert_eq!(script.steps(), [text("{}\nmore"), wait, text("@ann, hello"), text("@close\u{fffd}")]);
    }
}
