enable f16;
enable subgroups;
enable subgroup_size_control;
enable chromium_experimental_subgroup_matrix;
// matrix_subgroup — product_matrix's teams are subgroups that have a matrix unit; the entry point.
//
// Needs `const LANES: u32`, which subgroups may have, and Elem = f16. The kernel defines
// make_tile(index, thread): workgroup `index` of the grid.

alias LeftMatrix = subgroup_matrix_left<f16, 16, 16>;
alias RightMatrix = subgroup_matrix_right<f16, 16, 16>;
alias Sums = subgroup_matrix_result<f32, 16, 16>;

fn team_of(thread: u32) -> u32 {
  return subgroupBroadcastFirst(thread / LANES); // the same anyway; so that the compiler knows
}

@diagnostic(off, chromium.subgroup_matrix_uniformity)
fn left_matrix(block: u32) -> LeftMatrix {
  return subgroupMatrixLoad<LeftMatrix, row_major>(&staged_left[block], 0u, STRIDE);
}

@diagnostic(off, chromium.subgroup_matrix_uniformity)
fn right_matrix(block: u32) -> RightMatrix {
  return subgroupMatrixLoad<RightMatrix, col_major>(&staged_right[block], 0u, STRIDE);
}

@diagnostic(off, chromium.subgroup_matrix_uniformity)
fn multiply_add(left: LeftMatrix, right: RightMatrix, sums: Sums) -> Sums {
  return subgroupMatrixMultiplyAccumulate(left, right, sums);
}

@diagnostic(off, chromium.subgroup_matrix_uniformity)
fn put(team: u32, sums: Sums) {
  subgroupMatrixStore<row_major>(&finished[team], 0u, sums, 16u);
}

@compute @workgroup_size(WGX, WGY) @subgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_id) thread: vec3<u32>,
) {
  make_tile(linear_workgroup(group, groups), thread.xy);
}
