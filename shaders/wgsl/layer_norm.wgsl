// y = (x - mean) / sqrt(variance + eps) * gamma + beta for each row.
// Source: Ba et al. 2016, equation 4. Definition: cpu::layer_norm::layer_norm.
// Bindings: 0 x in [rows, width], 1 gamma in [width], 2 beta in [width], 3 y out [rows, width], 4
// moments out [rows, 2]: mean and inverse standard deviation. One workgroup computes one row.

struct Settings {
    rows: u32,
    width: u32,
    eps: f32,
}

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> gamma: array<f32>;
@group(0) @binding(2) var<storage, read_write> beta: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<storage, read_write> moments: array<f32>;
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
    var sum = 0.0;
    for (var i = lane; i < settings.width; i += 32u) {
        sum += x[start + i];
    }
    let mean = total(sum, lane) / f32(settings.width);
    var squares = 0.0;
    for (var i = lane; i < settings.width; i += 32u) {
        let centred = x[start + i] - mean;
        squares += centred * centred;
    }
    let inverse = 1.0 / sqrt(total(squares, lane) / f32(settings.width) + settings.eps);
    for (var i = lane; i < settings.width; i += 32u) {
        y[start + i] = (x[start + i] - mean) * inverse * gamma[i] + beta[i];
    }
    if lane == 0u {
        moments[2u * row] = mean;
        moments[2u * row + 1u] = inverse;
    }
}
