//! Sorting what is too large to be moved about: a component or an item has some hundred bytes, and there can be a hundred
//! thousand of them.

use std::cmp::Ordering;

/// Sorts in place, and each value is moved to where it belongs and not past all that it is compared with; stable.
pub(crate) fn sort<T>(values: &mut [T], order: impl Fn(&T, &T) -> Ordering) {
    if values.is_sorted_by(|a, b| order(a, b) != Ordering::Greater) {
        return;
    }
    let mut sorted: Vec<(usize, &T)> = values.iter().enumerate().collect();
    sorted.sort_by(|a, b| order(a.1, b.1));
    // Where the value at each place belongs.
    let mut to = vec![0_usize; sorted.len()];
    for (new, (old, _)) in sorted.into_iter().enumerate() {
        to.get_mut(old).into_iter().for_each(|place| *place = new);
    }
    for at in 0..to.len() {
        // Each turn brings one value home.
        while let Some(home) = to.get(at).copied().filter(|home| *home != at) {
            values.swap(at, home);
            to.swap(at, home);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_and_keeps_the_order_of_equals() {
        for list in [vec![], vec![1], vec![31, 12, 22, 11, 32, 21], vec![11, 12, 21], vec![9, 8, 7, 6, 5]] {
            let mut expected = list.clone();
            expected.sort_by_key(|number| number / 10);
            let mut found = list.clone();
            sort(&mut found, |a, b| (a / 10).cmp(&(b / 10)));
            assert_eq!(found, expected, "{list:?}");
        }
    }
}
