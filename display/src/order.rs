//! Sorting by a numeric key. The standard library's sort is monomorphised for each element type, at
//! 4 kB of code each; this one is compiled once, for pairs of key and index.

/// Sorts by a numeric key in ascending order, as `f64::total_cmp` orders keys. The sort is stable.
pub fn sort_by<T>(items: &mut Vec<T>, key: impl Fn(&T) -> f64) {
    let indices = order(items.iter().map(key).collect());
    let mut old: Vec<Option<T>> = std::mem::take(items).into_iter().map(Some).collect();
    items.extend(indices.into_iter().filter_map(|index| old[index].take()));
}

/// Returns the indices that sort the numbers in ascending order (argsort).
fn order(numbers: Vec<f64>) -> Vec<usize> {
    let mut indexed: Vec<(f64, usize)> = numbers.into_iter().zip(0..).collect();
    indexed.sort_by(|a, b| a.0.total_cmp(&b.0));
    indexed.into_iter().map(|(_, index)| index).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_keys_keep_their_order() {
        let mut items = vec![
            ("b", 2.0),
            ("a", 1.0),
            ("c", 2.0),
            ("d", f64::NAN),
            ("e", -1.0),
            ("f", 1.0),
        ];
        sort_by(&mut items, |item| item.1);
        assert_eq!(
            items.iter().map(|item| item.0).collect::<String>(),
            "eafbcd"
        );
        sort_by(&mut Vec::<(&str, f64)>::new(), |item| item.1);
    }
}
