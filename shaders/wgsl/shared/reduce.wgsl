// Sums and maxima over a workgroup of 32 threads in a fixed order. On most GPUs 32 threads run in
// lockstep.
var<workgroup> partial: array<vec2<f32>, 32>;

fn share(x: vec2<f32>, lane: u32) {
    // Wait until the previous values have been read.
    workgroupBarrier();
    partial[lane] = x;
    workgroupBarrier();
}

fn total2(x: vec2<f32>, lane: u32) -> vec2<f32> {
    share(x, lane);
    var sum = vec2<f32>();
    for (var i = 0u; i < 32u; i++) {
        sum += partial[i];
    }
    return sum;
}

fn total(x: f32, lane: u32) -> f32 {
    return total2(vec2<f32>(x, 0.0), lane).x;
}

fn highest(x: f32, lane: u32) -> f32 {
    share(vec2<f32>(x, 0.0), lane);
    var largest = partial[0].x;
    for (var i = 1u; i < 32u; i++) {
        largest = max(largest, partial[i].x);
    }
    return largest;
}

