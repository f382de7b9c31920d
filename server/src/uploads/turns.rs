//! Who uploads or downloads now: so many at once, and so many of one user, who must leave some for others.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chinwag_core::UserName;

/// All turns, on all threads.
#[derive(Debug)]
pub(super) struct Turns {
    most: usize,
    most_of_one: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    /// Of each user who has any.
    users: HashMap<UserName, usize>,
}

/// Why there is no turn now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NoTurn {
    /// The user has as many as one may have.
    User,
    /// All are taken.
    All,
}

/// A turn of a user, for as long as it is held.
#[derive(Debug)]
pub(crate) struct Turn {
    turns: Arc<Turns>,
    user: UserName,
}

impl Turns {
    pub(super) fn new(most: usize, most_of_one: usize) -> Arc<Self> {
        Arc::new(Self { most, most_of_one, taken: Mutex::default() })
    }

    /// Takes one, if there is one now.
    pub(super) fn take(self: &Arc<Self>, user: UserName) -> Result<Turn, NoTurn> {
        let mut taken = self.taken();
        if taken.users.get(&user).is_some_and(|&of_user| of_user >= self.most_of_one) {
            return Err(NoTurn::User);
        }
        if taken.all >= self.most {
            return Err(NoTurn::All);
        }
        taken.all += 1;
        *taken.users.entry(user.clone()).or_default() += 1;
        Ok(Turn { turns: Arc::clone(self), user })
    }

    /// How many are held.
    pub(super) fn count(&self) -> usize {
        self.taken().all
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut taken = self.turns.taken();
        taken.all -= 1;
        let of_user = taken.users.get_mut(&self.user).expect("it was counted");
        *of_user -= 1;
        if *of_user == 0 {
            taken.users.remove(&self.user);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_has_more_than_their_share_and_all_have_no_more_than_there_are() {
        let turns = Turns::new(3, 2);
        let take = |user: &str| turns.take(UserName::new(user).unwrap());
        let held = [take("ann").unwrap(), take("ann").unwrap()];
        assert_eq!(take("ann").unwrap_err(), NoTurn::User);
        let last = take("bob").unwrap();
        assert_eq!(take("cid").unwrap_err(), NoTurn::All);
        drop(last);
        assert_eq!((turns.count(), take("cid").is_ok()), (2, true));
        drop(held);
        assert_eq!(turns.count(), 0);
        assert!(turns.taken().users.is_empty(), "who has none is forgotten");
    }
}
