//! What once went wrong, for ever again: every scenario of the corpus is clean.

use std::{fs, path::PathBuf};

use chinwag_sim::{file::ScenarioFile, trace::Trace, try_run};

#[test]
fn what_was_mended_stays_mended() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let entries = fs::read_dir(&folder).expect("the corpus is there");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("readable").path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "the corpus is empty");
    for path in paths {
        let name = path.display();
        let file = ScenarioFile::read(&path).unwrap_or_else(|error| panic!("{error:#}"));
        assert!(!file.comments.is_empty(), "{name} does not say what it once found");
        let outcome = try_run(&file.scenario, &mut Trace::new());
        assert!(outcome.events > 0, "nothing happens in {name}");
        let failures: Vec<String> = outcome.failures.iter().map(ToString::to_string).collect();
        assert!(
            outcome.is_clean(),
            "{name}: {}\nreplay: sim replay {name} --trace text",
            failures.join("\n")
        );
    }
}
