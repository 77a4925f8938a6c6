//! Sorting by a number. The standard library's sort is compiled anew for each kind of thing, 4 kB of code each time; here one is
//! compiled for all.

/// Sorts by a number, lowest first; of equal ones, the order stays.
pub fn sort_by<T>(items: &mut Vec<T>, key: impl Fn(&T) -> f64) {
    let places = order(items.iter().map(key).collect());
    let mut old: Vec<Option<T>> = std::mem::take(items).into_iter().map(Some).collect();
    items.extend(places.into_iter().filter_map(|place| old[place].take()));
}

/// The places of these numbers, lowest first.
fn order(numbers: Vec<f64>) -> Vec<usize> {
    let mut numbered: Vec<(f64, usize)> = numbers.into_iter().zip(0..).collect();
    numbered.sort_by(|a, b| a.0.total_cmp(&b.0));
    numbered.into_iter().map(|(_, place)| place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_ones_keep_their_order() {
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
