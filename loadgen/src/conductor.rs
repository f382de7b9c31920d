//! The course of a run: connect everyone, go through the stages, wait for what is under way, leave, sum up.

use std::{net::TcpListener, path::PathBuf, sync::Arc, time::Duration};

use chinwag_bots::{Book, Course, Phase, Segment, Verdict, broken_now};
use chinwag_core::{Time, UserName};
use chinwag_scenarios::{Plan, Scenario};
use tokio::{task::JoinHandle, time::sleep};

use crate::{
    clock::Clock,
    clocks::SegmentClock,
    connect::{self, How},
    crew::Crew,
    exporter::Exporter,
    interrupts::Interrupts,
    intervals::Recorder,
    keeper::Keeper,
    merge::{self, Common},
    metrics::Live,
    offset::{self, Offset},
    output::Output,
    pacer::Part,
    process::Process,
    progress::Progress,
    run::Run,
    server::Server,
    sources::Sources,
    speech::Speech,
    summary::{Findings, Summary, Usage},
    target::Target,
    targets::Targets,
};

/// How often the conductor looks how far things are. The workers never wait for it.
const LOOK: Duration = Duration::from_millis(20);
/// Memory is measured this many microseconds before its stage ends: what the next one begins with is not to count.
const BEFORE_END_MICROS: u64 = 50_000;
/// How long goodbyes may take.
const LEAVE: Duration = Duration::from_secs(5);

/// What is to be run.
#[derive(Debug)]
pub(crate) struct Job {
    /// Holds the thresholds.
    pub(crate) scenario: Scenario,
    /// What it comes to.
    pub(crate) plan: Plan,
    /// Running servers, or `None` for one of our own.
    pub(crate) targets: Option<Targets>,
    /// How the server is spoken to.
    pub(crate) speech: Speech,
    /// Where bots connect from.
    pub(crate) sources: Sources,
    /// The program to start as server instead of this one.
    pub(crate) server_program: Option<PathBuf>,
    /// What all of it goes by.
    pub(crate) clock: Clock,
    /// Which of the plan's clients are ours.
    pub(crate) segment: Segment,
    /// When the first stage starts; as soon as everyone is there, if that was not agreed on.
    pub(crate) start_at: Option<Time>,
    /// What the scenario was read from, for those who put segments together.
    pub(crate) source: String,
    /// Worker threads.
    pub(crate) threads: u32,
    /// Where to answer who asks for metrics, if anywhere.
    pub(crate) metrics: Option<TcpListener>,
    /// Who may want it to end.
    pub(crate) interrupts: Arc<Interrupts>,
    /// Show progress.
    pub(crate) progress: bool,
    /// Where files go.
    pub(crate) output: Option<Output>,
}

/// A run that has come to an end, in whichever way.
#[derive(Debug)]
pub(crate) struct Ended {
    /// What it has shown.
    pub(crate) summary: Summary,
    /// What it comes to.
    pub(crate) verdict: Verdict,
    /// The files that were written.
    pub(crate) files: Vec<String>,
}

/// Why a phase ended early.
#[derive(Debug)]
enum Stop {
    /// The user wants it.
    Interrupted,
    /// A threshold that is to end the run does not hold.
    Aborted(String),
    /// It makes no sense to go on.
    Broken(String),
}

/// Runs a job.
///
/// # Errors
/// One line that says why there was no run.
pub(crate) async fn conduct(mut job: Job) -> Result<Ended, String> {
    let (server, targets) = find_servers(&job).await?;
    let (output, source, start_at) = (job.output.clone(), std::mem::take(&mut job.source), job.start_at);
    let (mut conductor, exporter) = Conductor::new(job, server, targets).await?;
    let findings = conductor.run().await;
    if let Some(exporter) = exporter {
        exporter.end().await;
    }
    let Conductor { recorder, run, scenario, crew, keeper, .. } = conductor;
    let book = crew.finish().map_err(|error| format!("cannot make a runtime: {error}"))?;
    drop(keeper);
    let played = Played { run, scenario, recorder, book };
    match &output {
        Some(output) if let Some(series) = played.recorder.series() => {
            let common = Common::new(played.run.plan(), source, start_at);
            let path = merge::write(output.directory(), common, &played.book, &findings, series);
            let path = path.map_err(|error| output.complaint("write to", &error))?;
            Ok(Ended { files: vec![path], ..played.sum_up(findings, None)? })
        }
        output => played.sum_up(findings, output.as_ref()),
    }
}

/// A run that is over, as far as it came.
struct Played {
    run: Arc<Run>,
    scenario: Scenario,
    recorder: Recorder,
    book: Book,
}

impl Played {
    /// Judges it, and writes it down if that is wanted.
    fn sum_up(&self, findings: Findings, output: Option<&Output>) -> Result<Ended, String> {
        let Self { run, scenario, recorder, book } = self;
        let (summary, verdict, deliveries) = Summary::new(scenario, run.plan(), book, findings);
        let stages = run.script.stages_start();
        let write =
            |output: &Output| output.write(run.plan(), book, (&summary, &deliveries), recorder, stages);
        let files = output.map(write).transpose()?.unwrap_or_default();
        Ok(Ended { summary, verdict, files })
    }
}

/// The servers that were named, if they answer, or a new one of our own.
async fn find_servers(job: &Job) -> Result<(Option<Server>, Targets), String> {
    if let Some(targets) = &job.targets {
        for target in targets.iter() {
            probe(job, target).await?;
        }
        return Ok((None, targets.clone()));
    }
    let log = job.output.as_ref().map(Output::server_log);
    let arguments = job.scenario.server.flags().collect();
    let server = Server::start(job.server_program.as_deref(), arguments, log.as_deref());
    let server = server.map_err(|error| format!("cannot start a server: {error}"))?;
    let targets = Targets::own(Target::local(server.address()));
    Ok((Some(server), targets))
}

/// Whether there is a server that lets one in.
async fn probe(job: &Job, target: &Target) -> Result<(), String> {
    let user = UserName::new(&job.plan.user_name(0)).expect("plans make sound names");
    let request = job.speech.request(target, &user, 0);
    let how = How { source: job.sources.of(0), reads_slowly: false, within: job.plan.connect().timeout };
    let opened = connect::open(target, job.speech.trust(), request, how).await;
    opened.map(drop).map_err(|error| format!("cannot reach {target}: {error}"))
}

struct Conductor {
    run: Arc<Run>,
    scenario: Scenario,
    start_at: Option<Time>,
    crew: Crew,
    keeper: Keeper,
    recorder: Recorder,
    /// For who asks while the run goes on.
    live: Option<Arc<Live>>,
    progress: Progress,
    /// The first one ends the run, the second one the goodbyes.
    interrupts: Arc<Interrupts>,
    /// Processor time that this process had used before: an earlier run's, if it carries out several.
    cpu_before: Duration,
}

/// What was resident at one time, of generator and server.
#[derive(Clone, Copy, Debug)]
struct Resident {
    generator: Option<u64>,
    server: Option<u64>,
}

impl Conductor {
    /// Makes bots and all that they need; also what answers who asks while the run goes on.
    async fn new(
        job: Job,
        server: Option<Server>,
        targets: Targets,
    ) -> Result<(Self, Option<Exporter>), String> {
        let cpu_before = Process::own().cpu().unwrap_or_default();
        let Job { scenario, plan, clock, segment, speech, sources, metrics, .. } = job;
        let progress = Progress::new(job.progress, segment.share(plan.clients()));
        let run = Arc::new(Run::new(plan, segment, clock, targets, speech, sources));
        let live = metrics.is_some().then(|| Arc::new(Live::new(Arc::clone(&run))));
        let exporter = metrics.zip(live.clone()).map(|(listener, live)| Exporter::start(listener, live));
        let exporter = exporter.transpose().map_err(|error| format!("--metrics: {error}"))?;
        let crew = Crew::start(&run, job.threads).await;
        let began = run.clock.now();
        let recorder = if segment.is_whole() { Recorder::new(began) } else { Recorder::of_segment(began) };
        let log = job.output.as_ref().map(Output::server_log);
        let keeper = Keeper::new(server, job.server_program, log, run.plan());
        let (start_at, interrupts) = (job.start_at, job.interrupts);
        let conductor =
            Self { run, scenario, start_at, crew, keeper, recorder, live, progress, interrupts, cpu_before };
        Ok((conductor, exporter))
    }

    /// The whole run, to its end or as far as it came.
    async fn run(&mut self) -> Findings {
        let mut findings = Findings::new(self.run.script.segment);
        let before = tokio::spawn(offset::of_segment(Arc::clone(&self.run)));
        match self.phases(&mut findings).await {
            Ok(()) => {}
            Err(Stop::Interrupted) => findings.interrupted = true,
            Err(Stop::Aborted(threshold)) => findings.aborted = Some(threshold),
            Err(Stop::Broken(why)) => findings.broken_off = Some(why),
        }
        self.row("end").await;
        self.take_stock(&mut findings);
        self.leave().await;
        self.compare_clocks(before, &mut findings).await;
        self.progress.clear();
        findings
    }

    async fn phases(&mut self, findings: &mut Findings) -> Result<(), Stop> {
        let run = Arc::clone(&self.run);
        let before = self.resident();
        let mut course = Course::new(&run.script, run.now(), self.start_at);
        self.crew.pace(Some(Part::Connect(run.now())));
        while !course.is_over() {
            let (name, until) = (course.name(), course.until());
            if course.stages().is_some_and(|stages| stages.measure_memory) {
                let soon = Time(until.0.saturating_sub(BEFORE_END_MICROS));
                self.watch(&name, soon, || Ok(run.now() >= soon)).await?;
                self.measure_memory(before, findings);
            }
            self.watch(&name, until, || course.proceed(&run.script, run.now())).await?;
            match course.phase() {
                // Who is not there yet does not come any more.
                Phase::Wait => self.crew.pace(None),
                Phase::Stages(0) => self.crew.pace(Some(Part::Stages)),
                Phase::Drain(_) => self.crew.hurry(),
                _ => {}
            }
        }
        Ok(())
    }

    /// Waits until it is done, which is asked at `until` at the latest; keeps the time series and shows progress.
    async fn watch(
        &mut self,
        phase: &str,
        until: Time,
        mut is_done: impl FnMut() -> Result<bool, String>,
    ) -> Result<(), Stop> {
        self.live.iter().for_each(|live| live.enter(phase));
        loop {
            let now = self.run.clock.now();
            if now >= self.recorder.due() {
                self.row(phase).await;
                self.check_thresholds(now).await?;
            }
            self.progress.show(phase, &self.run.script.board, &self.recorder);
            let passed = self.run.script.stages_start().map(|start| now.since(start));
            self.keeper.see_to(passed).map_err(Stop::Broken)?;
            if is_done().map_err(Stop::Broken)? {
                return Ok(());
            }
            tokio::select! {
                () = sleep(until.since(now).min(LOOK)) => {}
                () = self.interrupts.next() => return Err(Stop::Interrupted),
            }
        }
    }

    /// Adds a row to the time series.
    async fn row(&mut self, phase: &str) {
        let came = self.crew.sample().await;
        self.recorder.row(self.run.clock.now(), phase, &self.run.script.board, &came.latency);
        self.live.iter().for_each(|live| live.add(&came));
    }

    /// Ends the run if a threshold that is to end it does not hold.
    async fn check_thresholds(&self, now: Time) -> Result<(), Stop> {
        let Some(start) = self.run.script.stages_start() else { return Ok(()) };
        if self.scenario.thresholds.iter().all(|threshold| threshold.abort_after.is_none()) {
            return Ok(());
        }
        let plan = self.run.plan();
        let times = self.crew.times(plan.stages().len()).await;
        let broken = broken_now(&self.scenario, plan, &times, &self.run.script.board, now.since(start));
        broken.map_or(Ok(()), |threshold| Err(Stop::Aborted(threshold)))
    }

    fn resident(&self) -> Resident {
        Resident {
            generator: Process::own().resident_bytes(),
            server: self.keeper.process().and_then(Process::resident_bytes),
        }
    }

    /// Measures what connections cost, at rest.
    fn measure_memory(&self, before: Resident, findings: &mut Findings) {
        let rest = self.resident();
        let connected = self.run.script.board.present.get();
        findings.generator = Usage::new(before.generator, rest.generator, connected);
        findings.server =
            self.keeper.process().is_some().then(|| Usage::new(before.server, rest.server, connected));
    }

    /// Notes what is known when all is over but the goodbyes.
    fn take_stock(&self, findings: &mut Findings) {
        let (board, clock) = (&self.run.script.board, self.run.clock);
        findings.connected = board.arrived.get();
        findings.reconnects = board.reconnects.get();
        findings.handed = board.handed.get();
        findings.deliveries_per_second_max = self.recorder.deliveries_per_second_max();
        findings.duration = clock.now().since(self.recorder.start());
        let cpu = Process::own().cpu().map(|cpu| cpu.saturating_sub(self.cpu_before));
        findings.generator.cpu_seconds = cpu.map(|cpu| cpu.as_secs_f64());
        if self.keeper.process().is_some() {
            findings.server.get_or_insert_default().cpu_seconds =
                self.keeper.cpu().map(|cpu| cpu.as_secs_f64());
        }
    }

    /// Notes what is known of our clock, if others will ask: it was compared at the beginning, and is now.
    async fn compare_clocks(&self, before: JoinHandle<Option<Offset>>, findings: &mut Findings) {
        let segment = self.run.script.segment;
        if !segment.is_whole() {
            let after = offset::of_segment(Arc::clone(&self.run)).await;
            // One that was not found out is unknown.
            findings.clocks.push(SegmentClock::new(segment.index + 1, before.await.ok().flatten(), after));
        }
    }

    /// Lets everyone say goodbye, for as long as is reasonable.
    async fn leave(&mut self) {
        self.crew.leave();
        let run = Arc::clone(&self.run);
        let until = run.now() + LEAVE;
        // However that ends, the run is over.
        let _ =
            self.watch("leave", until, || Ok(run.script.board.open.get() == 0 || run.now() >= until)).await;
    }
}
