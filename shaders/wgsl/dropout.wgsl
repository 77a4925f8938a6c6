// Inverted dropout: 0 if the random bits of an element are below `drop_below`, else x times
// `kept_scale`.
// Source: Srivastava et al. 2014. CPU shadow: src/dropout.rs.
// Bindings: 0 x in [n], 1 y out [n]. One thread computes one element.

struct Settings {
    n: u32,
    drop_below: u32,
    kept_scale: f32,
    key: vec3<u32>,
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
    if i < settings.n {
        y[i] = select(x[i] * settings.kept_scale, 0.0, random_bits(i, settings.key) < settings.drop_below);
    }
}
