// Gradients of the taps of convolution.wgsl: sums over all rows of dy[t] s[t-1], dy[t] s[t] and
// dy[t] s[t+1].
// Definition: cpu::convolution::backward.
// Bindings: 0 x in [B * T, width], 1 keep in [B * T], 2 dy in [B * T, width], 3 dtaps out [width,
// 3]. One workgroup computes 16 columns.

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> keep: array<f32>;
@group(0) @binding(2) var<storage, read_write> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dtaps: array<f32>;
@group(0) @binding(4) var<uniform> settings: Settings;

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let column = place(group, groups) * 16u + lane % 16u;
    var sums = vec3<f32>();
    if column < settings.width {
        for (var row = lane / 16u; row < settings.n; row += 16u) {
            let position = row % settings.t;
            var around = vec3<f32>(0.0, seen(row, column), 0.0);
            if position > 0u {
                around.x = seen(row - 1u, column);
            }
            if position + 1u < settings.t {
                around.z = seen(row + 1u, column);
            }
            sums += dy[row * settings.width + column] * around;
        }
    }
    let found = column_total(sums, lane);
    if lane < 16u && column < settings.width {
        dtaps[3u * column] = found.x;
        dtaps[3u * column + 1u] = found.y;
        dtaps[3u * column + 2u] = found.z;
    }
}
