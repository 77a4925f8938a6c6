// Returns the linear index of this workgroup; more than 65,535 workgroups use a second dimension.
fn place(group: vec3<u32>, groups: vec3<u32>) -> u32 {
    return group.y * groups.x + group.x;
}

