// The number of this workgroup: more than 65,535 use a second dimension.
fn place(group: vec3<u32>, groups: vec3<u32>) -> u32 {
    return group.y * groups.x + group.x;
}

