//! The search for the largest load that holds: doubled until one does not, and then halved between the two.

/// A search that is going on. Loads are multiples of what the scenario says.
///
/// It takes for granted that what holds under a load holds under every smaller one.
#[derive(Clone, Debug)]
pub(crate) struct Search {
    from: f64,
    to: f64,
    halvings: u32,
    held: Option<f64>,
    broke: Option<f64>,
}

impl Search {
    /// A search from one load up to another, above 0 and in order, with so many halvings at the end: each makes what is
    /// unknown half as large.
    pub(crate) const fn new(from: f64, to: f64, halvings: u32) -> Self {
        Self { from, to, halvings, held: None, broke: None }
    }

    /// The load to try next; `None` when all is known that was asked for.
    pub(crate) fn next(&self) -> Option<f64> {
        match (self.held, self.broke) {
            (None, None) => Some(self.from),
            (None, Some(_)) => None,
            (Some(held), None) => (held < self.to).then(|| (held * 2.0).min(self.to)),
            (Some(held), Some(broke)) => (self.halvings > 0).then_some(f64::midpoint(held, broke)),
        }
    }

    /// What came of the load that was to be tried next.
    pub(crate) fn tell(&mut self, load: f64, holds: bool) {
        if self.held.is_some() && self.broke.is_some() {
            self.halvings -= 1;
        }
        let bound = if holds { &mut self.held } else { &mut self.broke };
        *bound = Some(load);
    }

    /// The largest load that held.
    pub(crate) const fn held(&self) -> Option<f64> {
        self.held
    }

    /// The smallest load that did not hold.
    pub(crate) const fn broke(&self) -> Option<f64> {
        self.broke
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Lets a server that bears so much be searched; every load that was tried.
    fn drive(search: &mut Search, limit: f64) -> Vec<f64> {
        let mut tried = Vec::new();
        while let Some(load) = search.next() {
            tried.push(load);
            search.tell(load, load <= limit);
        }
        tried
    }

    #[test]
    fn loads_are_doubled_and_then_halved_between() {
        let mut search = Search::new(0.5, 16.0, 3);
        assert_eq!(drive(&mut search, 5.1), [0.5, 1.0, 2.0, 4.0, 8.0, 6.0, 5.0, 5.5]);
        assert_eq!((search.held(), search.broke()), (Some(5.0), Some(5.5)));
        let mut search = Search::new(1.0, 3.0, 3);
        assert_eq!(drive(&mut search, 9.0), [1.0, 2.0, 3.0]);
        assert_eq!(drive(&mut Search::new(1.0, 3.0, 3), 0.5), [1.0]);
    }

    proptest! {
        #[test]
        fn the_limit_is_found_as_exactly_as_was_asked_for(
            from in 0.01..10.0_f64,
            range in 1.0..1_000.0_f64,
            limit in 0.001..20_000.0_f64,
            halvings in 0..12_u32,
        ) {
            let to = from * range;
            let mut search = Search::new(from, to, halvings);
            let tried = drive(&mut search, limit);
            prop_assert!(tried.iter().all(|load| (from..=to).contains(load)));
            prop_assert!(tried.len() as f64 <= range.log2().ceil() + 2.0 + f64::from(halvings));
            match (search.held(), search.broke()) {
                (None, broke) => {
                    prop_assert!(limit < from);
                    prop_assert_eq!(broke, Some(from));
                }
                (Some(held), None) => prop_assert!(held == to && to <= limit),
                (Some(held), Some(broke)) => {
                    prop_assert!(held <= limit && limit < broke);
                    // The gap was at most as large as the load before it, and was halved so often.
                    let gap = held / f64::from(1_u32 << halvings);
                    prop_assert!(broke - held <= gap * (1.0 + 1e-9), "{held} to {broke}");
                }
            }
        }
    }
}
