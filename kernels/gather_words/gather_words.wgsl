// gather_words — look up rows of u32 values by index.
//
//   y[i,c] = table[index[i], c]
//
//   table  u32[size, width]
//   index  u32[count]           an index from size on gives 0xFFFFFFFF
//   y      u32[count, width]
//
// One thread per element. Exact.

const WG: u32 = 64; // threads per workgroup

struct Params { count: u32, size: u32, width: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> table: array<u32>;
@group(0) @binding(2) var<storage, read> index: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let at = linear_workgroup(group, groups) * WG + thread;
  if (at >= params.count * params.width) {
    return;
  }
  let i = at / params.width;
  let row = index[i];
  if (row < params.size) {
    y[at] = table[row * params.width + at - i * params.width];
  } else {
    y[at] = 0xFFFFFFFFu;
  }
}
