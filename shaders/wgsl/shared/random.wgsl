// Counter-based random bits: pcg4d (Jarzynski & Olano 2020, "Hash functions for GPU rendering",
// listing 16), the same as in src/dropout.rs. One hash yields four numbers, for elements that are
// 16 apart.
fn random_bits(i: u32, key: vec3<u32>) -> u32 {
    var v = vec4<u32>(i / 64u * 16u + i % 16u, key) * 1664525u + 1013904223u;
    v.x += v.y * v.w;
    v.y += v.z * v.x;
    v.z += v.x * v.y;
    v.w += v.y * v.z;
    v ^= v >> vec4<u32>(16u);
    v.x += v.y * v.w;
    v.y += v.z * v.x;
    v.z += v.x * v.y;
    v.w += v.y * v.z;
    return v[i / 16u % 4u];
}

