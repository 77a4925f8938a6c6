// Returns x for a token, 0 for padding.
fn seen(row: u32, column: u32) -> f32 {
    let value = x[row * settings.width + column];
    if settings.has_keep == 1u {
        return value * keep[row];
    }
    return value;
}

