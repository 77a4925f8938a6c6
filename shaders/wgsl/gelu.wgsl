// y = x * Phi(x), Phi(x) = (1 + erf(x / sqrt(2))) / 2: the exact form, not the tanh approximation.
// Source: Hendrycks & Gimpel 2016, section 2. CPU shadow: src/gelu.rs.
// Bindings: 0 x in [n], 1 y out [n]. One thread computes one element.

struct Settings {
    n: u32,
}

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> settings: Settings;

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
    y[i] = 0.5 * a * (1.0 + erf(a * 0.70710678));
}
