// cast_to_f32 — every element of f16 as f32.
//
//   y[i] = x[i]
//
//   x  Elem[count]
//   y  f32[count]
//
// ITEMS elements per thread, WG apart, so that neighbours read neighbours. Exact.

const WG: u32 = 64; // threads per workgroup
const ITEMS: u32 = 4; // elements per thread
const ELEMENT: u32 = 32; // bits of an Elem: 16 where the device has f16
alias Elem = f32;

struct Params { count: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<Elem>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let first = linear_workgroup(group, groups) * WG * ITEMS + thread;
  let end = min(first + WG * ITEMS, params.count);
  for (var i = first; i < end; i += WG) {
    y[i] = f32(x[i]);
  }
}
