//! Counts by name, for counting after every event.

use std::collections::BTreeMap;

/// Counts by name. What is counted most comes first, as a rule, and is found at once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    counts: Vec<(&'static str, u64)>,
}

impl Tally {
    /// Counts so many of something.
    pub(crate) fn add(&mut self, name: &'static str, count: u64) {
        // Names are constants: most are known by where they are.
        let known = self.counts.iter_mut().find(|(its, _)| std::ptr::eq(*its, name));
        match known {
            Some((_, sum)) => *sum += count,
            None => self.counts.push((name, count)),
        }
    }

    /// All counts.
    pub(crate) fn by_name(&self) -> BTreeMap<&'static str, u64> {
        let mut sums = BTreeMap::new();
        for &(name, count) in &self.counts {
            *sums.entry(name).or_default() += count;
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_counted_wherever_they_are() {
        let mut tally = Tally::default();
        for name in ["order", "bounds", "order"] {
            tally.add(name, 2);
        }
        let elsewhere: &'static str = Box::leak("order".to_owned().into_boxed_str());
        tally.add(elsewhere, 5);
        assert_eq!(tally.by_name(), [("bounds", 2), ("order", 9)].into());
    }
}
