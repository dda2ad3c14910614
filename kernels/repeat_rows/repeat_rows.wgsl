// repeat_rows — copy a row to every row of a larger tensor.
//
//   y[i] = x[i mod period]
//
//   x  f32[period · VECTOR]
//   y  f32[count · VECTOR]    period divides count
//
// ITEMS Vectors per thread, WG apart, so that neighbours write neighbours. Exact.

const WG: u32 = 64; // threads per workgroup
const ITEMS: u32 = 4; // Vectors per thread
const VECTOR: u32 = 1; // elements of a Vector
alias Vector = f32;

struct Params { count: u32 /* Vectors of y */, period: u32 /* Vectors of x */ }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Vector>;
@group(0) @binding(2) var<storage, read_write> y: array<Vector>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let first = linear_workgroup(group, groups) * WG * ITEMS + thread;
  let end = min(first + WG * ITEMS, params.count);
  for (var i = first; i < end; i += WG) {
    y[i] = x[i % params.period];
  }
}
