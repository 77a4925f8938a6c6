// The number of this workgroup where a second dimension opens past 65,535.
fn place(group: vec3<u32>, groups: vec3<u32>) -> u32 {
    return group.y * groups.x + group.x;
}

