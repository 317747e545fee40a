//! Times as a person writes them.

use std::time::Duration;

/// `90`, `60s`, `10m`, `1h30m`: numbers with a unit, the last of which can go without and is seconds.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "not a time like 90, 60s, 10m or 1h30m".to_owned();
    let mut seconds: u64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let (factor, after) = match after.chars().next() {
            None | Some('s') => (1, after.get(1..).unwrap_or_default()),
            Some('m') => (60, &after[1..]),
            Some('h') => (3600, &after[1..]),
            Some('d') => (86_400, &after[1..]),
            Some(_) => return Err(wrong()),
        };
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let part = number.checked_mul(factor).ok_or_else(wrong)?;
        seconds = seconds.checked_add(part).ok_or_else(wrong)?;
        rest = after;
    }
    if seconds == 0 {
        Err("must be longer than nothing".to_owned())
    } else {
        Ok(Duration::from_secs(seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_times() {
        for (text, expected) in [
            ("90", Some(90)),
            ("60s", Some(60)),
            ("10m", Some(600)),
            ("1h30m", Some(5400)),
            ("1d", Some(86_400)),
            ("0", None),
            ("", None),
            ("s", None),
            ("1x", None),
            ("1ö", None),
            ("-1", None),
            ("99999999999999999999", None),
            ("9999999999999999d", None),
        ] {
            assert_eq!(duration(text).ok(), expected.map(Duration::from_secs), "{text}");
        }
    }
}
