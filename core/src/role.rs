//! Who may do what: one table (S3.23, S4.2).

use serde::{Deserialize, Serialize};

/// What a user is to the server. Without tokens everybody is a member.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// May do everything, everywhere.
    Admin,
    /// A person.
    #[default]
    Member,
    /// A program that takes part.
    Bot,
    /// Somebody passing by.
    Guest,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Admin, Self::Member, Self::Bot, Self::Guest];

    /// The word in tokens and on the wire.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Member => "member",
            Self::Bot => "bot",
            Self::Guest => "guest",
        }
    }

    /// The role of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }
}

/// What somebody may want to do in a room.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Act {
    /// Make it.
    Create,
    /// Send somebody away, and let somebody in.
    Kick,
    /// Start its bot.
    Start,
    /// Stop its bot.
    Stop,
    /// Make a task, give it to somebody, or change it.
    Assign,
    /// Say something.
    Speak,
    /// Say something in the system's name.
    Announce,
    /// Say what an agent says, where it is known who is one.
    Answer,
}

/// Whether a user of this role, perhaps the room's owner, may do this. What is said here holds in rooms that they are in.
/// Into a private one come those only whom it lets in, and no guests; whoever is in a room reads it, so that reading is no
/// act. A role is looked at at the door: who becomes a guest inside stays until they go or are sent away.
#[must_use]
pub const fn may(role: Role, is_owner: bool, act: Act) -> bool {
    match act {
        Act::Speak => true,
        Act::Assign => is_owner || matches!(role, Role::Admin | Role::Member | Role::Bot),
        Act::Create => matches!(role, Role::Admin | Role::Member),
        Act::Kick | Act::Start | Act::Stop => is_owner || matches!(role, Role::Admin),
        Act::Announce | Act::Answer => matches!(role, Role::Admin | Role::Bot),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_who_may_do_what() {
        let acts = [
            Act::Create,
            Act::Kick,
            Act::Start,
            Act::Stop,
            Act::Assign,
            Act::Speak,
            Act::Announce,
            Act::Answer,
        ];
        let row = |role, owner| acts.map(|act| if may(role, owner, act) { 'x' } else { '-' });
        let text = |role, owner| row(role, owner).into_iter().collect::<String>();
        assert_eq!(text(Role::Admin, false), "xxxxxxxx");
        assert_eq!(text(Role::Member, true), "xxxxxx--");
        assert_eq!(text(Role::Member, false), "x---xx--");
        assert_eq!(text(Role::Bot, false), "----xxxx");
        assert_eq!(text(Role::Guest, false), "-----x--");
    }

    #[test]
    fn a_word_leads_back_to_its_role() {
        for role in Role::ALL {
            assert_eq!(Role::from_word(role.word()), Some(role));
        }
        assert_eq!(Role::from_word("Admin"), None);
    }
}
