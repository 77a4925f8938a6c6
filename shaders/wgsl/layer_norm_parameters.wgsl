// Gradients of scale and shift of layer_norm.wgsl: sums of dy (x - mean) inverse and of dy over all
// rows.
// Definition: cpu::layer_norm::backward.
// Bindings: 0 x in [rows, width], 1 moments in [rows, 2], 2 dy in [rows, width], 3 dgamma out
// [width], 4 dbeta out [width]. One workgroup computes 16 columns.

struct Settings {
    rows: u32,
    width: u32,
}

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> moments: array<f32>;
@group(0) @binding(2) var<storage, read_write> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dgamma: array<f32>;
@group(0) @binding(4) var<storage, read_write> dbeta: array<f32>;
@group(0) @binding(5) var<uniform> settings: Settings;

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let column = place(group, groups) * 16u + lane % 16u;
    var sums = vec3<f32>();
    if column < settings.width {
        for (var row = lane / 16u; row < settings.rows; row += 16u) {
            let i = row * settings.width + column;
            sums += vec3<f32>(dy[i] * (x[i] - moments[2u * row]) * moments[2u * row + 1u], dy[i], 0.0);
        }
    }
    let found = column_total(sums, lane);
    if lane < 16u && column < settings.width {
        dgamma[column] = found.x;
        dbeta[column] = found.y;
    }
}
