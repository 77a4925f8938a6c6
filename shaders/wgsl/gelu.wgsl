// y = x * Phi(x), Phi(x) = (1 + erf(x / sqrt(2))) / 2: the exact form, not the tanh approximation.
// Source: Hendrycks & Gimpel 2016, section 2. CPU shadow: src/gelu.rs.
// Bindings: 0 x in [n], 1 y out [n]. One thread computes one element.

struct Settings {
    n: u32,
}

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> settings: Settings;

// Two minimax polynomials, below and above |a| = 475/512; largest error about one unit in the last place.
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
    y[i] = 0.5 * a * (1.0 + erf(a * 0.70710678));
}
