// ravel_index — the places of one element of each row in the flattened matrix.
//
//   y[i] = i · width + columns[i]
//
//   columns, y  u32[rows]
//
// One thread per row. Exact, modulo 2³².

const WG: u32 = 64; // threads per workgroup

struct Params { rows: u32, width: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> columns: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let i = linear_workgroup(group, groups) * WG + thread;
  if (i < params.rows) {
    y[i] = i * params.width + columns[i];
  }
}
