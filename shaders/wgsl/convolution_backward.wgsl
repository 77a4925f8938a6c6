// Gradient of the input of convolution.wgsl: dx[t] = dy[t] + keep[t] (w0 dy[t+1] + w1 dy[t] + w2
// dy[t-1]).
// Definition: cpu::convolution::backward.
// Bindings: 0 taps in [width, 3], 1 keep in [B * T], 2 dy in [B * T, width], 3 dx out [B * T,
// width]. One thread computes one element.

@group(0) @binding(0) var<storage, read_write> taps: array<f32>;
@group(0) @binding(1) var<storage, read_write> keep: array<f32>;
@group(0) @binding(2) var<storage, read_write> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;
@group(0) @binding(4) var<uniform> settings: Settings;

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
    let row = i / settings.width;
    let column = i % settings.width;
    let position = row % settings.t;
    var sum = taps[3u * column + 1u] * dy[i];
    if position > 0u {
        sum += taps[3u * column + 2u] * dy[i - settings.width];
    }
    if position + 1u < settings.t {
        sum += taps[3u * column] * dy[i + settings.width];
    }
    if settings.has_keep == 1u {
        sum *= keep[row];
    }
    dx[i] = dy[i] + sum;
}
