// Sums of the columns of a matrix: the gradient of a bias. Definition: cpu::rows::column_sums.
// Bindings: 0 x in [rows, width], 1 sums out [width]. One workgroup computes 16 columns.

struct Settings {
    rows: u32,
    width: u32,
}

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;
@group(0) @binding(2) var<uniform> settings: Settings;

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let column = place(group, groups) * 16u + lane % 16u;
    var sum = 0.0;
    if column < settings.width {
        for (var row = lane / 16u; row < settings.rows; row += 16u) {
            sum += x[row * settings.width + column];
        }
    }
    let found = column_total(vec3<f32>(sum, 0.0, 0.0), lane);
    if lane < 16u && column < settings.width {
        sums[column] = found.x;
    }
}
