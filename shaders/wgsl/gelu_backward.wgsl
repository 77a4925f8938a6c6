// dx = dy * (Phi(x) + x * phi(x)), phi the standard normal density: the exact derivative of gelu.wgsl.
// CPU shadow: src/gelu_backward.rs.
// Bindings: 0 x in [n], 1 dy in [n], 2 dx out [n]. One thread computes one element.

struct Settings {
    n: u32,
}

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;
@group(0) @binding(3) var<uniform> settings: Settings;

// The same polynomials as in gelu.wgsl: a file is a whole kernel.
fn erf(a: f32) -> f32 {
    let t = abs(a);
    let s = a * a;
    if t > 0.927734375 {
        var r = fma(-1.72853470e-5, t, 3.83197126e-4);
        let u = fma(-3.88396438e-3, t, 2.42546219e-2);
        r = fma(r, s, u);
        r = fma(r, t, -1.06777877e-1);
        r = fma(r, t, -6.34846687e-1);
        r = fma(r, t, -1.28717512e-1);
        r = fma(r, t, -t);
        return sign(a) * (1.0 - exp(r));
    }
    var r = fma(-5.96761703e-4, s, 4.99119423e-3);
    r = fma(r, s, -2.67681349e-2);
    r = fma(r, s, 1.12819925e-1);
    r = fma(r, s, -3.76125336e-1);
    r = fma(r, s, 1.28379166e-1);
    return fma(r, a, a);
}

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
