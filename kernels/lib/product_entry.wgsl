// product_entry — the entry point of a product.
//
// The kernel defines make_tile(index, thread): workgroup `index` of the grid. The entry point is
// not the kernel's own because matrix_subgroup's must state the size of subgroups.

@compute @workgroup_size(WGX, WGY)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_id) thread: vec3<u32>,
) {
  make_tile(linear_workgroup(group, groups), thread.xy);
}
