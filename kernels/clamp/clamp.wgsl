// clamp — keep every element within bounds, in place.
//
//   x[i] ← low if x[i] < low, high if x[i] > high, else x[i]
//
//   x  f32[count]    updated in place
//
// One thread per element. Exact. NaN stays NaN, where min and max would hide it.

const WG: u32 = 64; // threads per workgroup

struct Params { count: u32, low: f32, high: f32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let i = linear_workgroup(group, groups) * WG + thread;
  if (i < params.count) {
    let raised = select(x[i], params.low, x[i] < params.low);
    x[i] = select(raised, params.high, raised > params.high);
  }
}
