//! What this machine must allow for a run: open files and local ports.

use crate::sources::{PORTS, Sources};

/// Files we need for other things than connections.
const FILES_RESERVE: u64 = 64;

/// Raises the limit on open files, and says if it or the number of ports does not suffice.
///
/// # Errors
/// One line that says what there is too little of, and what to do.
pub(crate) fn check(clients: u32, sources: &Sources) -> Result<(), String> {
    let ports = sources.ports();
    if clients > ports {
        let addresses = match sources.count() {
            1 => "one address has".to_owned(),
            count => format!("{count} addresses have, {PORTS} each"),
        };
        return Err(format!(
            "{clients} clients are more than the {ports} ports that {addresses}: name more addresses of this machine \
             with --source"
        ));
    }
    let needed = u64::from(clients) + FILES_RESERVE;
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) if limit < needed => Err(format!(
            "{clients} clients need {needed} open files, but only {limit} are allowed: raise the limit (ulimit -Hn)"
        )),
        // Where there is no such limit, there is nothing to check.
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_clients_than_ports_are_refused_in_one_line() {
        let line = check(PORTS + 1, &Sources::default()).unwrap_err();
        assert!(line.contains("28000 ports that one address has") && !line.contains('\n'), "{line}");
        let two: Sources = "127.0.0.2-3".parse().unwrap();
        let line = check(2 * PORTS + 1, &two).unwrap_err();
        assert!(line.contains("56000 ports that 2 addresses have") && line.contains("--source"), "{line}");
        // They have ports enough; whether there are files is another matter.
        assert!(check(2 * PORTS, &two).err().is_none_or(|line| line.contains("open files")));
    }
}
