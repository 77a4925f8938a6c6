// Gradients of the scores and the queries of attention.wgsl.
// Definition: cpu::attention::backward.
// Bindings: 0 qkv in [B * T, 3 D], 1 probabilities in [B, H, T, T], 2 dy in [B * T, D], 3 dscores
// out [B, H, T, T], 4 dqkv out [B * T, 3 D], of which the queries are written. One workgroup
// computes 8 rows of the scores of one head.

@group(0) @binding(0) var<storage, read_write> qkv: array<f32>;
@group(0) @binding(1) var<storage, read_write> probabilities: array<f32>;
@group(0) @binding(2) var<storage, read_write> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dscores: array<f32>;
@group(0) @binding(4) var<storage, read_write> dqkv: array<f32>;
@group(0) @binding(5) var<uniform> settings: Settings;

@compute @workgroup_size(32)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let block = place(group, groups);
    if block >= settings.b * settings.h * settings.blocks {
        return;
    }
    let t = settings.t;
    let head = head_of(block);
    let first = first_row(block);
    for (var start = 0u; start < t; start += 32u) {
        var upper = vec4<f32>();
        var lower = vec4<f32>();
        for (var part = 0u; part < settings.k; part += 32u) {
            stage_rows(head.context, first, part, lane);
            stage_tile(head.values, start, part, lane);
            workgroupBarrier();
            products(lane, &upper, &lower);
            workgroupBarrier();
        }
        let key = start + lane;
        if key < t {
            for (var i = 0u; i < 4u; i++) {
                if first + i < t {
                    dscores[head.scores + (first + i) * t + key] = upper[i];
                }
                if first + 4u + i < t {
                    dscores[head.scores + (first + 4u + i) * t + key] = lower[i];
                }
            }
        }
    }
    storageBarrier();
    let row = first + lane / 4u;
    let scores = head.scores + min(row, t - 1u) * t;
    // Threads beyond the last row do no work, but must reach the barriers.
    let end = select(0u, t, row < t);
    var sum = 0.0;
    for (var j = lane % 4u; j < end; j += 4u) {
        sum += max(probabilities[scores + j], 0.0) * dscores[scores + j];
    }
    let mean = total_of_four(sum, lane) * settings.kept_scale;
    for (var j = lane % 4u; j < end; j += 4u) {
        let p = probabilities[scores + j];
        let change = select(0.0, dscores[scores + j] * settings.kept_scale, p > 0.0);
        dscores[scores + j] = abs(p) * (change - mean);
    }
    storageBarrier();
    for (var column = lane; column < settings.k; column += 32u) {
        var upper = vec4<f32>();
        var lower = vec4<f32>();
        for (var j = 0u; j < t; j++) {
            let key = qkv[head.keys + j * head.stride + column];
            upper += rows_at(head.scores + j, first, t) * key;
            lower += rows_at(head.scores + j, first + 4u, t) * key;
        }
        for (var i = 0u; i < 4u; i++) {
            if first + i < t {
                dqkv[head.queries + (first + i) * head.stride + column] = upper[i] * settings.scale;
            }
            if first + 4u + i < t {
                dqkv[head.queries + (first + 4u + i) * head.stride + column] = lower[i] * settings.scale;
            }
        }
    }
}

// Returns the gradients of four rows of the scores at one key; rows beyond the last one are clamped
// to it.
fn rows_at(key: u32, row: u32, t: u32) -> vec4<f32> {
    let rows = min(row + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(t - 1u)) * t + key;
    return vec4<f32>(dscores[rows.x], dscores[rows.y], dscores[rows.z], dscores[rows.w]);
}

fn stage_rows(from_row: u32, first: u32, part: u32, lane: u32) {
    for (var i = lane; i < 256u; i += 32u) {
        let row = min(first + i / 32u, settings.t - 1u);
        let column = part + i % 32u;
        var x = 0.0;
        if column < settings.k {
            x = dy[from_row + row * settings.h * settings.k + column];
        }
        rows_tile[i] = x;
    }
}
