//! The best of many scores.

/// Returns the `k` highest scores among the allowed indices, best first; ties go to the smaller
/// index.
pub(crate) fn best(scores: &[f32], k: usize, allowed: impl Fn(usize) -> bool) -> Vec<(usize, f64)> {
    let mut ranked: Vec<usize> = (0..scores.len()).filter(|&i| allowed(i)).collect();
    ranked.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
    ranked
        .into_iter()
        .take(k)
        .map(|i| (i, f64::from(scores[i])))
        .collect()
}
