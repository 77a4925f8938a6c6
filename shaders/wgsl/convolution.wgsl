// Depth-wise convolution over three positions, added to its input: y[t] = x[t] + w0 s[t-1] + w1
// s[t] + w2 s[t+1] per channel, where s is x for tokens and 0 for padding and beyond the sequence.
// Definition: cpu::convolution::convolve.
// Bindings: 0 x in [B * T, width], 1 taps in [width, 3], 2 keep in [B * T], 3 y out [B * T, width].
// One thread computes one element.

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> taps: array<f32>;
@group(0) @binding(2) var<storage, read_write> keep: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
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
    var sum = x[i] + taps[3u * column + 1u] * seen(row, column);
    if position > 0u {
        sum += taps[3u * column] * seen(row - 1u, column);
    }
    if position + 1u < settings.t {
        sum += taps[3u * column + 2u] * seen(row + 1u, column);
    }
    y[i] = sum;
}
