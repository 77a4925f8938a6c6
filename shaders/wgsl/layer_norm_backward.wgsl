// Gradient of the input of layer_norm.wgsl: with g = dy gamma and n = (x - mean) inverse, dx =
// inverse (g - mean(g) - n mean(g n)).
// Definition: cpu::layer_norm::backward.
// Bindings: 0 x in [rows, width], 1 gamma in [width], 2 moments in [rows, 2], 3 dy in [rows,
// width], 4 dx out [rows, width]. One workgroup computes one row.

struct Settings {
    rows: u32,
    width: u32,
}

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> gamma: array<f32>;
@group(0) @binding(2) var<storage, read_write> moments: array<f32>;
@group(0) @binding(3) var<storage, read_write> dy: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;
@group(0) @binding(5) var<uniform> settings: Settings;

@compute @workgroup_size(32)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = place(group, groups);
    if row >= settings.rows {
        return;
    }
    let start = row * settings.width;
    let mean = moments[2u * row];
    let inverse = moments[2u * row + 1u];
    var sums = vec2<f32>();
    for (var i = lane; i < settings.width; i += 32u) {
        let slope = dy[start + i] * gamma[i];
        sums += vec2<f32>(slope, slope * (x[start + i] - mean) * inverse);
    }
    let means = total2(sums, lane) / f32(settings.width);
    for (var i = lane; i < settings.width; i += 32u) {
        let normal = (x[start + i] - mean) * inverse;
        dx[start + i] = inverse * (dy[start + i] * gamma[i] - means.x - normal * means.y);
    }
}
