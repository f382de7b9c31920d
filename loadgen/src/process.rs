//! What a process uses: memory and processor time, as Linux tells it in `/proc`. Elsewhere nothing is known.

use std::{fs, time::Duration};

/// Ticks per second of the times in `/proc/PID/stat`: 100 on every Linux that shows them to programs (`USER_HZ`).
const TICKS_PER_SECOND: u64 = 100;

/// A process that is watched.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Process(u32);

impl Process {
    /// The process with this id.
    pub(crate) const fn new(id: u32) -> Self {
        Self(id)
    }

    /// This process.
    pub(crate) fn own() -> Self {
        Self(std::process::id())
    }

    /// Memory that is resident now, in bytes.
    pub(crate) fn resident_bytes(self) -> Option<u64> {
        resident_bytes(&fs::read_to_string(format!("/proc/{}/status", self.0)).ok()?)
    }

    /// Processor time used so far by all its threads, in the kernel and outside; to ten milliseconds.
    pub(crate) fn cpu(self) -> Option<Duration> {
        cpu(&fs::read_to_string(format!("/proc/{}/stat", self.0)).ok()?)
    }
}

fn resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

fn cpu(stat: &str) -> Option<Duration> {
    // The second field is the program's name in brackets and may hold anything, so counting begins after it.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis((user + system) * 1_000 / TICKS_PER_SECOND))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_from_status() {
        let status = "Name:\tloadgen\nVmHWM:\t   99 kB\nVmRSS:\t    2048 kB\nThreads:\t3\n";
        assert_eq!(resident_bytes(status), Some(2_097_152));
        assert_eq!(resident_bytes("Name:\tzombie\n"), None);
    }

    #[test]
    fn time_is_read_from_stat_whatever_the_name() {
        let stat = "42 (a) b (c) S 1 42 42 0 -1 4194304 100 0 0 0 150 25 0 0 20 0 3 0 1000 1 1";
        assert_eq!(cpu(stat), Some(Duration::from_millis(1_750)));
        assert_eq!(cpu(""), None);
    }
}
