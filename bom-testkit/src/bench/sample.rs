//! A few measurements of one thing.

/// Measurements in the order they were taken.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample(Vec<f64>);

impl Sample {
    pub(crate) fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// Of an even number, the lower of the two in the middle: a value that was measured. NaN if there is none.
    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
    }

    pub(crate) fn min(&self) -> f64 {
        self.0.iter().copied().fold(f64::NAN, f64::min)
    }

    pub(crate) fn max(&self) -> f64 {
        self.0.iter().copied().fold(f64::NAN, f64::max)
    }

    /// Each measurement against the one taken beside it.
    pub(crate) fn over(&self, base: &Self) -> Self {
        Self(self.0.iter().zip(&base.0).map(|(value, base)| value / base).collect())
    }

    /// Each measurement less the one taken beside it.
    pub(crate) fn minus(&self, base: &Self) -> Self {
        Self(self.0.iter().zip(&base.0).map(|(value, base)| value - base).collect())
    }

    /// `median (min–max)` with so many decimals; `-` if nothing was measured.
    pub(crate) fn show(&self, decimals: usize) -> String {
        if self.0.is_empty() {
            return "-".to_owned();
        }
        let [median, min, max] = [self.median(), self.min(), self.max()].map(|value| number(value, decimals));
        format!("{median} ({min}–{max})")
    }
}

/// A negative number that rounds to nothing is nothing.
fn number(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(rest) if rest.chars().all(|c| matches!(c, '0' | '.')) => rest.to_owned(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_the_middle_and_both_ends() {
        for (name, values, expected) in [
            ("nothing", vec![], "-"),
            ("one", vec![2.0], "2.0 (2.0–2.0)"),
            ("nearly_nothing", vec![-0.04], "0.0 (0.0–0.0)"),
            ("odd", vec![9.0, 1.0, 3.0], "3.0 (1.0–9.0)"),
            ("even_takes_the_lower", vec![4.0, 1.0, 3.0, 9.0], "3.0 (1.0–9.0)"),
        ] {
            assert_eq!(Sample(values).show(1), expected, "{name}");
        }
    }

    #[test]
    fn pairs_stay_together() {
        let (base, value) = (Sample(vec![1.0, 10.0]), Sample(vec![2.0, 15.0]));
        assert_eq!(value.over(&base).0, [2.0, 1.5]);
        assert_eq!(value.minus(&base).0, [1.0, 5.0]);
    }
}
