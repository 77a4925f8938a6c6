// `n` counts elements, or rows where a kernel takes them one by one.
struct Settings {
    n: u32,
    width: u32,
    t: u32,
    has_keep: u32,
}

