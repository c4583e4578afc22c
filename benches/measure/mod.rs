//! What all benches share: CPU time instead of wall time (these figures are quoted per CPU-second, and machines are
//! noisy), the median of several passes, and one line of table for each figure.

#![allow(dead_code, reason = "each bench uses a part")]

use std::time::Duration;

/// Passes of which the median is taken. `make test` runs every bench small, with `HEADROOM_BENCH=small`.
pub(crate) fn passes() -> usize {
    if is_small() { 1 } else { 7 }
}

pub(crate) fn is_small() -> bool {
    std::env::var("HEADROOM_BENCH").is_ok_and(|size| size == "small")
}

/// One number at full size, another for the small run.
pub(crate) fn size(full: usize, small: usize) -> usize {
    if is_small() { small } else { full }
}

/// User and system time of this thread.
pub(crate) fn thread_cpu() -> Duration {
    cpu(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// User and system time of the whole process.
pub(crate) fn process_cpu() -> Duration {
    cpu(libc::CLOCK_PROCESS_CPUTIME_ID)
}

#[allow(unsafe_code, clippy::cast_sign_loss)]
fn cpu(clock: libc::clockid_t) -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes one timespec through a pointer to one.
    let answer = unsafe { libc::clock_gettime(clock, &raw mut time) };
    assert!(answer == 0, "the kernel keeps CPU clocks");
    Duration::new(time.tv_sec as u64, u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Runs `pass` several times; each does `count` units of work. Gives the median CPU time of one unit in nanoseconds.
pub(crate) fn ns_per_unit(count: usize, mut pass: impl FnMut()) -> f64 {
    pass();
    let mut times: Vec<f64> = (0..passes())
        .map(|_| {
            let before = thread_cpu();
            pass();
            thread_cpu().saturating_sub(before).as_nanos() as f64 / count as f64
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

pub(crate) fn heading(title: &str, columns: &str) {
    println!("\n{title}\n{:<44}{columns}", "");
}

pub(crate) fn line(name: &str, figures: &str) {
    println!("{name:<44}{figures}");
}

/// `1234567.0` as `1.23 M`.
pub(crate) fn si(value: f64) -> String {
    match value {
        value if value >= 1e9 => format!("{:.2} G", value / 1e9),
        value if value >= 1e6 => format!("{:.2} M", value / 1e6),
        value if value >= 1e3 => format!("{:.1} k", value / 1e3),
        value => format!("{value:.1}"),
    }
}
