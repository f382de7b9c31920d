//! Times core's hot paths: `cargo bench -p chinwag-benches`, perhaps with a part of their names behind `--`.

use chinwag_benches::{HOT_PATHS, HotPath};
use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default().without_plots().configure_from_args();
    for HotPath { name, prepare } in HOT_PATHS {
        // Only what is asked for is made ready, and only once.
        let mut step = None;
        criterion.bench_function(name, |bencher| bencher.iter(step.get_or_insert_with(prepare)));
    }
    criterion.final_summary();
}
