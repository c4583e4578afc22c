//! What the kernel says of this process, from `/proc`. Where there is none (not Linux), nothing is shown.

use std::fs;

use crate::telemetry::{Exposition, names};

/// The unit of CPU times in `/proc`: a constant of Linux's interface, on every architecture.
const TICKS_PER_SECOND: f64 = 100.0;

/// Figures of one process.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Process {
    cpu_seconds: f64,
    resident_bytes: f64,
    /// Seconds since the Unix epoch.
    started_at: f64,
}

/// Writes the process's families.
pub(super) fn render(text: &mut Exposition) {
    let process = read();
    text.family(&names::PROCESS_CPU).maybe(&[], process.map(|process| process.cpu_seconds));
    text.family(&names::PROCESS_MEMORY).maybe(&[], process.map(|process| process.resident_bytes));
    text.family(&names::PROCESS_START).maybe(&[], process.map(|process| process.started_at));
    let files = fs::read_dir("/proc/self/fd").ok().map(|files| files.count() as f64);
    text.family(&names::PROCESS_FILES).maybe(&[], files);
}

fn read() -> Option<Process> {
    let read = |path| fs::read_to_string(path).ok();
    parse(&read("/proc/self/stat")?, &read("/proc/self/status")?, &read("/proc/stat")?)
}

/// Takes the figures out of `/proc/self/stat`, `/proc/self/status` and `/proc/stat`, as `proc(5)` describes them.
fn parse(stat: &str, status: &str, system: &str) -> Option<Process> {
    // The second field is the program's name in parentheses, which may itself hold spaces and parentheses.
    let (_, after_name) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = after_name.split_ascii_whitespace().collect();
    // The manual counts from 1 and `fields` begins with the third.
    let ticks = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
    let (user, system_time, started) = (ticks(14)?, ticks(15)?, ticks(22)?);
    let resident_kb: f64 = value_of(status, "VmRSS:")?;
    let booted_at: f64 = value_of(system, "btime ")?;
    Some(Process {
        cpu_seconds: (user + system_time) / TICKS_PER_SECOND,
        resident_bytes: resident_kb * 1024.0,
        started_at: booted_at + started / TICKS_PER_SECOND,
    })
}

fn value_of(text: &str, key: &str) -> Option<f64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(key))?;
    rest.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_behind_an_awkward_program_name() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194560 1 2 3 4 150 50 9 9 20 0 8 0 1234 99 88";
        let process = parse(stat, "Name:\tx\nVmRSS:\t    2048 kB\n", "cpu 1 2\nbtime 1700000000\n");
        let want = Process { cpu_seconds: 2.0, resident_bytes: 2_097_152.0, started_at: 1_700_000_012.34 };
        assert_eq!(process, Some(want));
    }

    #[test]
    fn what_cannot_be_read_is_absent() {
        assert_eq!(parse("", "", ""), None);
        assert_eq!(parse("7 (a) S 1", "VmRSS: x kB", "btime"), None);
    }
}
