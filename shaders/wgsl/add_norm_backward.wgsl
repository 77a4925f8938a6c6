// Gradients dx and dy of add_norm.wgsl: dx as in layer_norm_backward.wgsl; dy is dx after dropout.
// Definition: cpu::layer_norm::backward and cpu::dropout::dropout.
// Bindings: 0 sum in [rows, width], 1 gamma in [width], 2 moments in [rows, 2], 3 dnormal in [rows,
// width], 4 dx out [rows, width], 5 dy out [rows, width]. One workgroup computes one row.

@group(0) @binding(0) var<storage, read_write> sum: array<f32>;
@group(0) @binding(1) var<storage, read_write> gamma: array<f32>;
@group(0) @binding(2) var<storage, read_write> moments: array<f32>;
@group(0) @binding(3) var<storage, read_write> dnormal: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;
@group(0) @binding(5) var<storage, read_write> dy: array<f32>;
@group(0) @binding(6) var<uniform> settings: Settings;

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
        let slope = dnormal[start + i] * gamma[i];
        sums += vec2<f32>(slope, slope * (sum[start + i] - mean) * inverse);
    }
    let means = total2(sums, lane) / f32(settings.width);
    for (var i = lane; i < settings.width; i += 32u) {
        let normal = (sum[start + i] - mean) * inverse;
        let slope = inverse * (dnormal[start + i] * gamma[i] - means.x - normal * means.y);
        dx[start + i] = slope;
        let is_dropped = random_bits(start + i, settings.key) < settings.drop_below;
        dy[start + i] = select(slope * settings.kept_scale, 0.0, is_dropped);
    }
}
