// copy_rows — put a tensor into a larger one, from a row of it on.
//
//   y[first + i] = x[i]
//
//   x  f32[count · VECTOR]
//   y  f32[≥ (first + count) · VECTOR]    updated; the rest of it stays
//
// ITEMS Vectors per thread, WG apart, so that neighbours write neighbours. Exact.

const WG: u32 = 64; // threads per workgroup
const ITEMS: u32 = 4; // Vectors per thread
const VECTOR: u32 = 1; // elements of a Vector
alias Vector = f32;

struct Params { count: u32 /* Vectors of x */, first: u32 /* the Vector of y that x begins at */ }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Vector>;
@group(0) @binding(2) var<storage, read_write> y: array<Vector>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let begin = linear_workgroup(group, groups) * WG * ITEMS + thread;
  let end = min(begin + WG * ITEMS, params.count);
  for (var i = begin; i < end; i += WG) {
    y[params.first + i] = x[i];
  }
}
