// batchnorm_mask — the cotangent of what went into a ReLU, from what came out of it.
//
//   g[i] = dy[i] where y[i] > 0, else 0
//
//   dy, y, g  f32[count · VECTOR]
//
// ITEMS Vectors per thread, WG apart, so that neighbours read neighbours. Exact.

const WG: u32 = 64; // threads per workgroup
const ITEMS: u32 = 4; // Vectors per thread
const VECTOR: u32 = 1; // elements of a Vector
alias Vector = f32;

struct Params { count: u32 /* Vectors */ }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> dy: array<Vector>;
@group(0) @binding(2) var<storage, read> y: array<Vector>;
@group(0) @binding(3) var<storage, read_write> g: array<Vector>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let first = linear_workgroup(group, groups) * WG * ITEMS + thread;
  let end = min(first + WG * ITEMS, params.count);
  for (var i = first; i < end; i += WG) {
    g[i] = select(Vector(0), dy[i], y[i] > Vector(0));
  }
}
