//! The command line: what is asked for, and what is said about it.

mod args;

use std::{
    ffi::OsString,
    fs,
    io::{self, Write as _},
    num::NonZero,
    path::{Path, PathBuf},
    process::{self, ExitCode},
    sync::Arc,
    thread,
    time::{SystemTime, UNIX_EPOCH},
};

use chinwag_bots::Segment;
use chinwag_core::{Time, hash};
use chinwag_scenarios::{EventKind, Overrides, Plan, RunId, Scenario, shipped};
use clap::Parser as _;
use tokio::runtime::{Builder, Runtime};

use self::args::{Cli, Command, CompareArgs, FindLimitArgs, MergeArgs, PlanArgs, RunArgs};
use crate::{
    clock::Clock,
    compare::{self, Change, Side},
    conductor::{Ended, Job, conduct},
    exporter,
    find_limit::{self, By, Step},
    interrupts::Interrupts,
    limits, merge,
    output::Output,
    preview, server,
    sources::Sources,
    speech::{self, SpeechArgs},
    targets::Targets,
    text,
};

/// The run could not be made or finished.
const EXIT_BROKEN: u8 = 1;
/// The generator's own limits do not suffice.
const EXIT_INVALID: u8 = 96;
/// A run is worse than another.
const EXIT_WORSE: u8 = 99;
/// A mistake in the command line or the scenario.
const EXIT_USAGE: u8 = 104;
/// The user wanted it to end.
const EXIT_INTERRUPTED: u8 = 105;

/// How much more than the scenario says is to be done, and of what.
#[derive(Clone, Copy, Debug)]
struct Multiple {
    factor: f64,
    by: By,
}

/// Why there was no run: the line that says so, and the exit code.
type Failure = (u8, String);

/// The whole `loadgen` program. `args` are those of a process, its own name first.
///
/// Reads the environment, writes to standard output and error, handles Ctrl-C and starts processes: for a process of
/// its own. To have a server, it starts the present executable again with `chat-server` as first argument; an
/// executable that calls this function with its own arguments works as that server too.
pub fn main_with(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<_> = args.into_iter().collect();
    if let Some(code) = server::run_if_asked(&args) {
        return code;
    }
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(message) => {
            // Help is no error and goes to standard output; a terminal that is gone cannot be told.
            let _ = message.print();
            return ExitCode::from(if message.use_stderr() { EXIT_USAGE } else { 0 });
        }
    };
    let json = cli.run.json;
    let done = match cli.command {
        None => Runner::new()
            .and_then(|runner| run(&runner, &cli.run, None, cli.run.out.as_deref()))
            .map(|ended| report(&ended, json)),
        Some(Command::Check { scenarios }) => check(&scenarios),
        Some(Command::Plan(args)) => preview(&args),
        Some(Command::List) => list(),
        Some(Command::Compare(args)) => compare(&args),
        Some(Command::FindLimit(args)) => find_limit(&args),
        Some(Command::Merge(args)) => merge(&args),
    };
    match done {
        Ok(code) => code,
        Err((code, line)) => {
            let _ = writeln!(io::stderr(), "loadgen: {line}");
            ExitCode::from(code)
        }
    }
}

/// What carries out runs, one after the other.
struct Runner {
    runtime: Runtime,
    interrupts: Arc<Interrupts>,
}

impl Runner {
    fn new() -> Result<Self, Failure> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| (EXIT_BROKEN, format!("cannot make a runtime: {error}")))?;
        let interrupts = Interrupts::listen(&runtime);
        Ok(Self { runtime, interrupts })
    }
}

/// Runs a scenario, or a multiple of it; files go to `out`.
fn run(
    runner: &Runner,
    args: &RunArgs,
    multiple: Option<Multiple>,
    out: Option<&Path>,
) -> Result<Ended, Failure> {
    let (usage, broken) = (|line: String| (EXIT_USAGE, line), |line: String| (EXIT_BROKEN, line));
    let targets = Targets::parse(&args.url, args.deal).map_err(usage)?;
    let path = args.scenario.as_deref().expect("required without a subcommand");
    let (scenario, clients) = scenario_of(args, path, multiple).map_err(usage)?;
    let overrides = Overrides { clients, seed: args.seed, run: run_number(args, targets.is_some()) };
    let plan = plan_of(&scenario, path, overrides)?;
    let speech = args.speech.speech(&scenario, &plan, targets.as_ref().map(Targets::first)).map_err(usage)?;
    let segment = args.segment.unwrap_or(Segment::WHOLE);
    if segment.share(plan.clients()) == 0 {
        return Err(usage(format!("--segment: {segment} of {} clients is nobody", plan.clients())));
    }
    let sources = args.source.clone().unwrap_or_default();
    match &targets {
        Some(targets) => check_targets(targets, &scenario, &plan, path, &sources),
        None => sources.check(&[server::ADDRESS]),
    }
    .map_err(usage)?;
    let servers = targets.as_ref().map_or(1, Targets::count);
    limits::check(segment.sockets(&plan), &sources, servers).map_err(|line| (EXIT_INVALID, line))?;
    let metrics = args.metrics.map(exporter::bind).transpose().map_err(usage)?;
    let output = out.map(Output::create).transpose().map_err(broken)?;
    let job = Job {
        scenario,
        plan,
        targets,
        speech,
        sources,
        server_program: args.server.clone(),
        clock: Clock::start(),
        segment,
        start_at: args.start_at.map(|seconds| Time(u64::from(seconds) * 1_000_000)),
        source: source(path),
        threads: args.threads.unwrap_or_else(threads),
        metrics,
        interrupts: Arc::clone(&runner.interrupts),
        progress: !args.no_progress,
        output,
    };
    runner.runtime.block_on(conduct(job)).map_err(broken)
}

/// The scenario that is asked for, or a multiple of it, and how many clients instead of its own.
fn scenario_of(
    args: &RunArgs,
    path: &Path,
    multiple: Option<Multiple>,
) -> Result<(Scenario, Option<u32>), String> {
    let (mut scenario, mut clients) = (Scenario::find(path)?, args.clients);
    match multiple {
        Some(Multiple { factor, by: By::Load }) => scenario = scenario.scaled(factor),
        Some(Multiple { factor, by: By::Clients }) => {
            clients = Some(times(clients.unwrap_or(scenario.run.clients), factor));
        }
        None => {}
    }
    scenario.protocol = args.speech.protocol(&scenario)?;
    if args.segment.is_some() && args.speech.is_other() {
        // Whoever puts the segments together knows the scenario only.
        return Err(
            "--segment: put the [protocol] into the scenario, and leave out --dialect and --protocol".into(),
        );
    }
    Ok((scenario, clients))
}

/// The number of a run that must be told from earlier ones: a server that goes on running may remember one of the same seed.
fn run_number(args: &RunArgs, runs_on: bool) -> Option<RunId> {
    match (args.segment, args.start_at) {
        // The same for all who were told the same.
        (Some(_), Some(start)) => Some(RunId(run_of(args.seed.unwrap_or_default(), start))),
        _ => runs_on.then(fresh_run),
    }
}

/// Whether a scenario can be carried out on servers that are not loadgen's own.
fn check_targets(
    targets: &Targets,
    scenario: &Scenario,
    plan: &Plan,
    path: &Path,
    sources: &Sources,
) -> Result<(), String> {
    targets.check(plan)?;
    let file = path.display();
    if scenario.events.iter().any(|event| event.kind == EventKind::Restart) {
        return Err(format!("{file}: restarts the server, so it must be loadgen's own: leave out --url"));
    }
    if !scenario.server.is_default() {
        return Err(format!(
            "{file}: [server] is about a server of loadgen's own: leave out --url, or start yours so and leave out [server]"
        ));
    }
    targets.iter().try_for_each(|target| sources.check(&target.addresses))
}

/// Prints; whoever closed our standard output does not want to know.
fn print(text: &str) {
    let _ = io::stdout().lock().write_all(text.as_bytes());
}

fn check(scenarios: &[PathBuf]) -> Result<ExitCode, Failure> {
    let mut code = ExitCode::SUCCESS;
    for path in scenarios {
        let checked = match speech::check_file(path) {
            Some(checked) => {
                checked.map(|name| format!("the protocol {name}")).map_err(|line| (EXIT_USAGE, line))
            }
            None => plan(path, Overrides::default()).map(|(_, plan)| preview::line(&plan)),
        };
        match checked {
            Ok(what) => print(&format!("{}: good: {what}\n", path.display())),
            // The others are looked at, too.
            Err((failure, line)) => {
                let _ = writeln!(io::stderr(), "loadgen: {line}");
                code = ExitCode::from(failure);
            }
        }
    }
    Ok(code)
}

fn preview(args: &PlanArgs) -> Result<ExitCode, Failure> {
    let overrides = Overrides { clients: args.clients, seed: args.seed, run: None };
    let usage = |line: String| (EXIT_USAGE, line);
    let mut scenario = Scenario::find(&args.scenario).map_err(usage)?;
    let (dialect, protocol) = (args.dialect.clone(), args.protocol.clone());
    let speech = SpeechArgs { dialect, protocol, ..SpeechArgs::default() };
    scenario.protocol = speech.protocol(&scenario).map_err(usage)?;
    let plan = plan_of(&scenario, &args.scenario, overrides)?;
    // A plan that a protocol cannot carry out is none.
    speech.speech(&scenario, &plan, None).map_err(usage)?;
    if args.each {
        // A broken pipe is how one looks at the first lines only.
        let _ = preview::write_each(&plan, io::stdout().lock());
    } else {
        print(&preview::table(&plan));
    }
    if let Some(path) = &args.output {
        let drawn = preview::draw(&plan, path);
        drawn.map_err(|error| (EXIT_BROKEN, format!("cannot write {}: {error}", path.display())))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn merge(args: &MergeArgs) -> Result<ExitCode, Failure> {
    // What an earlier merge has written beside them is no segment.
    let is_segment = |directory: &&PathBuf| args.out.as_ref() != Some(directory);
    let segments: Vec<PathBuf> = args.segments.iter().filter(is_segment).cloned().collect();
    let merged = merge::merge(&segments, args.out.as_deref()).map_err(|error| match error {
        merge::Error::Segments(line) => (EXIT_USAGE, line),
        merge::Error::Output(line) => (EXIT_BROKEN, line),
    })?;
    Ok(report(&merged, args.json))
}

fn list() -> Result<ExitCode, Failure> {
    for file in shipped() {
        print(&format!("{:<16} {}\n", file.name, file.summary()));
    }
    Ok(ExitCode::SUCCESS)
}

fn compare(args: &CompareArgs) -> Result<ExitCode, Failure> {
    let usage = |line: String| (EXIT_USAGE, line);
    let (a, b) = (Side::load(&args.a).map_err(usage)?, Side::load(&args.b).map_err(usage)?);
    let comparison = compare::compare(&a, &b, args.noise.map(f64::from)).map_err(usage)?;
    if args.json {
        print(&(serde_json::to_string_pretty(&comparison).expect("it is plain") + "\n"));
    } else {
        print(&comparison.text());
    }
    if let Some(path) = &args.html {
        let written = compare::page(&comparison, &a, &b).and_then(|page| Ok(fs::write(path, page)?));
        written.map_err(|error| (EXIT_BROKEN, format!("cannot write {}: {error}", path.display())))?;
    }
    Ok(ExitCode::from(if comparison.change == Change::Worse { EXIT_WORSE } else { 0 }))
}

fn find_limit(args: &FindLimitArgs) -> Result<ExitCode, Failure> {
    let usage = |line: String| (EXIT_USAGE, line);
    let FindLimitArgs { range, run: base } = args;
    range.check().map_err(usage)?;
    if base.segment.is_some() || base.start_at.is_some() {
        return Err(usage("find-limit: one process searches: leave out --segment and --start-at".into()));
    }
    let scenario = Scenario::find(base.scenario.as_deref().expect("required")).map_err(usage)?;
    if range.by() == By::Load && !scenario.is_scalable() {
        return Err(usage(
            "find-limit: all clients loop, so there is no rate to raise: take --by clients".into(),
        ));
    }
    let runner = Runner::new()?;
    let found = find_limit::find(&scenario.run.name, *range, |factor| {
        if runner.interrupts.came() {
            return Err((EXIT_INTERRUPTED, "not begun".into()));
        }
        let out = base.out.as_ref().map(|out| out.join(format!("x{factor}")));
        let ended = run(&runner, base, Some(Multiple { factor, by: range.by() }), out.as_deref())?;
        Ok(Step::new(factor, &ended))
    })?;
    let json = serde_json::to_string_pretty(&found).expect("it is plain") + "\n";
    if base.json {
        print(&json);
    } else {
        print(&found.text());
    }
    if let Some(path) = base.out.as_ref().map(|out| out.join("find-limit.json")) {
        let written = fs::write(&path, &json);
        written.map_err(|error| (EXIT_BROKEN, format!("cannot write {}: {error}", path.display())))?;
    }
    Ok(ExitCode::from(found.exit_code()))
}

/// A multiple of a number of clients.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "what is too large is the largest, and refused"
)]
fn times(clients: u32, factor: f64) -> u32 {
    ((f64::from(clients) * factor).round() as u32).max(1)
}

/// Reads a scenario and works out its plan.
fn plan(path: &Path, overrides: Overrides) -> Result<(Scenario, Plan), Failure> {
    let scenario = Scenario::find(path).map_err(|line| (EXIT_USAGE, line))?;
    let plan = plan_of(&scenario, path, overrides)?;
    Ok((scenario, plan))
}

fn plan_of(scenario: &Scenario, path: &Path, overrides: Overrides) -> Result<Plan, Failure> {
    let plan = Plan::new(scenario, overrides);
    plan.map_err(|error| (EXIT_USAGE, format!("{}: {error}", path.display())))
}

/// The text of a scenario that was read already.
fn source(path: &Path) -> String {
    let shipped = shipped().iter().find(|file| path == Path::new(file.name)).map(|file| file.text.to_owned());
    fs::read_to_string(path).ok().or(shipped).unwrap_or_default()
}

/// The number of a run that several processes carry out.
fn run_of(seed: u64, start: u32) -> u32 {
    u32::try_from(hash::mix(seed, start.into()) >> 32).expect("32 bits")
}

/// Bots get half the machine, and the server the other half.
fn threads() -> u32 {
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    u32::try_from(processors / 2).unwrap_or(u32::MAX).max(1)
}

/// A number that no earlier run has had.
fn fresh_run() -> RunId {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    let mixed = hash::mix(u64::from(process::id()), u64::try_from(now).unwrap_or(u64::MAX));
    RunId(u32::try_from(mixed >> 32).expect("32 bits"))
}

fn report(ended: &Ended, json: bool) -> ExitCode {
    let Ended { summary, verdict, files } = ended;
    let mut out = io::stdout().lock();
    // Whoever closed our standard output does not want to know; the exit code says it too.
    if json {
        let _ = serde_json::to_writer_pretty(&mut out, summary).map(|()| writeln!(out));
        let _ = writeln!(io::stderr(), "loadgen: {verdict}");
    } else {
        let _ = out.write_all(text::render(summary, files).as_bytes());
    }
    ExitCode::from(verdict.exit_code())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_grammar_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn mistakes_in_addresses_say_how_they_are_written() {
        for (option, value, words) in [
            ("--metrics", "9464", "write it as 127.0.0.1:9464"),
            ("--source", "127.0.0.9-2", "write it as 127.0.0.2 or 127.0.0.2-9"),
        ] {
            let wrong = Cli::try_parse_from(["loadgen", "--scenario", "smoke", option, value])
                .unwrap_err()
                .to_string();
            assert!(wrong.contains(words), "{wrong}");
        }
    }

    #[test]
    fn help_names_every_exit_code() {
        let help = Cli::command().render_long_help().to_string();
        for code in ["    0  ", "    1  ", "   96  ", "   99  ", "  104  ", "  105  "] {
            assert!(help.contains(code), "{code} in {help}");
        }
    }
}
