// Sizes as in cpu::attention::Shape; `scale` is 1 / sqrt(K). A probability is dropped where its random bits are below
// `drop_below`; what is kept is multiplied by `kept_scale`.
struct Settings {
    b: u32,
    t: u32,
    h: u32,
    k: u32,
    has_keep: u32,
    scale: f32,
    drop_below: u32,
    kept_scale: f32,
    key: vec3<u32>,
}

