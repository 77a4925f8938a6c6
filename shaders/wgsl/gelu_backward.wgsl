// dx = dy * (Phi(x) + x * phi(x)), phi the standard normal density: the exact derivative of
// gelu.wgsl.
// CPU shadow: src/gelu_backward.rs.
// Bindings: 0 x in [n], 1 dy in [n], 2 dx out [n]. One thread computes one element.

struct Settings {
    n: u32,
}

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;
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
    let a = x[i];
    let cdf = 0.5 * (1.0 + erf(a * 0.70710678));
    let pdf = 0.39894228 * exp(-0.5 * a * a);
    dx[i] = dy[i] * (cdf + a * pdf);
}
