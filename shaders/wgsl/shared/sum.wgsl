// Sum over a workgroup of 256 threads, in a fixed order; thread 0 returns the total.
var<workgroup> partial: array<f32, 256>;

fn total(x: f32, lane: u32) -> f32 {
    partial[lane] = x;
    workgroupBarrier();
    var sum = 0.0;
    if lane < 16u {
        for (var i = 0u; i < 16u; i++) {
            sum += partial[lane * 16u + i];
        }
    }
    workgroupBarrier();
    partial[lane] = sum;
    workgroupBarrier();
    sum = 0.0;
    if lane == 0u {
        for (var i = 0u; i < 16u; i++) {
            sum += partial[i];
        }
    }
    return sum;
}

