//! The same scenario with more or less load.

use crate::scenario::{Load, Scenario};

impl Scenario {
    /// The same with its rates and numbers of iterations multiplied; these are rounded, and at least 1. The number of
    /// clients stays, and so do those that loop: they are as fast as the server lets them be.
    ///
    /// `factor` is above 0.
    #[must_use]
    pub fn scaled(mut self, factor: f64) -> Self {
        for stage in self.groups.iter_mut().flat_map(|group| &mut group.stages) {
            stage.load = stage.load.scaled(factor);
        }
        self
    }

    /// Whether [`Scenario::scaled`] makes a difference.
    #[must_use]
    pub fn is_scalable(&self) -> bool {
        let mut stages = self.groups.iter().flat_map(|group| &group.stages);
        stages.any(|stage| !matches!(stage.load, Load::Silent | Load::Looping { .. }))
    }
}

impl Load {
    fn scaled(self, factor: f64) -> Self {
        match self {
            Self::Silent | Self::Looping { .. } => self,
            Self::Rate { from, to, arrivals } => {
                Self::Rate { from: from * factor, to: to * factor, arrivals }
            }
            Self::PerClient { iterations, arrivals } => {
                Self::PerClient { iterations: times(iterations, factor), arrivals }
            }
            Self::PerRoom { iterations, arrivals } => {
                Self::PerRoom { iterations: times(iterations, factor), arrivals }
            }
            Self::Shared { iterations, arrivals } => {
                Self::Shared { iterations: times(iterations, factor), arrivals }
            }
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "what is too large is the largest, and no plan has room for it"
)]
fn times(iterations: u32, factor: f64) -> u32 {
    ((f64::from(iterations) * factor).round() as u32).max(1)
}

#[cfg(test)]
mod tests {
    use crate::{Arrivals, Overrides, Plan, shipped};

    use super::*;

    fn scenario(name: &str) -> Scenario {
        let file = shipped().iter().find(|file| file.name == name).unwrap();
        Scenario::parse(file.name, file.text).unwrap()
    }

    fn messages(scenario: &Scenario) -> usize {
        Plan::new(scenario, Overrides::default()).unwrap().sends().len()
    }

    #[test]
    fn a_plan_has_so_many_times_the_messages_of_as_many_clients() {
        let scenario = scenario("steady");
        let (once, twice) = (messages(&scenario), messages(&scenario.clone().scaled(2.0)));
        // Poisson arrivals are as many as they happen to be: 12,000 ± 110.
        assert!((once * 39..once * 41).contains(&(twice * 20)), "{once} and {twice}");
        assert_eq!(scenario.clone().scaled(2.0).run, scenario.run);
        assert_eq!(scenario.clone().scaled(1.0), scenario);
    }

    #[test]
    fn iterations_are_whole_and_what_loops_stays() {
        let arrivals = Arrivals::Uniform;
        let shared = |iterations| Load::Shared { iterations, arrivals };
        for (factor, iterations) in [(1.5, 15), (0.25, 3), (0.01, 1), (1e12, u32::MAX)] {
            assert_eq!(shared(10).scaled(factor), shared(iterations), "{factor}");
        }
        let looping = Load::Looping { from: Some(3), to: None };
        assert_eq!(looping.scaled(7.0), looping);
    }

    #[test]
    fn what_only_loops_cannot_be_scaled() {
        let mut scenario = scenario("steady");
        assert!(scenario.is_scalable());
        for stage in scenario.groups.iter_mut().flat_map(|group| &mut group.stages) {
            stage.load = Load::Looping { from: None, to: None };
        }
        assert!(!scenario.is_scalable());
    }
}
