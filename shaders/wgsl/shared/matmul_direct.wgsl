// C = A B for matrices of any strides, without workgroup memory: for adapters that emulate a GPU, where a barrier costs more
// than a load, and a load more than a multiplication. One thread computes 8 rows of 8 columns that lie 16 apart, so that
// neighbouring threads read neighbouring columns of B and the same rows of A.
// Bindings: 0 a in, 1 b in, 2 c out [m, n]; what follows them depends on `finished`, which stands before this text.

@group(0) @binding(0) var<storage, read_write> a: array<f32>;
@group(0) @binding(1) var<storage, read_write> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;

fn write_column(row: u32, column: u32, upper: vec4<f32>, lower: vec4<f32>) {
    if column >= settings.n {
        return;
    }
    for (var i = 0u; i < 4u; i++) {
        if row + i < settings.m {
            c[(row + i) * settings.n + column] = finished(upper[i], column);
        }
        if row + 4u + i < settings.m {
            c[(row + 4u + i) * settings.n + column] = finished(lower[i], column);
        }
    }
}

// Where four rows of A begin; those beyond the last one read the last one.
fn rows(first: u32) -> vec4<u32> {
    return min(first + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(settings.m - 1u)) * settings.a_row;
}

// Where four columns of B begin; those beyond the last one read the last one.
fn columns(first: u32) -> vec4<u32> {
    return min(first + vec4<u32>(0u, 16u, 32u, 48u), vec4<u32>(settings.n - 1u)) * settings.b_column;
}

@compute @workgroup_size(16)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let row = group.y * 8u;
    let column = group.x * 128u + lane;
    var above = rows(row);
    var below = rows(row + 4u);
    var left = columns(column);
    var right = columns(column + 64u);
    var upper0 = vec4<f32>();
    var lower0 = vec4<f32>();
    var upper1 = vec4<f32>();
    var lower1 = vec4<f32>();
    var upper2 = vec4<f32>();
    var lower2 = vec4<f32>();
    var upper3 = vec4<f32>();
    var lower3 = vec4<f32>();
    var upper4 = vec4<f32>();
    var lower4 = vec4<f32>();
    var upper5 = vec4<f32>();
    var lower5 = vec4<f32>();
    var upper6 = vec4<f32>();
    var lower6 = vec4<f32>();
    var upper7 = vec4<f32>();
    var lower7 = vec4<f32>();
    for (var k = 0u; k < settings.k; k++) {
        let x = vec4<f32>(a[above.x], a[above.y], a[above.z], a[above.w]);
        let y = vec4<f32>(a[below.x], a[below.y], a[below.z], a[below.w]);
        let p = vec4<f32>(b[left.x], b[left.y], b[left.z], b[left.w]);
        let q = vec4<f32>(b[right.x], b[right.y], b[right.z], b[right.w]);
        upper0 += x * p.x;
        lower0 += y * p.x;
        upper1 += x * p.y;
        lower1 += y * p.y;
        upper2 += x * p.z;
        lower2 += y * p.z;
        upper3 += x * p.w;
        lower3 += y * p.w;
        upper4 += x * q.x;
        lower4 += y * q.x;
        upper5 += x * q.y;
        lower5 += y * q.y;
        upper6 += x * q.z;
        lower6 += y * q.z;
        upper7 += x * q.w;
        lower7 += y * q.w;
        above += settings.a_column;
        below += settings.a_column;
        left += settings.b_row;
        right += settings.b_row;
    }
    write_column(row, column, upper0, lower0);
    write_column(row, column + 16u, upper1, lower1);
    write_column(row, column + 32u, upper2, lower2);
    write_column(row, column + 48u, upper3, lower3);
    write_column(row, column + 64u, upper4, lower4);
    write_column(row, column + 80u, upper5, lower5);
    write_column(row, column + 96u, upper6, lower6);
    write_column(row, column + 112u, upper7, lower7);
}
