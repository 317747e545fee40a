//! /proc/<pid>/stat, of which one field is wanted.

const NANOSECONDS: u64 = 1_000_000_000;

/// Field 22 (starttime, in clock ticks) as nanoseconds; proc_pid_stat(5).
///
/// The second field is the name in brackets, which the process chooses and which may hold brackets, spaces, newlines
/// and digits (prctl(PR_SET_NAME)): only what follows the *last* closing bracket can be counted.
pub(super) fn start_time_ns(stat: &[u8], ticks_per_second: u64) -> Option<u64> {
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(stat.get(end + 1..)?).ok()?;
    // The first field after the name is number 3.
    let ticks: u64 = rest.split_ascii_whitespace().nth(22 - 3)?.parse().ok()?;
    ticks.checked_mul(NANOSECONDS.checked_div(ticks_per_second)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: &str = "S 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 250 999 1\n";

    #[test]
    fn reads_start_time() {
        let huge = REST.replace("250", "18446744073709551615");
        for (name, stat, expected) in [
            ("plain", format!("7 (sh) {REST}"), Some(2_500_000_000)),
            ("name_imitates_fields", format!("7 (a) S 1 1 1 (b) {REST}"), Some(2_500_000_000)),
            ("name_with_newline", format!("7 (a\n) R) {REST}"), Some(2_500_000_000)),
            ("overflow", format!("7 (a) {huge}"), None),
            ("cut_short", "7 (a) S 1 7".to_owned(), None),
            ("ends_with_bracket", "7 (a)".to_owned(), None),
            ("no_bracket", "7 a S".to_owned(), None),
            ("empty", String::new(), None),
        ] {
            assert_eq!(start_time_ns(stat.as_bytes(), 100), expected, "{name}");
        }
        assert_eq!(start_time_ns(format!("7 (a) {REST}").as_bytes(), 0), None);
    }
}
