// Dropout of the second summand as in dropout.wgsl.
struct Settings {
    rows: u32,
    width: u32,
    eps: f32,
    drop_below: u32,
    key: vec3<u32>,
    kept_scale: f32,
}

