//! The scenario language, summaries, searches and predictions: their schemas are what the types say, and every example of `docs/scenarios.md` runs.

use std::{fs, path::Path, thread::available_parallelism, time::Duration};

use chinwag_scenarios::{Overrides, Plan, Scenario, schema, shipped};
use chinwag_sim::predict::{Network, predict};
use futures_util::{StreamExt as _, stream};
use serde_json::Value;

use crate::{asyncapi::conforms, kit::Process};

const DOCUMENT: &str = include_str!("../docs/scenarios.md");
const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/scenario.schema.json");
const SUMMARY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/summary.schema.json");
const PREDICTION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/prediction.schema.json");
const FIND_LIMIT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/find-limit.schema.json");
/// Set in the environment, it has the files written anew.
const WRITE: &str = "WRITE_SCHEMAS";

/// The blocks of TOML in the document.
fn examples() -> Vec<&'static str> {
    let blocks = DOCUMENT.split("\n```toml\n").skip(1);
    blocks.map(|block| block.split("\n```").next().expect("a block has an end")).collect()
}

fn read(path: impl AsRef<Path>) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Whether a committed file is what is generated; written anew if that is wanted.
fn is_current(path: &str, schema: &impl serde::Serialize) -> bool {
    let generated = serde_json::to_string_pretty(schema).unwrap() + "\n";
    if std::env::var_os(WRITE).is_some() {
        fs::write(path, &generated).unwrap();
    }
    fs::read_to_string(path).is_ok_and(|committed| committed == generated)
}

#[test]
fn the_committed_schemas_are_the_generated_ones() {
    let hint = format!("{WRITE}=1 cargo test -p chinwag-tests scenarios");
    for (path, schema) in [
        (COMMITTED, schema::of_files()),
        (SUMMARY, chinwag_loadgen::summary_schema()),
        (FIND_LIMIT, chinwag_loadgen::find_limit_schema()),
        (PREDICTION, chinwag_sim::predict::schema()),
    ] {
        assert!(is_current(path, &schema), "{path} is out of date: {hint}");
    }
}

#[test]
fn what_is_shipped_and_shown_conforms_to_the_schema_and_mistakes_do_not() {
    let schema = read(COMMITTED);
    let fits = |text: &str| {
        let value: Value = toml::from_str(text).unwrap();
        conforms(&schema, &schema, &value)
    };
    for text in shipped().iter().map(|file| file.text).chain(examples()) {
        assert_eq!(fits(text), Ok(()), "{text}");
    }
    let good = examples()[0];
    for (part, by) in [
        ("clients = 20", "cleints = 20"),
        ("\"typing\"", "\"tpying\""),
        ("\"ramping-arrival-rate\"", "\"externally-controlled\""),
        ("duration = \"1s\", target = 20 },\n    {", "duration = \"1 moon\", target = 20 },\n    {"),
        ("{ median = 120, p99 = 600 }", "{ median = 120, p99 = \"much\" }"),
        ("e2e_latency = [\"p(99)<1s\"]", "e2e_latency = [{ abort_on_fail = true }]"),
    ] {
        assert!(good.contains(part), "{part}");
        assert!(fits(&good.replace(part, by)).is_err(), "{by}");
    }
}

#[test]
fn a_prediction_conforms_to_its_schema_and_another_thing_does_not() {
    let scenario = Scenario::parse("docs/scenarios.md", examples()[0]).unwrap();
    let plan = Plan::new(&scenario, Overrides::default()).unwrap();
    let network = Network {
        latency: Duration::from_millis(1),
        jitter: Duration::ZERO,
        rate: 1_000_000,
        interval: Duration::from_secs(1),
    };
    let prediction = predict(&scenario, plan, &scenario.server, network);
    let (schema, mut json) = (read(PREDICTION), serde_json::to_value(prediction).unwrap());
    assert_eq!(conforms(&schema, &schema, &json), Ok(()));
    json["intervals"][0]["connected"] = "all".into();
    assert!(conforms(&schema, &schema, &json).is_err());
}

#[tokio::test]
async fn what_a_search_prints_conforms_to_its_schema() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("short.toml");
    let short = r#"
        run = { name = "short", seed = 1, clients = 2 }
        rooms = { size = 2 }
        scenario = [{ name = "a", executor = "per-vu-iterations", stages = [{ name = "a", duration = "200ms", judged = false }] }]
    "#;
    fs::write(&path, short).unwrap();
    let args = ["find-limit", "--scenario", path.to_str().unwrap(), "--from", "1", "--to", "1", "--json"];
    let ended = Process::run("loadgen", &args).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let (schema, mut found): (_, Value) = (read(FIND_LIMIT), serde_json::from_str(&ended.stdout).unwrap());
    assert_eq!(conforms(&schema, &schema, &found), Ok(()));
    found["steps"][0].as_object_mut().unwrap().remove("verdict").unwrap();
    assert!(conforms(&schema, &schema, &found).is_err());
}

#[tokio::test]
async fn every_example_of_the_documentation_runs() {
    let directory = tempfile::tempdir().unwrap();
    let examples = examples();
    assert!(examples.len() >= 7);
    let runs = examples.into_iter().enumerate().map(|(i, text)| {
        let path = directory.path().join(format!("{i}.toml"));
        async move {
            fs::write(&path, text).unwrap();
            let out = path.with_extension("out");
            let args = ["--scenario", path.to_str().unwrap(), "--out", out.to_str().unwrap()];
            let ended = Process::run("loadgen", &args).await;
            // How exactly the generator keeps to its plan is not judged: other tests run beside this one.
            assert!(matches!(ended.code, Some(0 | 96)), "{text}\n{ended:?}");
            let (schema, summary) = (read(SUMMARY), read(out.join("summary.json")));
            assert_eq!(conforms(&schema, &schema, &summary), Ok(()));
        }
    });
    let at_once = available_parallelism().map_or(1, usize::from);
    stream::iter(runs).buffer_unordered(at_once).collect::<Vec<()>>().await;
}
