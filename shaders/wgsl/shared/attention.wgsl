// Sizes as in cpu::attention::Shape; `scale` is 1 / sqrt(K), `blocks` the number of blocks of 8
// rows per sequence. A probability is dropped if its random bits are below `drop_below`, and scaled
// by `kept_scale` otherwise.
struct Settings {
    b: u32,
    t: u32,
    h: u32,
    k: u32,
    has_keep: u32,
    scale: f32,
    drop_below: u32,
    kept_scale: f32,
    key: vec3<u32>,
    blocks: u32,
}

// Offsets of the data of one head of one sequence; adjacent rows of qkv are `stride` apart, those
// of the context `width`.
struct Head {
    text: u32,
    queries: u32,
    keys: u32,
    values: u32,
    scores: u32,
    context: u32,
    stride: u32,
    width: u32,
}

fn head_of(block: u32) -> Head {
    let number = block / settings.blocks;
    let text = number / settings.h;
    let width = settings.h * settings.k;
    let queries = text * settings.t * 3u * width + number % settings.h * settings.k;
    var head: Head;
    head.text = text;
    head.queries = queries;
    head.keys = queries + width;
    head.values = queries + 2u * width;
    head.scores = number * settings.t * settings.t;
    head.context = text * settings.t * width + number % settings.h * settings.k;
    head.stride = 3u * width;
    head.width = width;
    return head;
}

fn first_row(block: u32) -> u32 {
    return block % settings.blocks * 8u;
}

