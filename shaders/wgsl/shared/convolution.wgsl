// `n` is the number of elements, or of rows in kernels that iterate over rows.
struct Settings {
    n: u32,
    width: u32,
    t: u32,
    has_keep: u32,
}

