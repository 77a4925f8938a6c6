// One AdamW step over a flat array of parameters, in place.
//   g' = clip * g;  m' = b1 m + (1 - b1) g';  v' = b2 v + (1 - b2) g'^2
//   p' = p (1 - lr wd) - lr (m' / c1) / (sqrt(v' / c2) + eps),  c1 = 1 - b1^t, c2 = 1 - b2^t
// Source: Loshchilov & Hutter 2019, algorithm 2. CPU shadow: src/adamw.rs.
// Bindings: 0 clip in [1], 1 p in/out [n], 2 g in [n], 3 m in/out [n], 4 v in/out [n].
//
// Nothing is changed if `clip` is 0, which is the case for a non-finite gradient. One thread
// updates one parameter. `clip` stays on the device, so that no step waits for the gradient norm.

struct Settings {
    n: u32,
    lr: f32,
    beta1: f32,
    beta2: f32,
    eps: f32,
    weight_decay: f32,
    correction1: f32,
    correction2: f32,
}

@group(0) @binding(0) var<storage, read_write> clip: array<f32>;
@group(0) @binding(1) var<storage, read_write> p: array<f32>;
@group(0) @binding(2) var<storage, read_write> g: array<f32>;
@group(0) @binding(3) var<storage, read_write> m: array<f32>;
@group(0) @binding(4) var<storage, read_write> v: array<f32>;
@group(0) @binding(5) var<uniform> settings: Settings;

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = place(group, groups) * 256u + lane;
    if i >= settings.n || clip[0] == 0.0 {
        return;
    }
    let gradient = g[i] * clip[0];
    let first = settings.beta1 * m[i] + (1.0 - settings.beta1) * gradient;
    let second = settings.beta2 * v[i] + (1.0 - settings.beta2) * gradient * gradient;
    m[i] = first;
    v[i] = second;
    let update = (first / settings.correction1) / (sqrt(second / settings.correction2) + settings.eps);
    p[i] = p[i] * (1.0 - settings.lr * settings.weight_decay) - settings.lr * update;
}
