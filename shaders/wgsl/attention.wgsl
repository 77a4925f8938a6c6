// Multi-head self-attention: softmax(q k' scale) v for each sequence and head, with dropout of the
// probabilities.
// Source: Vaswani et al. 2017, 3.2.2. Definition: cpu::attention::attention.
// Bindings: 0 qkv in [B * T, 3 D], rotated if positions are rotary; 1 keep in [B, T]: 1 for a
// token, 0 for padding; 2 probabilities out [B, H, T, T], negated where dropped; 3 context out [B *
// T, D]. One workgroup computes 8 rows of the probabilities of one head. Four threads share a row
// of the softmax.

@group(0) @binding(0) var<storage, read_write> qkv: array<f32>;
@group(0) @binding(1) var<storage, read_write> keep: array<f32>;
@group(0) @binding(2) var<storage, read_write> probabilities: array<f32>;
@group(0) @binding(3) var<storage, read_write> context: array<f32>;
@group(0) @binding(4) var<uniform> settings: Settings;

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
            stage_rows(head.queries, first, part, lane);
            stage_tile(head.keys, start, part, lane);
            workgroupBarrier();
            products(lane, &upper, &lower);
            workgroupBarrier();
        }
        let key = start + lane;
        if key < t {
            var mask_score = 0.0;
            if settings.has_keep == 1u {
                // Large enough that the probability of padding is exactly 0.
                mask_score = (keep[head.text * t + key] - 1.0) * 1e9;
            }
            for (var i = 0u; i < 4u; i++) {
                if first + i < t {
                    probabilities[head.scores + (first + i) * t + key] = upper[i] * settings.scale + mask_score;
                }
                if first + 4u + i < t {
                    probabilities[head.scores + (first + 4u + i) * t + key] = lower[i] * settings.scale + mask_score;
                }
            }
        }
    }
    storageBarrier();
    let row = first + lane / 4u;
    let scores = head.scores + min(row, t - 1u) * t;
    // Threads beyond the last row do no work, but must reach the barriers.
    let end = select(0u, t, row < t);
    var top = -3.4e38;
    for (var j = lane % 4u; j < end; j += 4u) {
        top = max(top, probabilities[scores + j]);
    }
    top = highest_of_four(top, lane);
    var sum = 0.0;
    for (var j = lane % 4u; j < end; j += 4u) {
        let p = exp(probabilities[scores + j] - top);
        probabilities[scores + j] = p;
        sum += p;
    }
    let inverse = 1.0 / total_of_four(sum, lane);
    for (var j = lane % 4u; j < end; j += 4u) {
        let p = probabilities[scores + j] * inverse;
        let is_dropped = settings.drop_below > 0u && random_bits(scores + j, settings.key) < settings.drop_below;
        probabilities[scores + j] = select(p, -p, is_dropped);
    }
    storageBarrier();
    for (var column = lane; column < settings.k; column += 32u) {
        var upper = vec4<f32>();
        var lower = vec4<f32>();
        for (var j = 0u; j < t; j++) {
            let value = qkv[head.values + j * head.stride + column];
            let p = head.scores + j;
            upper += max(rows_at(p, first, t), vec4<f32>()) * value;
            lower += max(rows_at(p, first + 4u, t), vec4<f32>()) * value;
        }
        for (var i = 0u; i < 4u; i++) {
            if first + i < t {
                context[head.context + (first + i) * head.width + column] = upper[i] * settings.kept_scale;
            }
            if first + 4u + i < t {
                context[head.context + (first + 4u + i) * head.width + column] = lower[i] * settings.kept_scale;
            }
        }
    }
}

// Returns the probabilities of four rows at one key; rows beyond the last one are clamped to it.
fn rows_at(key: u32, row: u32, t: u32) -> vec4<f32> {
    let rows = min(row + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(t - 1u)) * t + key;
    return vec4<f32>(probabilities[rows.x], probabilities[rows.y], probabilities[rows.z], probabilities[rows.w]);
}

fn stage_rows(from_row: u32, first: u32, part: u32, lane: u32) {
    for (var i = lane; i < 256u; i += 32u) {
        let row = min(first + i / 32u, settings.t - 1u);
        let column = part + i % 32u;
        var x = 0.0;
        if column < settings.k {
            x = qkv[from_row + row * 3u * settings.h * settings.k + column];
        }
        rows_tile[i] = x;
    }
}
