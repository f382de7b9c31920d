//! A server of our own: this program again, as `chat-server`, on a free port; or another program that is told the same.

use std::{
    env,
    ffi::OsString,
    fs::File,
    io::{self, BufRead as _, BufReader, Write as _},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
    process::{Child, ChildStderr, ChildStdout, Command, ExitCode, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use crate::process::Process;

/// As first argument: be the chat server.
const SERVER_MARK: &str = "chat-server";
/// What a chat server says of each address on which it listens.
const LISTENING: &str = "listening on http://";

/// Where it listens: any free port will do.
pub(crate) const ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A server that does not say within this where it listens will not.
const START_MAX: Duration = Duration::from_secs(30);
/// A server that has not ended within this after it was told to is killed.
const END_MAX: Duration = Duration::from_secs(30);
/// So long after its end all that it said has been read.
const SETTLE: Duration = Duration::from_secs(1);
/// How often it is looked whether something is so.
const LOOK: Duration = Duration::from_millis(20);

/// A chat server that ends with us.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    /// What else it was told.
    arguments: Vec<String>,
    tail: Tail,
    /// By us.
    killed: bool,
}

/// The latest line of a server's log, to be shown if it fails.
#[derive(Clone, Debug, Default)]
struct Tail(Arc<Mutex<String>>);

/// If we were started to be the chat server: its whole run.
pub(crate) fn run_if_asked(args: &[OsString]) -> Option<ExitCode> {
    let [program, mark, rest @ ..] = args else { return None };
    let asked = mark == SERVER_MARK;
    asked.then(|| chinwag_server::main_with([program].into_iter().chain(rest).cloned()))
}

impl Server {
    /// Starts `program`, or this one, as a chat server with these further arguments, and waits until it listens. Its log
    /// goes to `log`, if named.
    ///
    /// # Errors
    /// It could not be started, or ended or let 30 s pass before it listened; then the error holds what it said last.
    pub(crate) fn start(
        program: Option<&Path>,
        arguments: Vec<String>,
        log: Option<&Path>,
    ) -> io::Result<Self> {
        let log = log.map(File::create).transpose()?;
        Self::listen(program, arguments, &ADDRESS.to_string(), log)
    }

    /// Kills it: it has no time to do or say anything.
    pub(crate) fn kill(&mut self) {
        // If it has ended by itself there is nothing left to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.killed = true;
    }

    /// Starts it anew after it was killed, where it listened before.
    ///
    /// # Errors
    /// As for [`Server::start`].
    pub(crate) fn start_again(&mut self, program: Option<&Path>, log: Option<&Path>) -> io::Result<()> {
        let log = log.map(|log| File::options().append(true).open(log)).transpose()?;
        let arguments = std::mem::take(&mut self.arguments);
        *self = Self::listen(program, arguments, &self.address.to_string(), log)?;
        Ok(())
    }

    fn listen(
        program: Option<&Path>,
        arguments: Vec<String>,
        address: &str,
        log: Option<File>,
    ) -> io::Result<Self> {
        let mut command = match program {
            Some(program) => Command::new(program),
            None => {
                let mut command = Command::new(env::current_exe()?);
                command.arg(SERVER_MARK);
                command
            }
        };
        command.args(["--listen", address, "--exit-with-stdin", "--log", "warn"]).args(&arguments);
        // Ctrl-C is for us: a server that hears it too would send everyone away while the run is summed up.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self::greet(command.spawn()?, arguments, log, START_MAX)
    }

    /// Waits until a new child says where it listens.
    fn greet(
        mut child: Child,
        arguments: Vec<String>,
        log: Option<File>,
        within: Duration,
    ) -> io::Result<Self> {
        let (stdout, stderr) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
        let tail = Tail::default();
        let kept = tail.clone();
        let follower = thread::spawn(move || kept.follow(stderr, log));
        let line = first_line(stdout, within);
        let said = line.as_deref().and_then(|line| line.trim_end().strip_prefix(LISTENING));
        if let Some(address) = said.and_then(|address| address.parse().ok()) {
            return Ok(Self { child, address, arguments, tail, killed: false });
        }
        // Who says something else has ended, or is no chat server.
        let _ = child.kill();
        let status = child.wait()?;
        // What it has started itself may hold its standard error open.
        wait_until(SETTLE, || follower.is_finished());
        let when = line.map_or_else(|| format!(" within {within:?}"), |_| String::new());
        Err(io::Error::other(format!("it did not say{when} where it listens ({status}): {}", tail.last())))
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// To measure it by.
    pub(crate) fn process(&self) -> Process {
        Process::new(self.child.id())
    }

    /// How it has ended by itself and what it said last, if it has.
    pub(crate) fn ended(&mut self) -> Option<(ExitStatus, String)> {
        if self.killed {
            return None;
        }
        let status = self.child.try_wait().ok()??;
        Some((status, self.tail.last()))
    }
}

impl Drop for Server {
    /// Ends it, and waits until it has; but not for ever.
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        if !wait_until(END_MAX, || !matches!(self.child.try_wait(), Ok(None))) {
            self.kill();
        }
    }
}

/// Waits until something is so, but not longer than this; whether it is.
fn wait_until(within: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let until = Instant::now() + within;
    while !is_so() {
        if Instant::now() >= until {
            return false;
        }
        thread::sleep(LOOK);
    }
    true
}

/// What a program says first, if it does so in time; nothing if it ends in silence.
fn first_line(stdout: ChildStdout, within: Duration) -> Option<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut line = String::new();
        let _ = BufReader::new(stdout).read_line(&mut line);
        // Nobody may be waiting any more.
        let _ = sender.send(line);
    });
    receiver.recv_timeout(within).ok()
}

impl Tail {
    fn follow(&self, stderr: ChildStderr, mut log: Option<File>) {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            if let Some(log) = &mut log {
                // A full disk is no reason to end a run.
                let _ = writeln!(log, "{line}");
            }
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = line;
        }
    }

    fn last(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).trim().to_owned()
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    /// What comes of a program that is no chat server.
    fn complaint(script: &str, within: Duration) -> String {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Server::greet(command.spawn().unwrap(), Vec::new(), None, within).unwrap_err().to_string()
    }

    #[test]
    fn a_server_that_does_not_listen_in_time_is_not_waited_for() {
        let line = complaint("echo loading >&2; exec sleep 600", Duration::from_secs(1));
        assert!(line.starts_with("it did not say within 1s where it listens (signal: 9"), "{line}");
        assert!(line.ends_with("): loading"), "{line}");
    }

    #[test]
    fn what_ends_instead_is_told_with_its_last_words() {
        let line = complaint("echo no such flag >&2; exit 3", START_MAX);
        assert_eq!(line, "it did not say where it listens (exit status: 3): no such flag");
    }
}
