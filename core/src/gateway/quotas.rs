//! What users have used of their quotas: once for all their connections to this gateway (S1.46, S4.20).

use std::collections::BTreeMap;

use crate::{
    limiter::{Quota, Used},
    name::UserName,
};

/// Where a user's account is. It stays there as long as the user is connected.
pub(super) type AccountIndex = usize;

/// The users who are connected, and what they have used. Bounded by the connections there may be.
#[derive(Debug, Default)]
pub(super) struct Quotas {
    by_user: BTreeMap<UserName, AccountIndex>,
    accounts: Vec<Account>,
    /// Of accounts that nobody has.
    free: Vec<AccountIndex>,
}

/// One user's.
#[derive(Debug, Default)]
struct Account {
    connections: u32,
    /// One for each quota.
    used: Vec<Used>,
}

impl Quotas {
    /// A connection of the user begins, and brings along what was used elsewhere and before.
    pub(super) fn open(&mut self, user: &UserName, carried: Vec<Used>, quotas: &[Quota]) -> AccountIndex {
        let index = self.by_user.get(user).copied().unwrap_or_else(|| {
            let index = self.free.pop().unwrap_or(self.accounts.len());
            if index == self.accounts.len() {
                self.accounts.push(Account::default());
            }
            self.by_user.insert(user.clone(), index);
            index
        });
        let account = &mut self.accounts[index];
        account.connections += 1;
        Used::gather(&mut account.used, carried);
        account.used.resize_with(quotas.len(), Used::default);
        index
    }

    /// What the user has used, one for each quota.
    pub(super) fn used(&mut self, index: AccountIndex) -> &mut [Used] {
        &mut self.accounts[index].used
    }

    /// One of the user's connections ends, and takes along what was used.
    pub(super) fn close(&mut self, user: &UserName, index: AccountIndex) -> Vec<Used> {
        let account = &mut self.accounts[index];
        account.connections -= 1;
        if account.connections > 0 {
            return account.used.clone();
        }
        self.by_user.remove(user);
        self.free.push(index);
        std::mem::take(account).used
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{limiter::Action, time::Time};

    const QUOTA: Quota = Quota { count: 2, per: Duration::from_secs(3_600), action: Action::Error };
    const NOW: Time = Time(1_795_237_380_000_000);

    fn user(name: &str) -> UserName {
        UserName::new(name).unwrap()
    }

    fn is_used_up(quotas: &mut Quotas, index: AccountIndex) -> bool {
        quotas.used(index)[0].wait(NOW, QUOTA).is_some()
    }

    #[test]
    fn all_connections_of_a_user_have_one_account() {
        let mut quotas = Quotas::default();
        let [ann, tab, bob] =
            ["ann", "ann", "bob"].map(|name| quotas.open(&user(name), Vec::new(), &[QUOTA]));
        for index in [ann, tab] {
            quotas.used(index)[0].admit(NOW, QUOTA);
        }
        assert!(is_used_up(&mut quotas, ann) && is_used_up(&mut quotas, tab));
        assert!(!is_used_up(&mut quotas, bob));
    }

    #[test]
    fn what_one_takes_along_and_brings_back_counts_once() {
        let mut quotas = Quotas::default();
        let [ann, tab] = [(); 2].map(|()| quotas.open(&user("ann"), Vec::new(), &[QUOTA]));
        quotas.used(ann)[0].admit(NOW, QUOTA);
        let carried = quotas.close(&user("ann"), ann);
        let ann = quotas.open(&user("ann"), carried, &[QUOTA]);
        assert!(!is_used_up(&mut quotas, tab), "one message is not two");
        quotas.used(ann)[0].admit(NOW, QUOTA);
        assert!(is_used_up(&mut quotas, tab));
    }

    #[test]
    fn an_account_ends_with_the_last_connection_and_is_used_again() {
        let mut quotas = Quotas::default();
        let [ann, tab] = [(); 2].map(|()| quotas.open(&user("ann"), Vec::new(), &[QUOTA]));
        quotas.used(ann)[0].admit(NOW, QUOTA);
        quotas.close(&user("ann"), tab);
        assert_eq!(quotas.close(&user("ann"), ann).len(), 1);
        let bob = quotas.open(&user("bob"), Vec::new(), &[QUOTA]);
        assert_eq!((bob, quotas.accounts.len(), quotas.by_user.len()), (ann, 1, 1));
        let fresh = Used::default();
        assert_eq!(quotas.used(bob), [fresh]);
    }
}
