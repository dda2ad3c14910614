// scatter_words — write u32 values at given places of a table, in place.
//
//   table[index[i]] = x[i]
//
//   table  u32[size]     updated; other places keep their value
//   index  u32[count]    distinct; an index from size on is ignored
//   x      u32[count]
//
// One thread per element. Distinct indices make the result independent of the order.

const WG: u32 = 64; // threads per workgroup

struct Params { count: u32, size: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> table: array<u32>;
@group(0) @binding(2) var<storage, read> index: array<u32>;
@group(0) @binding(3) var<storage, read> x: array<u32>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let i = linear_workgroup(group, groups) * WG + thread;
  if (i >= params.count) {
    return;
  }
  let at = index[i];
  if (at < params.size) {
    table[at] = x[i];
  }
}
