//! Sorting what is too large to be moved about: a component or an item has some hundred bytes, and there can be a hundred
//! thousand of them.

use std::cmp::Ordering;

/// Sorts, and each value is moved once; stable.
pub(crate) fn sorted<T>(values: Vec<T>, order: impl Fn(&T, &T) -> Ordering) -> Vec<T> {
    if values.is_sorted_by(|a, b| order(a, b) != Ordering::Greater) {
        return values;
    }
    let mut places: Vec<(usize, &T)> = values.iter().enumerate().collect();
    places.sort_by(|a, b| order(a.1, b.1));
    let places: Vec<usize> = places.into_iter().map(|(place, _)| place).collect();
    let mut values: Vec<Option<T>> = values.into_iter().map(Some).collect();
    places.into_iter().filter_map(|place| values.get_mut(place)?.take()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_and_keeps_the_order_of_equals() {
        for list in [vec![], vec![1], vec![31, 12, 22, 11, 32, 21], vec![11, 12, 21], vec![9, 8, 7, 6, 5]] {
            let mut expected = list.clone();
            expected.sort_by_key(|number| number / 10);
            assert_eq!(sorted(list.clone(), |a, b| (a / 10).cmp(&(b / 10))), expected, "{list:?}");
        }
    }
}
