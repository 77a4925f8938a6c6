// Sums over the rows of 16 columns by a workgroup of 256 threads, in a fixed order: thread `lane`
// has summed every 16th row of column `lane % 16`; the first 16 threads return the totals.
var<workgroup> partial: array<vec3<f32>, 256>;

fn column_total(x: vec3<f32>, lane: u32) -> vec3<f32> {
    partial[lane] = x;
    workgroupBarrier();
    var sum = vec3<f32>();
    if lane < 16u {
        for (var i = lane; i < 256u; i += 16u) {
            sum += partial[i];
        }
    }
    return sum;
}

