//! A program of the workspace as a process of its own.

#[cfg(unix)]
use std::future::pending;
use std::{env, net::SocketAddr, process::Stdio};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWriteExt as _, BufReader},
    process::{Child, ChildStderr, Command},
    sync::mpsc,
};

use super::within;

/// All programs in one, which the environment tells apart.
const PROGRAMS: &str = env!("CARGO_BIN_EXE_chinwag-programs");

/// A running program. It ends with the test: it is killed when this is dropped, and `chat-server` ends when its standard
/// input does.
pub(crate) struct Process {
    child: Child,
    stdout: Lines,
    stderr: Lines,
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Its exit code; none if a signal ended it.
    pub(crate) code: Option<i32>,
    /// All it said on standard output.
    pub(crate) stdout: String,
    /// All it said on standard error.
    pub(crate) stderr: String,
}

impl Process {
    /// Starts `chat-server` on a free port, with further arguments.
    pub(crate) fn server(args: &[&str]) -> Self {
        Self::start("chat-server", &[&["--port", "0", "--exit-with-stdin"], args].concat())
    }

    /// Starts a program.
    pub(crate) fn start(program: &str, args: &[&str]) -> Self {
        Self::start_in(&[], program, args)
    }

    /// Starts a program with these environment variables.
    pub(crate) fn start_in(environment: &[(&str, &str)], program: &str, args: &[&str]) -> Self {
        Self::spawn(command(environment, program, args), Lines::read)
    }

    /// Starts `chat-server` on a free port, with a log that nobody reads: soon it cannot write any more of it.
    #[cfg(unix)]
    pub(crate) fn unheard(args: &[&str]) -> Self {
        let args = [&["--port", "0", "--exit-with-stdin"], args].concat();
        Self::spawn(command(&[], "chat-server", &args), Lines::leave)
    }

    /// Starts `chat-server` so that a write beyond a [limit](Self::limit_files) fails, as on a full disk, and no signal ends it.
    #[cfg(target_os = "linux")]
    pub(crate) fn server_on_a_full_disk(args: &[&str]) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", r#"trap "" XFSZ; exec "$0" "$@""#, PROGRAMS, "--exit-with-stdin"]).args(args);
        command.env("CHINWAG_PROGRAM", "chat-server");
        Self::spawn(command, Lines::read)
    }

    /// From now on it cannot make any file longer than so many bytes.
    #[cfg(target_os = "linux")]
    pub(crate) fn limit_files(&self, bytes: u64) {
        let limit = rustix::process::Rlimit { current: Some(bytes), maximum: None };
        rustix::process::prlimit(self.pid(), rustix::process::Resource::Fsize, limit)
            .expect("it is our child");
    }

    /// Starts a shell script of the project that runs `loadgen`, with these environment variables.
    pub(crate) fn script(environment: &[(&str, &str)], script: &str, args: &[&str]) -> Self {
        let path = format!("{}/../{script}", env!("CARGO_MANIFEST_DIR"));
        let mut command = Command::new("sh");
        command.arg(path).args(args).envs(environment.iter().copied());
        command.env("LOADGEN", PROGRAMS).env("CHINWAG_PROGRAM", "loadgen");
        Self::spawn(command, Lines::read)
    }

    fn spawn(mut command: Command, follow: fn(ChildStderr) -> Lines) -> Self {
        // The settings are those of the test, not those of whoever runs it.
        let ours = |name: &str| {
            name == "PORT" || ["CHAT_", "CHINWAG_", "LOADGEN_"].iter().any(|begin| name.starts_with(begin))
        };
        for (name, _) in env::vars_os().filter(|(name, _)| name.to_str().is_some_and(ours)) {
            if !command.as_std().get_envs().any(|(told, _)| told == name) {
                command.env_remove(name);
            }
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the program was built with the tests");
        let stdout = Lines::read(child.stdout.take().expect("it is piped"));
        let stderr = follow(child.stderr.take().expect("it is piped"));
        Self { child, stdout, stderr }
    }

    /// Runs a program to its end.
    pub(crate) async fn run(program: &str, args: &[&str]) -> Ended {
        Self::start(program, args).ended().await
    }

    /// Where a server listens, as it says on standard output.
    pub(crate) async fn address(&mut self) -> SocketAddr {
        let line = self.stdout.until(|line| line.starts_with("listening on ")).await;
        let address = line.strip_prefix("listening on http://").expect("it speaks HTTP");
        address.parse().expect("it listens at an address and a port")
    }

    /// Types a line on standard input.
    pub(crate) async fn type_line(&mut self, line: &str) {
        let stdin = self.child.stdin.as_mut().expect("it is not closed");
        within("room to type", stdin.write_all(format!("{line}\n").as_bytes())).await.unwrap();
    }

    /// The next line on standard output that holds this.
    pub(crate) async fn prints(&mut self, part: &str) -> String {
        self.stdout.until(|line| line.contains(part)).await
    }

    /// The next line of the log that holds all of these.
    pub(crate) async fn logged(&mut self, parts: &[&str]) -> String {
        self.stderr.until(|line| parts.iter().all(|part| line.contains(part))).await
    }

    /// Ends its standard input, as the end of its parent would.
    pub(crate) fn close_stdin(&mut self) {
        self.child.stdin = None;
    }

    /// Asks it to end, as an operating system does.
    #[cfg(unix)]
    pub(crate) fn terminate(&self) {
        self.signal(rustix::process::Signal::TERM);
    }

    /// Asks it to end, as Ctrl-C does.
    #[cfg(unix)]
    pub(crate) fn interrupt(&self) {
        self.signal(rustix::process::Signal::INT);
    }

    /// The same, unless it has ended.
    #[cfg(target_os = "linux")]
    pub(crate) fn interrupt_if_there(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.interrupt();
        }
    }

    /// It stands still until it [goes on](Self::thaw).
    #[cfg(target_os = "linux")]
    pub(crate) fn freeze(&self) {
        self.signal(rustix::process::Signal::STOP);
    }

    /// It goes on.
    #[cfg(target_os = "linux")]
    pub(crate) fn thaw(&self) {
        self.signal(rustix::process::Signal::CONT);
    }

    /// Kills it, and waits until it is gone: it has no time to do anything.
    pub(crate) async fn kill(mut self) {
        within("the end of the program", self.child.kill()).await.unwrap();
    }

    #[cfg(unix)]
    fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(self.pid().expect("it has not ended"), signal)
            .expect("it is our child");
    }

    #[cfg(unix)]
    fn pid(&self) -> Option<rustix::process::Pid> {
        self.child.id().and_then(|pid| rustix::process::Pid::from_raw(pid.try_into().ok()?))
    }

    /// Waits for its end.
    pub(crate) async fn ended(mut self) -> Ended {
        // `wait` would close standard input first, which tells a server to end.
        let stdin = self.child.stdin.take();
        let (stdout, stderr) = (self.stdout.all().await, self.stderr.all().await);
        let status = within("the end of the program", self.child.wait()).await.unwrap();
        drop(stdin);
        Ended { code: status.code(), stdout, stderr }
    }
}

fn command(environment: &[(&str, &str)], program: &str, args: &[&str]) -> Command {
    let mut command = Command::new(PROGRAMS);
    command.args(args).envs(environment.iter().copied()).env("CHINWAG_PROGRAM", program);
    command
}

/// Lines that a program says, read as they come so that it is never held up.
struct Lines {
    coming: mpsc::UnboundedReceiver<String>,
    seen: String,
}

impl Lines {
    fn read(pipe: impl AsyncRead + Unpin + Send + 'static) -> Self {
        let (line, coming) = mpsc::unbounded_channel();
        let mut lines = BufReader::new(pipe).lines();
        tokio::spawn(async move {
            while let Ok(Some(said)) = lines.next_line().await {
                if line.send(said).is_err() {
                    return;
                }
            }
        });
        Self { coming, seen: String::new() }
    }

    /// Reads nothing, and does not hang up.
    #[cfg(unix)]
    fn leave(pipe: ChildStderr) -> Self {
        let (_, coming) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let _pipe = pipe;
            pending::<()>().await;
        });
        Self { coming, seen: String::new() }
    }

    async fn next(&mut self) -> Option<String> {
        let line = within("a line of output", self.coming.recv()).await?;
        self.seen += &line;
        self.seen.push('\n');
        Some(line)
    }

    async fn until(&mut self, is_meant: impl Fn(&str) -> bool) -> String {
        loop {
            match self.next().await {
                Some(line) if is_meant(&line) => return line,
                Some(_) => {}
                None => panic!("the program ended having said\n{}", self.seen),
            }
        }
    }

    async fn all(&mut self) -> String {
        while self.next().await.is_some() {}
        std::mem::take(&mut self.seen)
    }
}
