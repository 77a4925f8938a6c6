// Adds x and y after dropout, and computes the layer normalisation of the sum as in
// layer_norm.wgsl.
// Definition: cpu::dropout::add and cpu::layer_norm::layer_norm.
// Bindings: 0 x in [rows, width], 1 y in [rows, width], 2 gamma in [width], 3 beta in [width], 4
// sum out [rows, width], 5 normal out [rows, width], 6 moments out [rows, 2]. One workgroup
// computes one row.

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> gamma: array<f32>;
@group(0) @binding(3) var<storage, read_write> beta: array<f32>;
@group(0) @binding(4) var<storage, read_write> sum: array<f32>;
@group(0) @binding(5) var<storage, read_write> normal: array<f32>;
@group(0) @binding(6) var<storage, read_write> moments: array<f32>;
@group(0) @binding(7) var<uniform> settings: Settings;

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
    var row_sum = 0.0;
    for (var i = start + lane; i < start + settings.width; i += 32u) {
        let is_dropped = settings.drop_below > 0u && random_bits(i, settings.key) < settings.drop_below;
        let value = x[i] + select(y[i] * settings.kept_scale, 0.0, is_dropped);
        sum[i] = value;
        row_sum += value;
    }
    let mean = total(row_sum, lane) / f32(settings.width);
    var squares = 0.0;
    for (var i = start + lane; i < start + settings.width; i += 32u) {
        let centred = sum[i] - mean;
        squares += centred * centred;
    }
    let inverse = 1.0 / sqrt(total(squares, lane) / f32(settings.width) + settings.eps);
    for (var i = lane; i < settings.width; i += 32u) {
        normal[start + i] = (sum[start + i] - mean) * inverse * gamma[i] + beta[i];
    }
    if lane == 0u {
        moments[2u * row] = mean;
        moments[2u * row + 1u] = inverse;
    }
}
