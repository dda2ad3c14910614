// add — elementwise sum; y repeats along the leading dimensions of x.
//
//   z[i] = x[i] + y[i mod period]
//
//   x, z  f32[count · VECTOR]
//   y     f32[period · VECTOR]    period divides count; they are equal if REPEAT = 0
//
// ITEMS Vectors per thread, WG apart, so that neighbours read neighbours. One rounding.

const WG: u32 = 64; // threads per workgroup
const ITEMS: u32 = 4; // Vectors per thread
const REPEAT: u32 = 0; // 1 pays for a remainder per Vector
const VECTOR: u32 = 1; // elements of a Vector
alias Vector = f32;

struct Params { count: u32 /* Vectors of x */, period: u32 /* Vectors of y */ }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Vector>;
@group(0) @binding(2) var<storage, read> y: array<Vector>;
@group(0) @binding(3) var<storage, read_write> z: array<Vector>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let first = linear_workgroup(group, groups) * WG * ITEMS + thread;
  let end = min(first + WG * ITEMS, params.count);
  for (var i = first; i < end; i += WG) {
    var j = i;
    if (REPEAT == 1u) {
      j = i % params.period;
    }
    z[i] = x[i] + y[j];
  }
}
