// Sums and maxima over a workgroup of 32 threads, the width at which most GPUs run threads in step, in a fixed order.
var<workgroup> partial: array<vec2<f32>, 32>;

fn share(x: vec2<f32>, lane: u32) {
    // Whatever was shared before has been read.
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
    var most = partial[0].x;
    for (var i = 1u; i < 32u; i++) {
        most = max(most, partial[i].x);
    }
    return most;
}

