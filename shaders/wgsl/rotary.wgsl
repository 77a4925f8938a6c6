// Rotates queries and keys by their positions and copies values. The pairs (i, i + K/2) of each
// head are rotated by the angle of the row's position, or by its inverse if `direction` is -1.
// Source: Su et al. 2021, equation 34. Definition: cpu::attention.
// Bindings: 0 x in [B * T, 3 D], 1 tables in [2, T, K / 2]: cosines and sines, 2 y out [B * T, 3
// D]. One thread computes one element.

struct Settings {
    n: u32,
    t: u32,
    k: u32,
    width: u32,
    direction: f32,
}

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> tables: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> settings: Settings;

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = place(group, groups) * 256u + lane;
    if i >= settings.n {
        return;
    }
    let column = i % (3u * settings.width);
    if column >= 2u * settings.width {
        y[i] = x[i];
        return;
    }
    let position = i / (3u * settings.width) % settings.t;
    let half = settings.k / 2u;
    let at = column % settings.width % settings.k;
    let angle = position * half + at % half;
    let cosine = tables[angle];
    let sine = tables[settings.t * half + angle] * settings.direction;
    if at < half {
        y[i] = x[i] * cosine - x[i + half] * sine;
    } else {
        y[i] = x[i] * cosine + x[i - half] * sine;
    }
}
